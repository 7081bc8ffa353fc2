package datacenter

import (
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/handrail/handrail/dev/datacenter/chassis"
	"github.com/handrail/handrail/dev/datacenter/computer"
	"github.com/handrail/handrail/dev/datacenter/fault"
	"github.com/handrail/handrail/hosting"
)

const maxControlBody = 4 << 10

// ControlHandler is the control API: it shows the machines, switches faults on
// and off, and presses power buttons. It has no authentication, so it answers
// requests over loopback only, and no page of another origin.
//
//	GET    /faults                        what each fault does
//	GET    /servers                       all servers with their state
//	GET    /servers/{id}                  one of them
//	GET    /servers/{id}/resets           the resets that its BMC received
//	GET    /servers/{id}/boots            the last boots that came past the self-test
//	GET    /servers/{id}/wipes            the disks that lost their content
//	POST   /servers/{id}/faults/{fault}   switch a fault on; duration=2s, percent=40, times=1, protocol=redfish
//	DELETE /servers/{id}/faults/{fault}   switch it off
//	DELETE /servers/{id}/faults           switch all of them off
//	POST   /servers/{id}/power/{on|off}   the customer switches the machine
//
// Parameters come in the query or as a form. Errors are {"error": "..."}.
func (c *Center) ControlHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /faults", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, faultKinds()) })
	mux.HandleFunc("GET /servers", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, c.showAll()) })
	for pattern, handle := range map[string]func(*Machine, http.ResponseWriter, *http.Request){
		"GET /servers/{id}":                    show,
		"GET /servers/{id}/resets":             showResets,
		"GET /servers/{id}/boots":              showBoots,
		"GET /servers/{id}/wipes":              showWipes,
		"POST /servers/{id}/faults/{fault}":    faultOn,
		"DELETE /servers/{id}/faults/{fault}":  faultOff,
		"DELETE /servers/{id}/faults":          faultsOff,
		"POST /servers/{id}/power/{direction}": pressButton,
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			m := c.Machine(r.PathValue("id"))
			if m == nil {
				refuse(w, http.StatusNotFound, "there is no machine "+strconv.Quote(r.PathValue("id"))+"; GET /servers lists them")
				return
			}
			handle(m, w, r)
		})
	}
	return loopbackOnly(http.NewCrossOriginProtection().Handler(mux))
}

// loopbackOnly refuses who is not on this machine, and names that were made to
// resolve to it.
func loopbackOnly(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		from, err := netip.ParseAddrPort(r.RemoteAddr)
		if err != nil || !from.Addr().Unmap().IsLoopback() || !localName(r.Host) {
			refuse(w, http.StatusForbidden, "the control API answers requests to 127.0.0.1 or localhost from this machine only")
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxControlBody)
		h.ServeHTTP(w, r)
	})
}

func localName(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// serverView is a server as the control API shows it.
type serverView struct {
	ID       string             `json:"id"`
	Name     string             `json:"name"`
	Host     string             `json:"host"`
	Site     string             `json:"site"`
	Kind     hosting.ServerKind `json:"kind"`
	Vendor   string             `json:"vendor,omitempty"`
	Redfish  string             `json:"redfish,omitempty"` // host:port
	IPMI     string             `json:"ipmi,omitempty"`
	Power    hosting.PowerState `json:"power,omitempty"`
	InPOST   bool               `json:"inPost,omitempty"`
	State    *chassis.State     `json:"state,omitempty"`
	Firmware hosting.Firmware   `json:"firmware,omitempty"`
	MACs     []string           `json:"macs,omitempty"`
	Run      *computer.Run      `json:"run,omitempty"` // what it does, an installation under way included
	Disks    []computer.Disk    `json:"disks,omitempty"`
	Wipes    int                `json:"wipes"`             // disks that lost their content
	SSH      string             `json:"ssh,omitempty"`     // host:port
	HostKey  string             `json:"hostKey,omitempty"` // of the system on the disks
	Faults   []faultView        `json:"faults,omitempty"`
	Resets   int                `json:"resets"`
	Requests int64              `json:"requests"` // over HTTP
	Sessions int                `json:"sessions"`
}

type faultView struct {
	Name     fault.Name       `json:"name"`
	Duration string           `json:"duration,omitempty"`
	Percent  int              `json:"percent,omitempty"`
	Times    int              `json:"times,omitempty"` // how often it still shows; none is always
	Protocol hosting.Protocol `json:"protocol,omitempty"`
}

type kindView struct {
	Name      fault.Name         `json:"name"`
	What      string             `json:"what"`
	Protocols []hosting.Protocol `json:"protocols"`
	Duration  string             `json:"duration,omitempty"` // unless told otherwise
	IsHow     string             `json:"durationIs,omitempty"`
	Percent   int                `json:"percent,omitempty"` // unless told otherwise
	IsWhat    string             `json:"percentIs,omitempty"`
	Counts    string             `json:"timesCount"`
}

func faultKinds() []kindView {
	var views []kindView
	for _, k := range fault.Kinds() {
		views = append(views, kindView{
			Name: k.Name, What: k.What, Protocols: k.Protocols, Duration: text(k.Duration), IsHow: k.DurationIs,
			Percent: k.Percent, IsWhat: k.PercentIs, Counts: k.WearsOffWith,
		})
	}
	return views
}

func text(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return d.String()
}

func (c *Center) showAll() []serverView {
	views := make([]serverView, len(c.machines))
	for i, m := range c.machines {
		views[i] = m.show()
	}
	return views
}

func (m *Machine) show() serverView {
	s := m.server
	v := serverView{ID: s.ServiceID, Name: s.Name, Host: s.HostName, Site: s.Site, Kind: s.Kind}
	if m.chassis == nil {
		return v
	}
	now := m.View()
	v.Vendor, v.Redfish, v.IPMI = m.Vendor(), m.Address(hosting.Redfish), m.Address(hosting.IPMI)
	v.Power, v.InPOST, v.State = now.Phase, now.InPOST, &now.State
	v.Resets, v.Requests, v.Sessions = len(m.Resets()), m.Requests(), m.Sessions()
	v.Firmware, v.MACs, v.SSH, v.HostKey = m.hardware.Starts, m.hardware.MACs, m.SSHAddress(), m.HostKey()
	v.Disks, v.Wipes = m.Disks(), len(m.Wipes())
	if run := m.Run(); run.Phase != "" {
		v.Run = &run
	}
	for _, f := range m.Faults() {
		v.Faults = append(v.Faults, faultView{Name: f.Name, Duration: text(f.Duration), Percent: f.Percent, Times: f.Times, Protocol: f.Protocol})
	}
	return v
}

func show(m *Machine, w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, m.show()) }

func showResets(m *Machine, w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, slices.Concat([]chassis.Reset{}, m.Resets())) // [] rather than null
}

func showBoots(m *Machine, w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, slices.Concat([]computer.Boot{}, m.Boots()))
}

func showWipes(m *Machine, w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, slices.Concat([]computer.Wipe{}, m.Wipes()))
}

func faultOn(m *Machine, w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		refuse(w, http.StatusBadRequest, "the parameters can not be read: "+err.Error())
		return
	}
	f, err := parseFault(r.PathValue("fault"), r.Form)
	if err == nil {
		err = m.SetFault(f)
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	answer(w, http.StatusOK, m.show())
}

func parseFault(name string, form url.Values) (fault.Fault, error) {
	f := fault.Fault{Name: fault.Name(name), Protocol: hosting.Protocol(form.Get("protocol"))}
	var err1, err2, err3 error
	for key := range form {
		switch key {
		case "protocol":
		case "duration":
			f.Duration, err1 = time.ParseDuration(form.Get(key))
		case "percent":
			f.Percent, err3 = strconv.Atoi(form.Get(key))
		case "times":
			f.Times, err2 = strconv.Atoi(form.Get(key))
		default:
			return f, hosting.Invalid("", "a fault has no parameter "+strconv.Quote(key), "use duration, percent, times and protocol")
		}
	}
	return f, errors.Join(err1, err2, err3)
}

func faultOff(m *Machine, w http.ResponseWriter, r *http.Request) {
	name := fault.Name(r.PathValue("fault"))
	if _, known := fault.KindOf(name); !known {
		refuse(w, http.StatusNotFound, "there is no fault "+strconv.Quote(string(name))+"; GET /faults lists them")
		return
	}
	m.ClearFault(name)
	answer(w, http.StatusOK, m.show())
}

func faultsOff(m *Machine, w http.ResponseWriter, _ *http.Request) {
	m.ClearFaults()
	answer(w, http.StatusOK, m.show())
}

func pressButton(m *Machine, w http.ResponseWriter, r *http.Request) {
	direction := r.PathValue("direction")
	if direction != "on" && direction != "off" {
		refuse(w, http.StatusNotFound, "the power is switched on or off")
		return
	}
	m.SetPower(direction == "on")
	answer(w, http.StatusOK, m.show())
}

func refuse(w http.ResponseWriter, status int, why string) {
	answer(w, status, map[string]string{"error": why})
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}
