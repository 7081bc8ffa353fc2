package hosting

import (
	"slices"
	"strings"
	"time"
)

// ServerKind tells a machine of its own from a virtual one.
type ServerKind string

// The kinds of server that a provider rents out.
const (
	Dedicated ServerKind = "dedicated"
	VPS       ServerKind = "vps"
)

// ServerState is where a server stands in its life, as the records keep it.
type ServerState string

// The states of a server.
const (
	ServerStaging ServerState = "staging" // being prepared, not yet handed over
	ServerActive  ServerState = "active"
	ServerRetired ServerState = "retired" // no procedure may touch it
)

// Server is what the records know of one server. ServiceID identifies it
// everywhere: in tickets, in workflow ids, in errors.
type Server struct {
	ServiceID    string      `json:"serviceId"`
	Name         string      `json:"name"`
	HostName     string      `json:"hostName"`
	PrimaryIP    string      `json:"primaryIp"`
	IPs          []string    `json:"ips,omitempty"`
	Organization string      `json:"organization"`
	ClusterID    string      `json:"clusterId,omitempty"`
	Site         string      `json:"site"`
	Kind         ServerKind  `json:"kind"`
	State        ServerState `json:"state"`
	// StagedAt is when the server was handed over; nil while it is staged (N11).
	StagedAt *time.Time `json:"stagedAt,omitempty"`
	BMC      BMC        `json:"bmc"`
	// Firmware is how the machine starts; empty is not recorded.
	Firmware Firmware `json:"firmware,omitempty"`
	// MACs are the addresses of the network cards that can boot, in lower case
	// with colons.
	MACs []string `json:"macs,omitempty"`
	Bays []Bay    `json:"bays,omitempty"`
}

// String names the server as staff and customers know it.
func (s Server) String() string {
	if s.Name == "" {
		return s.ServiceID
	}
	return s.ServiceID + " (" + s.Name + ")"
}

// Bay is a place for a part in a server's chassis. HotSwap nil is unknown,
// which means not hot-swappable (I24).
type Bay struct {
	Slot    string `json:"slot"`
	Kind    string `json:"kind"` // drive, psu, fan
	HotSwap *bool  `json:"hotSwap,omitempty"`
}

// Protocol is a way to talk to a BMC.
type Protocol string

// The protocols that Handrail speaks to BMCs.
const (
	Redfish Protocol = "redfish"
	IPMI    Protocol = "ipmi"
)

// BMC says how a server's baseboard management controller is reached, in order
// of preference. It holds no password: Secret is a reference.
type BMC struct {
	Endpoints []BMCEndpoint `json:"endpoints,omitempty"`
}

// BMCEndpoint is one protocol of one BMC.
type BMCEndpoint struct {
	Protocol Protocol `json:"protocol"`
	// Address is host:port. Redfish is always spoken over HTTPS.
	Address string `json:"address"`
	// Secret refers to the user and password in the secret store.
	Secret string `json:"secret"`
	// System is the id of the customer's system behind a Redfish BMC
	// ("System.Embedded.1"). Empty is accepted only where the BMC has just one.
	System string `json:"system,omitempty"`
	TLS    BMCTLS `json:"tls,omitzero"`
}

// BMCTLS says how a BMC's certificate is verified. The zero value verifies
// against the system's roots and the address.
type BMCTLS struct {
	// Fingerprint pins the leaf certificate: SHA-256 in hex, colons allowed.
	Fingerprint string `json:"fingerprint,omitempty"`
	// CA is a PEM bundle to verify against instead of the system's roots.
	CA string `json:"ca,omitempty"`
	// Insecure accepts any certificate. It has to be asked for, BMC by BMC.
	Insecure bool `json:"insecure,omitempty"`
}

// Organization is a customer: the owner of servers and the scope of what its
// members may see (N18).
type Organization struct {
	ID       string    `json:"id"`
	Name     string    `json:"name"`
	Contacts []Contact `json:"contacts,omitempty"`
}

// Contact is a person of an organization who may write tickets.
type Contact struct {
	Name     string   `json:"name"`
	Email    string   `json:"email"`
	Language Language `json:"language"`
	Primary  bool     `json:"primary,omitempty"`
	Active   bool     `json:"active"`
}

// Contact returns the active contact with that e-mail address. No address is
// nobody's address.
func (o Organization) Contact(email string) (Contact, bool) {
	email = strings.TrimSpace(email)
	i := slices.IndexFunc(o.Contacts, func(c Contact) bool {
		return c.Active && email != "" && strings.EqualFold(c.Email, email)
	})
	if i < 0 {
		return Contact{}, false
	}
	return o.Contacts[i], true
}

// PrimaryContact returns the active primary contact (N21).
func (o Organization) PrimaryContact() (Contact, bool) {
	i := slices.IndexFunc(o.Contacts, func(c Contact) bool { return c.Active && c.Primary })
	if i < 0 {
		return Contact{}, false
	}
	return o.Contacts[i], true
}

// Language is an ISO 639-1 code of a language in which customers write.
type Language string

// The languages of Handrail's texts.
const (
	English Language = "en"
	Italian Language = "it"
	Polish  Language = "pl"
)

// Languages lists them, English first, which is also what is used where a
// customer's language is not known.
func Languages() []Language { return []Language{English, Italian, Polish} }

// Known reports whether Handrail has texts in that language.
func (l Language) Known() bool { return slices.Contains(Languages(), l) }
