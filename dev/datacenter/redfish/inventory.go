package redfish

import (
	"fmt"

	"github.com/handrail/handrail/dev/datacenter/vendor"
)

func (s *Service) addMemory() {
	at := s.systemPath() + "/Memory"
	var paths []string
	for _, d := range s.Hardware.DIMMs {
		id, label := s.Hardware.DIMM(d.Slot)
		paths = append(paths, at+"/"+id)
		s.add(at+"/"+id, resource{kind: "Memory.v1_7_1.Memory", get: func() doc { return memoryDoc(d, id, label) }})
	}
	s.collection(at, "MemoryCollection", "Memory", paths...)
}

func memoryDoc(d vendor.DIMM, id, label string) doc {
	m := doc{"Id": id, "Name": label, "DeviceLocator": label, "CapacityMiB": d.MiB}
	if d.MiB == 0 {
		m["Status"] = doc{"State": "Absent"}
		return m
	}
	m["Manufacturer"], m["PartNumber"], m["SerialNumber"] = d.Manufacturer, d.PartNumber, d.Serial
	m["MemoryDeviceType"], m["OperatingSpeedMhz"], m["BaseModuleType"] = d.Type, d.Speed, "RDIMM"
	m["Status"] = doc{"State": "Enabled", "Health": d.Health}
	return m
}

func (s *Service) storagePath() string { return s.systemPath() + "/Storage/" + s.Hardware.Storage.ID }

// backplanePath is empty where the drives stand under the storage resource.
func (s *Service) backplanePath() string {
	if s.Hardware.Storage.Backplane == "" {
		return ""
	}
	return base + "/Chassis/" + s.Hardware.Storage.Backplane
}

func (s *Service) drivesPath() string {
	if b := s.backplanePath(); b != "" {
		return b + "/Drives"
	}
	return s.storagePath() + "/Drives"
}

func (s *Service) addStorage() {
	storage := s.Hardware.Storage
	var drives []string
	for _, d := range s.Hardware.Drives {
		path := s.drivesPath() + "/" + fmt.Sprintf(storage.Drive, d.Bay)
		drives = append(drives, path)
		s.add(path, resource{kind: "Drive.v1_11_1.Drive", get: func() doc { return s.driveDoc(d) }})
	}
	s.collection(s.systemPath()+"/Storage", "StorageCollection", "Storage", s.storagePath())
	s.add(s.storagePath(), resource{kind: "Storage.v1_9_0.Storage", get: func() doc {
		return doc{
			"Id": storage.ID, "Name": storage.Name, "Status": s.storageStatus(),
			"Drives": refs(drives), "Drives@odata.count": len(drives),
			"StorageControllers": []doc{{
				"@odata.id": s.storagePath() + "#/StorageControllers/0", "MemberId": "0", "Name": storage.Name, "Status": healthy,
			}},
		}
	}})
	if b := s.backplanePath(); b != "" {
		s.addBackplane(b, drives)
	}
	if storage.Simple {
		s.addSimpleStorage()
	}
}

func (s *Service) addBackplane(path string, drives []string) {
	s.collection(path+"/Drives", "DriveCollection", "Drives", drives...)
	s.add(path, resource{kind: "Chassis.v1_14_0.Chassis", get: func() doc {
		return doc{
			"Id": s.Hardware.Storage.Backplane, "Name": "Backplane", "ChassisType": "Enclosure", "Drives": ref(path + "/Drives"),
			"Links": doc{"Drives": refs(drives), "ManagedBy": refs([]string{s.managerPath()}), "Storage": refs([]string{s.storagePath()})},
		}
	}})
}

func (s *Service) addSimpleStorage() {
	at := s.systemPath() + "/SimpleStorage"
	s.collection(at, "SimpleStorageCollection", "Simple Storage", at+"/1")
	s.add(at+"/1", resource{kind: "SimpleStorage.v1_3_0.SimpleStorage", get: func() doc {
		devices := make([]doc, len(s.Hardware.Drives))
		for i, d := range s.Hardware.Drives {
			devices[i] = doc{
				"Name": s.Hardware.Storage.Bay(d.Bay), "Manufacturer": d.Manufacturer, "Model": d.Model,
				"CapacityBytes": d.Bytes, "Status": doc{"State": "Enabled", "Health": d.Health},
			}
		}
		return doc{
			"Id": "1", "Name": "Simple Storage", "Devices": devices, "Status": s.storageStatus(),
			"Links": doc{"Storage": ref(s.storagePath())},
		}
	}})
}

func (s *Service) storageStatus() doc {
	worst := "OK"
	for _, d := range s.Hardware.Drives {
		if d.Health != "OK" {
			worst = d.Health
		}
	}
	return doc{"State": "Enabled", "Health": "OK", "HealthRollup": worst}
}

func (s *Service) driveDoc(d vendor.Drive) doc {
	storage := s.Hardware.Storage
	id := fmt.Sprintf(storage.Drive, d.Bay)
	m := doc{
		"Id": id, "Name": id, "Manufacturer": d.Manufacturer, "Model": d.Model, "SerialNumber": d.Serial,
		"CapacityBytes": d.Bytes, "MediaType": d.Media, "Protocol": d.Protocol, "FailurePredicted": d.Health != "OK",
		"Status": doc{"State": "Enabled", "Health": d.Health}, "Links": doc{"Volumes": []doc{}},
	}
	if storage.Located {
		part := doc{"LocationType": "Bay", "LocationOrdinalValue": d.Bay}
		if storage.Label != "" {
			part["ServiceLabel"] = storage.Bay(d.Bay)
		}
		m["PhysicalLocation"] = doc{"PartLocation": part}
	}
	return m
}
