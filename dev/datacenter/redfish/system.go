package redfish

import (
	"slices"
	"strings"

	"github.com/handrail/handrail/dev/datacenter/chassis"
	"github.com/handrail/handrail/dev/datacenter/fault"
	"github.com/handrail/handrail/hosting"
)

// actions says what each ResetType does (DSP2046, Resource.ResetType). "Off"
// is not in the standard; boards that have it mean a forced off.
var actions = map[string]chassis.Action{
	"On": chassis.On, "ForceOn": chassis.On,
	"ForceOff": chassis.ForcedOff, "Off": chassis.ForcedOff,
	"GracefulShutdown": chassis.GracefulOff,
	"GracefulRestart":  chassis.GracefulRestart,
	"ForceRestart":     chassis.ForcedRestart,
	"PowerCycle":       chassis.Cycle,
	"PushPowerButton":  chassis.Button,
	"Nmi":              chassis.Diagnose,
}

const resetAction = "/Actions/ComputerSystem.Reset"

func (s *Service) systemPaths() []string {
	paths := []string{s.systemPath()}
	if b := s.baseboardPath(); b != "" {
		paths = slices.Insert(paths, 0, b) // as real ones do: the host is not the first
	}
	return paths
}

func (s *Service) baseboardPath() string {
	if s.Hardware.Baseboard == "" {
		return ""
	}
	return base + "/Systems/" + s.Hardware.Baseboard
}

func (s *Service) addSystem() {
	path := s.systemPath()
	s.collection(base+"/Systems", "ComputerSystemCollection", "Systems", s.systemPaths()...)
	s.add(path, resource{kind: "ComputerSystem.v1_13_0.ComputerSystem", get: s.systemDoc, patch: s.patchSystem})
	s.add(path+resetAction, resource{post: s.reset})
	if s.Hardware.Reset.Info {
		s.add(path+"/ResetActionInfo", resource{kind: "ActionInfo.v1_1_2.ActionInfo", get: func() doc {
			return doc{"Id": "ResetActionInfo", "Name": "Reset Action Info", "Parameters": []doc{{
				"Name": "ResetType", "Required": true, "DataType": "String", "AllowableValues": s.Hardware.Reset.Types,
			}}}
		}})
	}
	if board := s.baseboardPath(); board != "" {
		s.addBaseboard(board)
	}
}

func (s *Service) systemDoc() doc {
	h, v := s.Hardware, s.Chassis.View()
	reset := doc{"target": s.systemPath() + resetAction}
	if h.Reset.Inline {
		reset["ResetType@Redfish.AllowableValues"] = h.Reset.Types
	}
	if h.Reset.Info {
		reset["@Redfish.ActionInfo"] = s.systemPath() + "/ResetActionInfo"
	}
	d := doc{
		"Id": h.System, "Name": "System", "SystemType": "Physical", "Manufacturer": h.Manufacturer, "Model": h.Model,
		"SerialNumber": h.Serial, "UUID": h.UUIDString(), "HostName": h.Host, "BiosVersion": h.BIOS,
		"PowerState": s.powerState(v), "Status": healthy, "Boot": s.bootDoc(v),
		"MemorySummary":    doc{"TotalSystemMemoryGiB": h.MemoryGiB(), "Status": healthy},
		"ProcessorSummary": doc{"Count": 2, "Model": "Simulated", "Status": healthy},
		"Memory":           ref(s.systemPath() + "/Memory"), "Storage": ref(s.systemPath() + "/Storage"),
		"EthernetInterfaces": ref(s.systemPath() + "/EthernetInterfaces"),
		"Links":              doc{"ManagedBy": refs([]string{s.managerPath()}), "Chassis": refs([]string{s.chassisPath()})},
		"Actions":            doc{"#ComputerSystem.Reset": reset},
	}
	if !v.LastReset.IsZero() {
		d["LastResetTime"] = stamp(v.LastReset)
	}
	if h.Boot.Progress {
		d["BootProgress"] = doc{"LastState": bootProgress(v)}
	}
	if h.Boot.OEM != "" {
		d["Oem"] = doc{h.Boot.OEM: doc{"PostState": postState(v)}}
	}
	if h.Storage.Simple {
		d["SimpleStorage"] = ref(s.systemPath() + "/SimpleStorage")
	}
	switch {
	case len(h.Media.Systems) > 0:
		d["VirtualMedia"] = ref(s.systemPath() + "/VirtualMedia")
	case h.Media.Linked:
		d["VirtualMedia"] = ref(s.managerPath() + "/VirtualMedia")
	}
	return d
}

// powerState shows the power as the vendor does, or the opposite of it.
func (s *Service) powerState(v chassis.View) string {
	on := v.On
	if _, lies := s.Faults.Hit(fault.LyingPower, hosting.Redfish); lies {
		on = !on
	} else if s.Hardware.Transitional {
		switch v.Phase {
		case hosting.PoweringOn:
			return "PoweringOn"
		case hosting.PoweringOff:
			return "PoweringOff"
		}
	}
	if on {
		return "On"
	}
	return "Off"
}

func bootProgress(v chassis.View) string {
	switch {
	case !v.On:
		return "None"
	case v.InPOST:
		return "SystemHardwareInitializationComplete"
	default:
		return "OSRunning"
	}
}

func postState(v chassis.View) string {
	switch {
	case !v.On:
		return "PowerOff"
	case v.InPOST:
		return "InPost"
	default:
		return "FinishedPost"
	}
}

// reset is ComputerSystem.Reset.
func (s *Service) reset(b body) reply {
	kind, ok, wrong := field[string](s, b, "ResetType")
	r := chassis.Reset{Via: hosting.Redfish, Kind: kind, System: s.Hardware.System, Action: actions[kind]}
	switch {
	case wrong != nil:
		return s.refused(r, "wrong type", *wrong)
	case !ok:
		return s.refused(r, "no ResetType", s.problem(parameterMissing, "ComputerSystem.Reset", "ResetType"))
	case !slices.Contains(s.Hardware.Reset.Types, kind):
		return s.refused(r, "unknown ResetType", s.problem(parameterNotInList, kind, "ResetType"))
	}
	if a, no := s.forbids(r); no {
		return a
	}
	effect := s.Chassis.Reset(r)
	s.Log.Info("reset", "kind", kind, "via", r.Via, "effect", effect)
	return s.done()
}

// forbids is what a BMC has against a reset that it understands.
func (s *Service) forbids(r chassis.Reset) (reply, bool) {
	quirks, v := s.Hardware.Reset, s.Chassis.View()
	sinceOff := v.Now.Sub(v.OffSince)
	if r.Action == chassis.On && !v.On && !v.OffSince.IsZero() {
		if f, on := s.Faults.Peek(fault.ConflictAfterOff, hosting.Redfish); on && sinceOff < f.Duration {
			s.Faults.Hit(fault.ConflictAfterOff, hosting.Redfish)
			return s.refused(r, "busy after off", s.problem(resourceInUse)), true
		}
		if quirks.Busy != nil && sinceOff < s.Chassis.Timing().Busy {
			return s.refused(r, "busy after off", s.refuse(quirks.Busy)), true
		}
	}
	if v.Moves(r.Action) || r.Action == chassis.Diagnose {
		return reply{}, false
	}
	no := quirks.WhenOff
	if v.On {
		no = quirks.WhenOn
	}
	if no == nil {
		return reply{}, false
	}
	return s.refused(r, "nothing to do", s.refuse(no)), true
}

func (s *Service) refused(r chassis.Reset, why string, a reply) reply {
	r.Why = why
	s.Chassis.Refuse(r)
	s.Log.Info("reset refused", "kind", r.Kind, "via", r.Via, "why", why, "status", a.status)
	return a
}

// addBaseboard adds the second system that a machine with a GPU baseboard
// shows beside the host. It takes its power from the host.
func (s *Service) addBaseboard(path string) {
	types := []string{"ForceRestart", "GracefulRestart"}
	s.add(path, resource{kind: "ComputerSystem.v1_17_0.ComputerSystem", get: func() doc {
		return doc{
			"Id": strings.TrimPrefix(path, base+"/Systems/"), "Name": "GPU baseboard", "SystemType": "Physical", "Manufacturer": "GPU maker",
			"Model": "8 GPU baseboard", "PowerState": s.powerState(s.Chassis.View()), "Status": healthy, "Boot": doc{},
			"Links":   doc{"ManagedBy": refs([]string{s.managerPath()})},
			"Actions": doc{"#ComputerSystem.Reset": doc{"target": path + resetAction, "ResetType@Redfish.AllowableValues": types}},
		}
	}})
	s.add(path+resetAction, resource{post: func(b body) reply {
		kind, _, wrong := field[string](s, b, "ResetType")
		// Restarting the baseboard leaves the host as it is.
		r := chassis.Reset{Via: hosting.Redfish, Kind: kind, System: s.Hardware.Baseboard, Action: chassis.Diagnose}
		switch {
		case wrong != nil:
			return s.refused(r, "wrong type", *wrong)
		case !slices.Contains(types, kind):
			return s.refused(r, "unknown ResetType", s.problem(parameterNotInList, kind, "ResetType"))
		}
		s.Chassis.Reset(r)
		return s.done()
	}})
}
