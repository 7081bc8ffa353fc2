package redfishtest

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"
)

// act carries out an action: a reset, or a change of virtual media.
func (m *Machine) act(w http.ResponseWriter, path string, body []byte) {
	var in map[string]any
	if err := json.Unmarshal(body, &in); err != nil {
		refuse(w, http.StatusBadRequest, "Base.1.8.MalformedJSON", "malformed")
		return
	}
	for _, res := range m.resources {
		actions, _ := res["Actions"].(Resource)
		for name, a := range actions {
			action, _ := a.(Resource)
			if strings.TrimSuffix(str(action["target"]), "/") != path {
				continue
			}
			switch name {
			case "#ComputerSystem.Reset":
				m.reset(w, res, action, str(in["ResetType"]))
			case "#VirtualMedia.InsertMedia":
				m.insert(w, res, in)
			case "#VirtualMedia.EjectMedia":
				eject(w, res)
			default:
				refuse(w, http.StatusNotImplemented, "Base.1.8.ActionNotSupported", name)
			}
			return
		}
	}
	// Supermicro takes an eject that it does not advertise.
	if slot, ok := m.resources[strings.TrimSuffix(path, "/Actions/VirtualMedia.EjectMedia")]; ok && m.vendor() == "Supermicro" {
		eject(w, slot)
		return
	}
	refuse(w, http.StatusNotFound, "Base.1.8.ActionNotSupported", "no such action")
}

func str(v any) string {
	s, _ := v.(string)
	return s
}

func strs(v any) []string {
	var out []string
	list, _ := v.([]any)
	for _, x := range list {
		out = append(out, str(x))
	}
	return out
}

func (m *Machine) vendor() string {
	for path, res := range m.resources {
		if v := str(res["Manufacturer"]); strings.HasPrefix(path, "/redfish/v1/Systems/") && res["PowerState"] != nil && v != "" {
			return v
		}
	}
	return ""
}

func (m *Machine) taken(action Resource) []string {
	if inline := strs(action["ResetType@Redfish.AllowableValues"]); inline != nil {
		return inline
	}
	params, _ := m.resources[str(action["@Redfish.ActionInfo"])]["Parameters"].([]any)
	for _, p := range params {
		if p, ok := p.(Resource); ok && p["Name"] == "ResetType" {
			return strs(p["AllowableValues"])
		}
	}
	return nil
}

func (m *Machine) reset(w http.ResponseWriter, system, action Resource, kind string) {
	if !slices.Contains(m.taken(action), kind) {
		refuse(w, http.StatusBadRequest, "Base.1.8.ActionParameterNotSupported", kind)
		return
	}
	if !m.Stuck {
		m.move(system, kind)
	}
	w.WriteHeader(http.StatusNoContent)
}

func (m *Machine) move(system Resource, kind string) {
	switch kind {
	case "On", "ForceOn":
		system["PowerState"] = "On"
	case "ForceOff", "GracefulShutdown", "Off":
		if m.OffDelay == 0 {
			system["PowerState"] = "Off"
			return
		}
		time.AfterFunc(m.OffDelay, func() {
			m.mu.Lock()
			defer m.mu.Unlock()
			system["PowerState"] = "Off"
		})
	case "GracefulRestart", "ForceRestart":
		if _, ok := system["LastResetTime"]; ok {
			system["LastResetTime"] = time.Now().Format(time.RFC3339Nano)
		}
	}
}

func (m *Machine) insert(w http.ResponseWriter, slot, in Resource) {
	_, inserted := in["Inserted"]
	_, protected := in["WriteProtected"]
	if m.vendor() == "Supermicro" && (inserted || protected) {
		refuse(w, http.StatusBadRequest, "Base.1.8.ActionParameterUnknown", "Inserted")
		return
	}
	put(slot, str(in["Image"]))
	w.WriteHeader(http.StatusNoContent)
}

func put(slot Resource, image string) {
	slot["Image"], slot["Inserted"], slot["ConnectedVia"] = image, true, "URI"
}

func eject(w http.ResponseWriter, slot Resource) {
	slot["Image"], slot["Inserted"], slot["ConnectedVia"] = nil, false, "NotConnected"
	w.WriteHeader(http.StatusNoContent)
}

// patch changes boot settings or a slot without actions. A resource with an
// ETag wants it.
func (m *Machine) patch(w http.ResponseWriter, path string, body []byte, match string) {
	res, ok := m.resources[path]
	var in map[string]any
	if err := json.Unmarshal(body, &in); err != nil || !ok {
		refuse(w, http.StatusBadRequest, "Base.1.8.MalformedJSON", "malformed")
		return
	}
	if tag := str(res["@odata.etag"]); tag != "" && match != "" && match != tag {
		refuse(w, http.StatusPreconditionFailed, "Base.1.8.PreconditionFailed", "changed meanwhile")
		return
	}
	switch {
	case in["Boot"] != nil:
		m.patchBoot(w, res, in["Boot"].(Resource))
	case res["Inserted"] != nil && res["Actions"] == nil:
		if in["Inserted"] == true {
			put(res, str(in["Image"]))
			w.WriteHeader(http.StatusNoContent)
			return
		}
		eject(w, res)
	default:
		refuse(w, http.StatusMethodNotAllowed, "Base.1.8.PropertyNotWritable", "read only")
	}
}

func (m *Machine) patchBoot(w http.ResponseWriter, system, in Resource) {
	boot := system["Boot"].(Resource)
	allowed := strs(boot["BootSourceOverrideTarget@Redfish.AllowableValues"])
	if t := str(in["BootSourceOverrideTarget"]); t != "" && allowed != nil && !slices.Contains(allowed, t) {
		refuse(w, http.StatusBadRequest, "Base.1.8.PropertyValueNotInList", t)
		return
	}
	for k, v := range in {
		boot[k] = v
	}
	w.WriteHeader(http.StatusNoContent)
}
