package datacenter

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/handrail/handrail/dev/datacenter/vendor"
	"github.com/handrail/handrail/hosting"
)

// handedOver is when the servers went to their customers.
var handedOver = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// record is a server as the records know it, without its BMC's addresses.
func (p plan) record() hosting.Server {
	s := hosting.Server{
		ServiceID: p.id, Name: p.name, HostName: p.hostName(), Organization: p.owner, ClusterID: p.cluster, Site: p.site.name,
		PrimaryIP: fmt.Sprintf("%s.%d", p.site.net, p.nth), IPs: []string{fmt.Sprintf("%s%d", p.site.v6, p.nth)},
		Kind: hosting.VPS, State: p.state,
	}
	if p.state != hosting.ServerStaging {
		s.StagedAt = new(handedOver.AddDate(0, 0, p.nth))
	}
	if p.profile != nil {
		s.Kind = hosting.Dedicated
		s.Bays = p.bays()
	}
	return s
}

func (p plan) hostName() string { return p.name + "." + p.site.host }

// bays are those of the drives, two power supplies and a fan. Whether a drive
// bay is hot-swappable differs, and is not always known (I24).
func (p plan) bays() []hosting.Bay {
	var bays []hosting.Bay
	for i := range p.parts.drives {
		bays = append(bays, hosting.Bay{Slot: p.profile.Storage.Bay(i), Kind: "drive", HotSwap: p.hotSwap})
	}
	return append(bays,
		hosting.Bay{Slot: "PSU 1", Kind: "psu", HotSwap: yes}, hosting.Bay{Slot: "PSU 2", Kind: "psu", HotSwap: yes},
		hosting.Bay{Slot: "Fan 1", Kind: "fan", HotSwap: no})
}

func (p plan) order() vendor.Order {
	return vendor.Order{
		Service: p.id, Host: p.hostName(), Drives: p.parts.drives, Drive: p.parts.drive, DIMMs: p.parts.dimms, DIMM: p.parts.dimm,
		FailingDrive: p.parts.failingDrive, FailingDIMM: p.parts.failingDIMM, Baseboard: p.parts.baseboard,
		NICs: p.parts.nics,
	}
}

// endpoint is a protocol of the machine's BMC at an address.
func (m *Machine) endpoint(p hosting.Protocol, address string, ca identity) hosting.BMCEndpoint {
	e := hosting.BMCEndpoint{Protocol: p, Address: address, Secret: "file:" + m.server.ServiceID}
	if p == hosting.IPMI {
		return e
	}
	if !m.plan.unnamed {
		e.System = m.hardware.System
	}
	switch m.plan.trust {
	case pinned:
		e.TLS.Fingerprint = m.identity.fingerprint()
	case authority:
		e.TLS.CA = ca.Cert
	case blind:
		e.TLS.Insecure = true
	}
	return e
}

// secret is a user and password as the secret store's files hold them.
type secret struct {
	User     string `json:"user"`
	Password string `json:"password"`
}

// WriteSecrets writes the BMCs' users and passwords into a directory, which it
// makes: for a reference file:NAME the file NAME.json with {"user":...,"password":...},
// readable by its owner only.
func (c *Center) WriteSecrets(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("write the BMC secrets: %w", err)
	}
	for _, m := range c.Machines() {
		user, password := m.Credentials()
		raw, err := json.Marshal(secret{User: user, Password: password})
		if err != nil {
			return fmt.Errorf("write the BMC secret of %s: %w", m.ID(), err)
		}
		if err := replaceFile(filepath.Join(dir, m.ID()+".json"), raw); err != nil {
			return fmt.Errorf("write the BMC secret of %s: %w", m.ID(), err)
		}
	}
	return nil
}
