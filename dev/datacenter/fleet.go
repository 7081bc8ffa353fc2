package datacenter

import (
	"fmt"

	"github.com/handrail/handrail/dev/datacenter/vendor"
	"github.com/handrail/handrail/hosting"
)

// plan is one server of the fleet before it is built. A virtual one has no
// profile.
type plan struct {
	id      string
	name    string
	site    site
	nth     int // on its site, from 1
	cluster string
	owner   string
	state   hosting.ServerState

	profile   *vendor.Profile
	protocols []hosting.Protocol
	trust     trust
	parts     parts
	hotSwap   *bool // of the drive bays; nil is unknown
	// unnamed tells that the record does not say which system is the customer's.
	unnamed bool
	off     bool // as it is delivered
}

type site struct {
	name  string
	first int    // service ids begin above
	net   string // the /24 of its servers (RFC 5737)
	v6    string // RFC 3849
	host  string
}

var (
	milan  = site{"milan", 1000, "192.0.2", "2001:db8:1::", "mi.example"}
	warsaw = site{"warsaw", 2000, "198.51.100", "2001:db8:2::", "wa.example"}
)

// trust is how a BMC's certificate is verified.
type trust int

const (
	pinned trust = iota
	authority
	blind
)

// parts is what is built into a machine.
type parts struct {
	drives       int
	drive        vendor.DriveModel
	dimms        int
	dimm         vendor.DIMMModel
	failingDrive int // from 1; 0 is none
	failingDIMM  int
	baseboard    string
	nics         int
}

var (
	yes, no = new(true), new(false)

	redfishFirst = []hosting.Protocol{hosting.Redfish, hosting.IPMI}
	redfishOnly  = []hosting.Protocol{hosting.Redfish}
	ipmiOnly     = []hosting.Protocol{hosting.IPMI}

	web     = parts{drives: 2, drive: vendor.SATA, dimms: 4, dimm: vendor.RAM32, nics: 2}
	storage = parts{drives: 6, drive: vendor.Disk, dimms: 8, dimm: vendor.RAM32, nics: 2}
	compute = parts{drives: 4, drive: vendor.NVMe, dimms: 12, dimm: vendor.RAM64, nics: 2}
	board   = parts{drives: 1, drive: vendor.SATA, dimms: 2, dimm: vendor.RAM32, nics: 1}
	gpu     = parts{drives: 8, drive: vendor.NVMe, dimms: 15, dimm: vendor.RAM64, baseboard: "HGX_Baseboard_0", nics: 2}
	failing = parts{drives: 6, drive: vendor.Disk, dimms: 8, dimm: vendor.RAM32, failingDrive: 3, nics: 2}
	ecc     = parts{drives: 2, drive: vendor.NVMe, dimms: 8, dimm: vendor.RAM64, failingDIMM: 5, nics: 2}
)

const (
	active  = hosting.ServerActive
	staging = hosting.ServerStaging
	retired = hosting.ServerRetired
)

// servers is the fleet. The first five are of five vendors.
var servers = []plan{
	{name: "aurora-web", site: milan, cluster: "mi-a", owner: "org-aurora", state: active, profile: vendor.Dell, protocols: redfishFirst, parts: web, hotSwap: yes},
	{name: "aurora-shop", site: milan, cluster: "mi-a", owner: "org-aurora", state: active, profile: vendor.HPE, protocols: redfishFirst, trust: authority, parts: storage, hotSwap: yes},
	{name: "cobalt-db", site: milan, cluster: "mi-a", owner: "org-cobalt", state: active, profile: vendor.Lenovo, protocols: redfishFirst, parts: compute, hotSwap: no},
	{name: "cobalt-train", site: milan, cluster: "mi-b", owner: "org-cobalt", state: active, profile: vendor.Supermicro, protocols: redfishFirst, trust: authority, parts: gpu, hotSwap: yes},
	{name: "harbour-shop", site: milan, cluster: "mi-b", owner: "org-harbour", state: active, profile: vendor.Plain, protocols: redfishFirst, parts: board},
	{name: "duomo-archive", site: milan, cluster: "mi-b", owner: "org-duomo", state: active, profile: vendor.Plain, protocols: ipmiOnly, parts: storage, hotSwap: no},
	{name: "duomo-stream", site: milan, cluster: "mi-b", owner: "org-duomo", state: active, profile: vendor.HPE, protocols: redfishOnly, parts: compute, hotSwap: yes},
	{name: "cobalt-lab", site: milan, cluster: "mi-b", owner: "org-cobalt", state: active, profile: vendor.Supermicro, protocols: redfishFirst, trust: blind, parts: web},
	{name: "aurora-backup", site: milan, cluster: "mi-a", owner: "org-aurora", state: active, profile: vendor.Dell, protocols: redfishFirst, parts: failing, hotSwap: yes},
	{name: "duomo-next", site: milan, cluster: "mi-a", owner: "org-duomo", state: staging, profile: vendor.Lenovo, protocols: redfishFirst, trust: authority, parts: web, hotSwap: yes, off: true},
	{name: "aurora-mail", site: milan, cluster: "mi-v", owner: "org-aurora", state: active},
	{name: "harbour-test", site: milan, cluster: "mi-v", owner: "org-harbour", state: active},
	{name: "baltica-wms", site: warsaw, cluster: "wa-a", owner: "org-baltica", state: active, profile: vendor.Dell, protocols: redfishFirst, parts: compute, hotSwap: yes},
	{name: "baltica-edi", site: warsaw, cluster: "wa-a", owner: "org-baltica", state: active, profile: vendor.HPE, protocols: redfishFirst, parts: web, hotSwap: yes},
	{name: "baltica-bi", site: warsaw, cluster: "wa-a", owner: "org-baltica", state: active, profile: vendor.Lenovo, protocols: redfishFirst, trust: authority, parts: ecc, hotSwap: no},
	{name: "cobalt-infer", site: warsaw, cluster: "wa-b", owner: "org-cobalt", state: active, profile: vendor.Supermicro, protocols: redfishFirst, parts: gpu, hotSwap: yes, unnamed: true},
	{name: "harbour-pos", site: warsaw, cluster: "wa-b", owner: "org-harbour", state: active, profile: vendor.Plain, protocols: ipmiOnly, parts: board},
	{name: "baltica-files", site: warsaw, cluster: "wa-a", owner: "org-baltica", state: active, profile: vendor.HPE, protocols: redfishFirst, parts: storage, hotSwap: yes},
	{name: "duomo-cdn", site: warsaw, cluster: "wa-b", owner: "org-duomo", state: active, profile: vendor.Dell, protocols: redfishOnly, trust: authority, parts: web},
	{name: "cobalt-queue", site: warsaw, cluster: "wa-b", owner: "org-cobalt", state: active, profile: vendor.Lenovo, protocols: redfishFirst, parts: web, hotSwap: yes},
	{name: "baltica-old", site: warsaw, cluster: "wa-b", owner: "org-baltica", state: retired, profile: vendor.Plain, protocols: ipmiOnly, parts: board, off: true},
	{name: "baltica-spare", site: warsaw, cluster: "wa-a", owner: "org-baltica", state: active, profile: vendor.Supermicro, protocols: redfishFirst, trust: authority, parts: web, hotSwap: yes, off: true},
	{name: "baltica-vpn", site: warsaw, cluster: "wa-v", owner: "org-baltica", state: active},
	{name: "cobalt-ci", site: warsaw, cluster: "wa-v", owner: "org-cobalt", state: active},
}

// fleet returns the first n servers; beyond the table it begins again, with
// numbers behind the names.
func fleet(n int) []plan {
	plans := make([]plan, n)
	onSite := make(map[string]int)
	for i := range plans {
		p := servers[i%len(servers)]
		onSite[p.site.name]++
		p.nth = onSite[p.site.name]
		p.id = fmt.Sprintf("srv-%d", p.site.first+p.nth)
		if round := i / len(servers); round > 0 {
			p.name = fmt.Sprintf("%s-%d", p.name, round+1)
		}
		plans[i] = p
	}
	return plans
}
