package datacenter_test

import (
	"net"
	"strconv"
	"testing"
	"time"

	ipmi "github.com/bougou/go-ipmi/pkg/client"
	ipmichassis "github.com/bougou/go-ipmi/pkg/command/chassis"
	"github.com/bougou/go-ipmi/pkg/types"
	"github.com/stmcginnis/gofish"
	"github.com/stmcginnis/gofish/schemas"

	"github.com/handrail/handrail/dev/datacenter"
	"github.com/handrail/handrail/dev/datacenter/vendor"
	"github.com/handrail/handrail/hosting"
)

// The libraries that Handrail itself talks to BMCs with understand all profiles.

func TestGofishDrivesTheMachine(t *testing.T) {
	t.Parallel()
	c := start(t, datacenter.Config{Servers: 5})
	for _, name := range vendor.Profiles() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := vendorOf(t, c, name, hosting.Redfish)
			user, password := m.Credentials()
			api, err := gofish.ConnectContext(t.Context(), gofish.ClientConfig{
				Endpoint: "https://" + m.Address(hosting.Redfish), Username: user, Password: password, BasicAuth: true, Insecure: true,
			})
			if err != nil {
				t.Fatal(err)
			}
			defer api.HTTPClient.CloseIdleConnections()
			systems, err := api.Service.Systems()
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range systems {
				if s.ID != m.Hardware().System {
					continue
				}
				checkGofish(t, m, s)
				return
			}
			t.Errorf("gofish does not find the system %s", m.Hardware().System)
		})
	}
}

func checkGofish(t *testing.T, m *datacenter.Machine, s *schemas.ComputerSystem) {
	t.Helper()
	if _, err := s.Reset(schemas.ForceOffResetType); err != nil {
		t.Error(err)
	}
	awaitPower(t, m, hosting.PowerOff)
	memory, err := s.Memory()
	if err != nil || len(memory) != len(m.Hardware().DIMMs) {
		t.Errorf("%d DIMMs: %v", len(memory), err)
	}
	storage, err := s.Storage()
	if err != nil || len(storage) != 1 {
		t.Fatalf("%d storages: %v", len(storage), err)
	}
	drives, err := storage[0].Drives()
	if err != nil || len(drives) != len(m.Hardware().Drives) {
		t.Fatalf("%d drives: %v", len(drives), err)
	}
	if d := m.Hardware().Drives[0]; drives[0].SerialNumber != d.Serial || drives[0].CapacityBytes == nil || int64(*drives[0].CapacityBytes) != d.Bytes {
		t.Errorf("the first drive is %+v", drives[0])
	}
}

func TestGoIPMIDrivesTheMachine(t *testing.T) {
	t.Parallel()
	c := start(t, datacenter.Config{Servers: 6})
	for _, suite := range []types.CipherSuiteID{types.CipherSuiteID17, types.CipherSuiteID3} {
		m := vendorOf(t, c, "plain", hosting.IPMI)
		m.SetPower(true)
		host, port, _ := net.SplitHostPort(m.Address(hosting.IPMI))
		number, _ := strconv.Atoi(port)
		user, password := m.Credentials()
		client, err := ipmi.NewClient(host, number, user, password)
		if err != nil {
			t.Fatal(err)
		}
		client = client.WithTimeout(5 * time.Second).WithCipherSuiteID(suite)
		if err := client.Connect(t.Context()); err != nil {
			t.Fatal(err)
		}
		status, err := client.GetChassisStatus(t.Context())
		if err != nil || !status.PowerIsOn {
			t.Errorf("%+v, %v", status, err)
		}
		if _, err := client.ChassisControl(t.Context(), ipmichassis.ChassisControlPowerDown); err != nil {
			t.Error(err)
		}
		awaitPower(t, m, hosting.PowerOff)
		if err := client.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
}
