package redfish

import (
	"fmt"
	"strings"
)

func (s *Service) addNetwork() {
	nic, at := s.Hardware.NIC, s.systemPath()+"/EthernetInterfaces"
	var paths []string
	add := func(id, name, mac string) {
		if nic.Upper {
			mac = strings.ToUpper(mac)
		}
		paths = append(paths, at+"/"+id)
		s.add(at+"/"+id, resource{kind: "EthernetInterface.v1_4_1.EthernetInterface", get: func() doc {
			return doc{"Id": id, "Name": name, "MACAddress": mac, "PermanentMACAddress": mac, "InterfaceEnabled": true, "Status": healthy}
		}})
	}
	if nic.ToManager {
		add("ToManager", "Host Network Interface", s.Hardware.ManagerMAC())
	}
	for i, mac := range s.Hardware.MACs {
		add(fmt.Sprintf(nic.ID, i+1), fmt.Sprintf("Ethernet port %d", i+1), mac)
	}
	s.collection(at, "EthernetInterfaceCollection", "Ethernet Interfaces", paths...)
}
