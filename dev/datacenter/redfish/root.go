package redfish

import "net/http"

// healthy is the status of what is in order.
var healthy = doc{"State": "Enabled", "Health": "OK"}

const metadata = `<?xml version="1.0" encoding="UTF-8"?>
<edmx:Edmx xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx" Version="4.0"><edmx:DataServices/></edmx:Edmx>
`

func (s *Service) addRoot() {
	s.add("/redfish", resource{public: true, watch: func() reply {
		return reply{status: http.StatusOK, body: doc{"v1": base + "/"}}
	}})
	s.add(base+"/$metadata", resource{public: true, watch: func() reply {
		return reply{status: http.StatusOK, body: metadata}
	}})
	s.add(base+"/odata", resource{public: true, watch: func() reply {
		return reply{status: http.StatusOK, body: doc{
			"@odata.context": base + "/$metadata",
			"value":          []doc{{"name": "Service", "kind": "Singleton", "url": base + "/"}},
		}}
	}})
	s.add(base, resource{kind: "ServiceRoot.v1_5_0.ServiceRoot", public: true, get: s.rootDoc})
}

func (s *Service) rootDoc() doc {
	root := s.Hardware.Root
	d := doc{
		"Id": "RootService", "Name": "Root Service", "RedfishVersion": root.Version, "UUID": s.Hardware.UUIDString(),
		"Systems": ref(base + "/Systems"), "Managers": ref(base + "/Managers"), "Chassis": ref(base + "/Chassis"),
		"Tasks": ref(base + "/TaskService"), "SessionService": ref(base + "/SessionService"),
		"Links": doc{"Sessions": ref(sessionsPath)},
	}
	if root.Vendor != "" {
		d["Vendor"] = root.Vendor
	}
	if root.Product != "" {
		d["Product"] = root.Product
	}
	if root.Expand {
		d["ProtocolFeaturesSupported"] = doc{
			"ExpandQuery": doc{"ExpandAll": true, "Levels": true, "MaxLevels": 1, "NoLinks": true, "Links": false},
			"FilterQuery": false, "OnlyMemberQuery": false, "SelectQuery": false,
		}
	}
	return d
}

func (s *Service) systemPath() string  { return base + "/Systems/" + s.Hardware.System }
func (s *Service) managerPath() string { return base + "/Managers/" + s.Hardware.Manager }
func (s *Service) chassisPath() string { return base + "/Chassis/" + s.Hardware.Chassis }

func (s *Service) addManager() {
	s.collection(base+"/Managers", "ManagerCollection", "Managers", s.managerPath())
	s.add(s.managerPath(), resource{kind: "Manager.v1_9_0.Manager", get: func() doc {
		d := doc{
			"Id": s.Hardware.Manager, "Name": "Manager", "ManagerType": "BMC", "FirmwareVersion": s.Hardware.Firmware,
			"Status": healthy, "PowerState": "On",
			"Links": doc{"ManagerForServers": refs(s.systemPaths()), "ManagerForChassis": refs([]string{s.chassisPath()})},
		}
		if len(s.Hardware.Media.Managers) > 0 {
			d["VirtualMedia"] = ref(s.managerPath() + "/VirtualMedia")
		}
		return d
	}})
	paths := []string{s.chassisPath()}
	if b := s.backplanePath(); b != "" {
		paths = append(paths, b)
	}
	s.collection(base+"/Chassis", "ChassisCollection", "Chassis", paths...)
	s.add(s.chassisPath(), resource{kind: "Chassis.v1_10_0.Chassis", get: func() doc {
		return doc{
			"Id": s.Hardware.Chassis, "Name": "Computer System Chassis", "ChassisType": "RackMount", "Status": healthy,
			"Manufacturer": s.Hardware.Manufacturer, "Model": s.Hardware.Model, "SerialNumber": s.Hardware.Serial,
			"PowerState": s.powerState(s.Chassis.View()),
			"Links":      doc{"ComputerSystems": refs(s.systemPaths()), "ManagedBy": refs([]string{s.managerPath()})},
		}
	}})
}
