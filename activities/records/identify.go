package records

import (
	"context"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/handrail/handrail/hosting"
)

// Identification asks which server somebody means.
type Identification struct {
	// Reference is a service id, an IP address, a host name or a service name,
	// as it was written.
	Reference string            `json:"reference"`
	Requester hosting.Requester `json:"requester"`
}

// Problem is why a reference does not lead to one server. Each is asked back on
// the ticket in its own words.
type Problem string

// The problems of an identification.
const (
	Identified Problem = ""
	NotFound   Problem = "not-found"
	Ambiguous  Problem = "ambiguous" // several servers are meant (O9)
	NotOwner   Problem = "not-owner" // the requester is no active contact of the owner (O7, I4)
	Retired    Problem = "retired"
)

// Subject is the server that is meant, with its owner. With a problem all the
// rest is empty: nothing of a foreign server is told.
type Subject struct {
	Server       hosting.Server       `json:"server,omitzero"`
	Organization hosting.Organization `json:"organization,omitzero"`
	// Contact is whom to answer: the requesting contact, or, where staff asked,
	// the owner's primary contact (empty where there is none).
	Contact hosting.Contact `json:"contact,omitzero"`
	Problem Problem         `json:"problem,omitempty"`
}

// Identify finds the one server that a reference means to a requester (I4, O9).
// A customer means a server of an organization of which they are an active
// contact; staff may mean any. A reference that does not lead to one server is
// not an error but a Problem.
func (r *Records) Identify(ctx context.Context, in Identification) (Subject, error) {
	if in.Requester.Role != hosting.RoleCustomer && in.Requester.Role != hosting.RoleStaff {
		return Subject{}, hosting.Invalid("", "the requester's role is not known", "use customer or staff")
	}
	var s Subject
	// One snapshot: owner and server belong together.
	err := pgx.BeginTxFunc(ctx, r.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		candidates, err := candidates(ctx, tx, in)
		if err != nil {
			return err
		}
		found, problem := choose(candidates, in.Requester.Role)
		if problem != Identified {
			s.Problem = problem
			return nil
		}
		return s.fill(ctx, tx, found, in.Requester)
	})
	if err != nil {
		return Subject{}, explain(r.host, task{doing: "identifying the server"}, err)
	}
	return s, nil
}

type candidate struct {
	ServiceID, Organization string
	State                   hosting.ServerState
	Own                     bool // the requester is an active contact of its owner
}

func candidates(ctx context.Context, q querier, in Identification) ([]candidate, error) {
	reference := strings.TrimSuffix(strings.TrimSpace(in.Reference), ".")
	if reference == "" {
		return nil, nil
	}
	var ip *string
	if a, ok := address(reference); ok {
		ip = new(a.String())
	}
	rows, err := q.Query(ctx, `
SELECT s.service_id, s.organization, s.state, EXISTS (
    SELECT FROM contacts c WHERE c.organization = s.organization AND c.email = $3 AND c.active)
FROM servers s
WHERE lower(s.service_id) = lower($1) OR lower(s.host_name) = lower($1) OR lower(s.name) = lower($1)
   OR lower(s.service_id || ' (' || s.name || ')') = lower($1) -- as Handrail names it
   OR s.service_id = (SELECT i.server FROM server_ips i WHERE i.address = $2::inet)`,
		reference, ip, mailbox(in.Requester.Contact))
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[candidate])
}

// choose picks the server that is meant, if there is just one. A customer's own
// servers hide other people's of the same name, and one in service hides the
// retired ones.
func choose(all []candidate, role hosting.Role) (candidate, Problem) {
	if len(all) == 0 {
		return candidate{}, NotFound
	}
	if role == hosting.RoleCustomer {
		all = slices.DeleteFunc(all, func(c candidate) bool { return !c.Own })
		if len(all) == 0 {
			return candidate{}, NotOwner
		}
	}
	all = slices.DeleteFunc(all, func(c candidate) bool { return c.State == hosting.ServerRetired })
	switch len(all) {
	case 0:
		return candidate{}, Retired
	case 1:
		return all[0], Identified
	default:
		return candidate{}, Ambiguous
	}
}

func (s *Subject) fill(ctx context.Context, q querier, found candidate, by hosting.Requester) error {
	var err error
	if s.Server, err = readServer(ctx, q, found.ServiceID); err != nil {
		return err
	}
	if s.Organization, err = readOrganization(ctx, q, found.Organization); err != nil {
		return err
	}
	if by.Role == hosting.RoleCustomer {
		s.Contact, _ = s.Organization.Contact(by.Contact)
	} else {
		s.Contact, _ = s.Organization.PrimaryContact()
	}
	return nil
}
