package records

import (
	"cmp"
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/handrail/handrail/hosting"
)

// querier is a pool or a transaction.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// writer is the same for what is written.
type writer interface {
	querier
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}

// selectServer yields one server per row. Addresses other than the primary one
// come in order.
const selectServer = `
SELECT s.service_id, s.name, s.host_name, coalesce(host(s.primary_ip), ''), s.organization, s.cluster_id, s.site, s.kind,
       s.state, s.firmware, s.staged_at,
       ARRAY(SELECT host(i.address) FROM server_ips i
             WHERE i.server = s.service_id AND i.address IS DISTINCT FROM s.primary_ip ORDER BY i.address),
       ARRAY(SELECT m.mac::text FROM server_macs m WHERE m.server = s.service_id ORDER BY m.position),
       (SELECT coalesce(jsonb_agg(jsonb_build_object(
                   'protocol', e.protocol, 'address', e.address, 'secret', e.secret, 'system', e.system,
                   'tls', jsonb_build_object(
                       'fingerprint', e.tls_fingerprint, 'ca', e.tls_ca, 'insecure', e.tls_insecure)
               ) ORDER BY e.position), '[]')
        FROM bmc_endpoints e WHERE e.server = s.service_id),
       (SELECT coalesce(jsonb_agg(jsonb_build_object(
                   'slot', b.slot, 'kind', b.kind, 'hotSwap', b.hot_swap) ORDER BY b.position), '[]')
        FROM bays b WHERE b.server = s.service_id)
FROM servers s `

func scanServer(row pgx.CollectableRow) (hosting.Server, error) {
	var s hosting.Server
	err := row.Scan(&s.ServiceID, &s.Name, &s.HostName, &s.PrimaryIP, &s.Organization, &s.ClusterID, &s.Site, &s.Kind,
		&s.State, &s.Firmware, &s.StagedAt, &s.IPs, &s.MACs, &s.BMC.Endpoints, &s.Bays)
	s.IPs, s.MACs, s.BMC.Endpoints, s.Bays = noneIsNil(s.IPs), noneIsNil(s.MACs), noneIsNil(s.BMC.Endpoints), noneIsNil(s.Bays)
	return s, err
}

func noneIsNil[S ~[]E, E any](s S) S {
	if len(s) == 0 {
		return nil
	}
	return s
}

// ReadServer returns a server by its service id, in whatever case. IPs are the
// addresses besides the primary one. A server that is not in the records is an
// InvalidRequest.
func (r *Records) ReadServer(ctx context.Context, serviceID string) (hosting.Server, error) {
	t := task{"reading the server's record", serviceID}
	s, err := readServer(ctx, r.pool, serviceID)
	if errors.Is(err, pgx.ErrNoRows) {
		return s, hosting.Invalid(serviceID, "the server is not in the records", doKnownServer)
	}
	return s, explain(r.host, t, err)
}

func readServer(ctx context.Context, q querier, serviceID string) (hosting.Server, error) {
	rows, err := q.Query(ctx, selectServer+"WHERE lower(s.service_id) = lower($1)", strings.TrimSpace(serviceID))
	if err != nil {
		return hosting.Server{}, err
	}
	return pgx.CollectExactlyOneRow(rows, scanServer)
}

// ImportServers writes servers as they are given, all or none: new ones are
// added, known ones replaced by service id. An address or host name that only a
// retired server has goes to the server that has it now. What breaks a rule of
// the records (an address on two servers, a password instead of a reference) is
// an InvalidRequest or a Conflict.
func (r *Records) ImportServers(ctx context.Context, servers []hosting.Server) error {
	// One order for all keeps two imports from waiting for each other.
	servers = slices.SortedFunc(slices.Values(servers), func(a, b hosting.Server) int {
		return cmp.Compare(a.ServiceID, b.ServiceID)
	})
	for i, s := range servers {
		ips, err := addresses(s)
		if err != nil {
			return err
		}
		servers[i].IPs = ips
		if servers[i].MACs, err = hardwareAddresses(s.ServiceID, s.MACs); err != nil {
			return err
		}
		if i > 0 && servers[i-1].ServiceID == s.ServiceID {
			return hosting.Invalid(s.ServiceID, "the server stands twice in the import", "keep one of the two")
		}
	}
	at := task{doing: "importing servers"}
	err := pgx.BeginFunc(ctx, r.pool, func(tx pgx.Tx) error {
		// Addresses may move between the servers of one import: all let go of
		// theirs before the first gets new ones.
		for _, pass := range []func(context.Context, pgx.Tx, hosting.Server) error{putServer, dropParts, putParts} {
			for _, s := range servers {
				at.server = s.ServiceID
				if err := pass(ctx, tx, s); err != nil {
					return err
				}
			}
		}
		return nil
	})
	return explain(r.host, at, err)
}

func putServer(ctx context.Context, tx pgx.Tx, s hosting.Server) error {
	b := &pgx.Batch{}
	// Before its state changes: a server that comes back into service would bring
	// back the cards that it once had.
	b.Queue("DELETE FROM server_macs WHERE server = $1", s.ServiceID)
	b.Queue(`
INSERT INTO servers (service_id, name, host_name, primary_ip, organization, cluster_id, site, kind, state, staged_at, firmware)
VALUES ($1, $2, $3, nullif($4, '')::inet, $5, $6, $7, $8, $9, $10, $11)
ON CONFLICT (service_id) DO UPDATE SET
    name = EXCLUDED.name, host_name = EXCLUDED.host_name, primary_ip = EXCLUDED.primary_ip,
    organization = EXCLUDED.organization, cluster_id = EXCLUDED.cluster_id, site = EXCLUDED.site,
    kind = EXCLUDED.kind, state = EXCLUDED.state, staged_at = EXCLUDED.staged_at,
    firmware = EXCLUDED.firmware`,
		s.ServiceID, strings.TrimSpace(s.Name), strings.TrimSpace(s.HostName), primary(s), s.Organization, s.ClusterID, s.Site,
		s.Kind, s.State, s.StagedAt, s.Firmware)
	return tx.SendBatch(ctx, b).Close()
}

func dropParts(ctx context.Context, tx pgx.Tx, s hosting.Server) error {
	b := &pgx.Batch{}
	b.Queue("DELETE FROM server_ips WHERE server = $1", s.ServiceID)
	b.Queue("DELETE FROM bmc_endpoints WHERE server = $1", s.ServiceID)
	b.Queue("DELETE FROM bays WHERE server = $1", s.ServiceID)
	return tx.SendBatch(ctx, b).Close()
}

func putParts(ctx context.Context, tx pgx.Tx, s hosting.Server) error {
	b := &pgx.Batch{}
	if s.State != hosting.ServerRetired {
		b.Queue(`UPDATE servers SET primary_ip = NULL
WHERE state = 'retired' AND service_id <> $1 AND primary_ip = ANY($2::inet[])`, s.ServiceID, s.IPs)
		b.Queue(`DELETE FROM server_ips i USING servers o
WHERE o.service_id = i.server AND o.state = 'retired' AND o.service_id <> $1 AND i.address = ANY($2::inet[])`, s.ServiceID, s.IPs)
	}
	b.Queue("INSERT INTO server_ips (address, server) SELECT unnest($2::inet[]), $1", s.ServiceID, s.IPs)
	b.Queue(`
INSERT INTO server_macs (server, position, mac, retired)
SELECT $1, m.position, m.mac, $3 FROM unnest($2::macaddr[]) WITH ORDINALITY AS m (mac, position)`,
		s.ServiceID, s.MACs, s.State == hosting.ServerRetired)
	for i, e := range s.BMC.Endpoints {
		b.Queue(`
INSERT INTO bmc_endpoints (server, position, protocol, address, secret, system, tls_fingerprint, tls_ca, tls_insecure)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
			s.ServiceID, i+1, e.Protocol, e.Address, e.Secret, e.System, e.TLS.Fingerprint, e.TLS.CA, e.TLS.Insecure)
	}
	for i, bay := range s.Bays {
		b.Queue("INSERT INTO bays (server, position, slot, kind, hot_swap) VALUES ($1, $2, $3, $4, $5)",
			s.ServiceID, i+1, bay.Slot, bay.Kind, bay.HotSwap)
	}
	return tx.SendBatch(ctx, b).Close()
}

// addresses returns all of a server's addresses in their usual form, the
// primary one first, none twice.
func addresses(s hosting.Server) ([]string, error) {
	var all []string
	for i, text := range append([]string{s.PrimaryIP}, s.IPs...) {
		if i == 0 && text == "" {
			continue
		}
		a, ok := address(text)
		if !ok {
			return nil, hosting.Invalid(s.ServiceID, "an IP address can not be read: "+text, "write a plain IPv4 or IPv6 address")
		}
		if !slices.Contains(all, a.String()) {
			all = append(all, a.String())
		}
	}
	return all, nil
}

// hardwareAddresses returns the addresses of network cards in lower case with
// colons, none twice.
func hardwareAddresses(server string, macs []string) ([]string, error) {
	var all []string
	for _, text := range macs {
		m, err := net.ParseMAC(strings.TrimSpace(text))
		if err != nil || len(m) != 6 {
			return nil, hosting.Invalid(server, "the address of a network card can not be read: "+strconv.Quote(text), "write it as 52:54:00:12:34:56")
		}
		if !slices.Contains(all, m.String()) {
			all = append(all, m.String())
		}
	}
	return all, nil
}

func primary(s hosting.Server) string {
	a, ok := address(s.PrimaryIP)
	if !ok {
		return ""
	}
	return a.String()
}

// address reads an IP address as people write it: with blanks, in brackets, an
// IPv4 address in IPv6 clothing. One with a zone is none of a server's.
func address(text string) (netip.Addr, bool) {
	text = strings.TrimSpace(text)
	if inner, found := strings.CutPrefix(text, "["); found {
		text = strings.TrimSuffix(inner, "]")
	}
	a, err := netip.ParseAddr(text)
	if err != nil || a.Zone() != "" {
		return netip.Addr{}, false
	}
	return a.Unmap(), true
}
