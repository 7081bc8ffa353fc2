package datacenter_test

import (
	"strings"
	"testing"

	"github.com/handrail/handrail/dev/datacenter"
	"github.com/handrail/handrail/dev/datacenter/chassis"
	"github.com/handrail/handrail/hosting"
)

func TestSupermicroInsertsMediaAsATask(t *testing.T) {
	t.Parallel()
	clock := newClock()
	timing := chassis.DefaultTiming()
	m := vendorOf(t, start(t, datacenter.Config{Servers: 4, Timing: &timing, Now: clock.now}), "supermicro", hosting.Redfish)
	c := newClient(t, m)
	slot := "/redfish/v1/Managers/1/VirtualMedia/VirtualMedia1"
	a := c.do("POST", slot+"/Actions/VirtualMedia.InsertMedia", map[string]string{"Image": "http://192.0.2.9/a.iso"})
	if a.status != 202 || a.body["TaskState"] != "Running" {
		t.Fatalf("insert: %d %s", a.status, a.raw)
	}
	monitor := a.header.Get("Location")
	if b := c.do("GET", slot, nil); b.body["Inserted"] != false {
		t.Error("inserted at once")
	}
	if b := c.do("GET", monitor, nil); b.status != 202 {
		t.Errorf("the monitor of a running task: %d", b.status)
	}
	clock.advance(timing.Task)
	if b := c.do("GET", monitor, nil); b.status != 200 {
		t.Errorf("the monitor of a finished task: %d", b.status)
	}
	path, _ := a.body["@odata.id"].(string)
	if b := c.do("GET", path, nil); b.body["TaskState"] != "Completed" {
		t.Errorf("the task: %s", b.raw)
	}
	if b := c.do("GET", slot, nil); b.body["Inserted"] != true || b.body["Image"] != "http://192.0.2.9/a.iso" {
		t.Errorf("the slot: %s", b.raw)
	}
	if b := c.do("POST", slot+"/Actions/VirtualMedia.EjectMedia", map[string]string{}); b.status != 404 {
		t.Errorf("EjectMedia exists: %d", b.status)
	}
	if b := c.do("PATCH", slot, map[string]any{"Image": nil, "Inserted": false}); b.status != 204 {
		t.Errorf("ejection by PATCH: %d", b.status)
	}
	if len(m.View().Media) != 0 {
		t.Error("still inserted")
	}
}

func TestMediaIsChecked(t *testing.T) {
	t.Parallel()
	c := newClient(t, start(t, datacenter.Config{Servers: 1}).Machines()[0])
	slot := "/redfish/v1/Managers/iDRAC.Embedded.1/VirtualMedia/CD"
	insert := func(properties map[string]any) answer {
		return c.do("POST", slot+"/Actions/VirtualMedia.InsertMedia", properties)
	}
	eject := func() answer { return c.do("POST", slot+"/Actions/VirtualMedia.EjectMedia", map[string]string{}) }
	for want, properties := range map[string]map[string]any{
		"ActionParameterMissing": {}, "PropertyUnknown": {"Image": "http://a/b", "Speed": 1},
		"PropertyValueFormatError": {"Image": "/etc/passwd"}, "PropertyValueTypeError": {"Image": 7},
	} {
		if a := insert(properties); a.status != 400 || !strings.HasSuffix(a.messageID(), "."+want) {
			t.Errorf("%v: %d %s, want %s", properties, a.status, a.raw, want)
		}
	}
	if a := eject(); a.status != 400 {
		t.Errorf("ejecting nothing: %d", a.status)
	}
	insert(map[string]any{"Image": "http://192.0.2.9/a.iso"})
	if a := insert(map[string]any{"Image": "http://192.0.2.9/b.iso"}); a.status != 409 {
		t.Errorf("inserting twice: %d", a.status)
	}
	if a := eject(); a.status != 204 {
		t.Errorf("ejecting: %d", a.status)
	}
}
