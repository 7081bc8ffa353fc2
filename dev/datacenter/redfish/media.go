package redfish

import (
	"net/http"
	"net/url"
	"path"
	"slices"

	"github.com/handrail/handrail/dev/datacenter/chassis"
	"github.com/handrail/handrail/dev/datacenter/vendor"
)

func (s *Service) addMedia() {
	s.addSlots(s.managerPath()+"/VirtualMedia", s.Hardware.Media.Managers)
	s.addSlots(s.systemPath()+"/VirtualMedia", s.Hardware.Media.Systems)
}

func (s *Service) addSlots(at string, slots []vendor.Slot) {
	if len(slots) == 0 {
		return
	}
	paths := make([]string, len(slots))
	for i, slot := range slots {
		paths[i] = at + "/" + slot.ID
		s.addSlot(paths[i], slot)
	}
	s.collection(at, "VirtualMediaCollection", "Virtual Media", paths...)
}

func (s *Service) addSlot(at string, slot vendor.Slot) {
	media := s.Hardware.Media
	res := resource{kind: "VirtualMedia.v1_3_2.VirtualMedia", get: func() doc { return s.slotDoc(at, slot) }}
	if media.Patch {
		res.patch = func(b body) reply { return s.patchMedia(slot.ID, b) }
	}
	s.add(at, res)
	if media.Insert {
		s.add(at+insertAction, resource{post: func(b body) reply { return s.insert(slot.ID, b) }})
	}
	if media.Eject {
		s.add(at+ejectAction, resource{post: func(body) reply { return s.eject(slot.ID) }})
	}
	if media.Info {
		s.add(at+"/InsertMediaActionInfo", resource{kind: "ActionInfo.v1_1_2.ActionInfo", get: insertInfo})
	}
}

const (
	insertAction = "/Actions/VirtualMedia.InsertMedia"
	ejectAction  = "/Actions/VirtualMedia.EjectMedia"
)

func (s *Service) slotDoc(at string, slot vendor.Slot) doc {
	d := doc{
		"Id": slot.ID, "Name": "Virtual Media", "MediaTypes": slot.Types, "ConnectedVia": "NotConnected",
		"Inserted": false, "Image": nil, "ImageName": nil, "WriteProtected": true,
	}
	if m, in := s.inserted(slot.ID); in {
		d["Inserted"], d["Image"], d["ImageName"] = true, m.Image, path.Base(m.Image)
		d["ConnectedVia"], d["WriteProtected"] = "URI", m.WriteProtected
	}
	actions := doc{}
	if s.Hardware.Media.Insert {
		insert := doc{"target": at + insertAction}
		if s.Hardware.Media.Info {
			insert["@Redfish.ActionInfo"] = at + "/InsertMediaActionInfo"
		}
		actions["#VirtualMedia.InsertMedia"] = insert
	}
	if s.Hardware.Media.Eject {
		actions["#VirtualMedia.EjectMedia"] = doc{"target": at + ejectAction}
	}
	if len(actions) > 0 {
		d["Actions"] = actions
	}
	return d
}

func insertInfo() doc {
	var parameters []doc
	for _, p := range []struct{ name, kind string }{
		{"Image", "String"},
		{"UserName", "String"},
		{"Password", "String"},
		{"Inserted", "Boolean"},
		{"TransferMethod", "String"},
		{"TransferProtocolType", "String"},
		{"WriteProtected", "Boolean"},
	} {
		parameters = append(parameters, doc{"Name": p.name, "DataType": p.kind, "Required": p.name == "Image"})
	}
	return doc{"Id": "InsertMediaActionInfo", "Name": "Insert Media Action Info", "Parameters": parameters}
}

// inserted returns what is in a slot and mounted.
func (s *Service) inserted(slot string) (chassis.Media, bool) {
	v := s.Chassis.View()
	m, in := v.Media[slot]
	return m, in && !m.Ready.After(v.Now)
}

// insert is VirtualMedia.InsertMedia.
func (s *Service) insert(slot string, b body) reply {
	m, bad := s.medium(b)
	switch {
	case bad != nil:
		return *bad
	case m.Image == "":
		return s.problem(parameterMissing, "VirtualMedia.InsertMedia", "Image")
	}
	if _, taken := s.Chassis.View().Media[slot]; taken {
		return s.problem(resourceInUse)
	}
	if !s.Hardware.Media.Task {
		s.put(slot, m)
		return s.done()
	}
	one, a := s.accept("Insert virtual media")
	m.Ready = one.end
	s.put(slot, m)
	return a
}

// eject is VirtualMedia.EjectMedia.
func (s *Service) eject(slot string) reply {
	_, in := s.inserted(slot)
	if no := s.Hardware.Media.NoMedia; !in && no != nil {
		return s.refuse(no)
	}
	s.Chassis.Eject(slot)
	s.Log.Info("virtual media ejected", "slot", slot)
	return s.done()
}

// patchMedia inserts where Image is an address, and ejects where it is null or
// empty or Inserted is false.
func (s *Service) patchMedia(slot string, b body) reply {
	inserted, given, wrong := field[bool](s, b, "Inserted")
	if wrong != nil {
		return *wrong
	}
	m, bad := s.medium(b)
	if bad != nil {
		return *bad
	}
	_, mentioned := b["Image"]
	switch {
	case m.Image != "" && (!given || inserted):
		s.put(slot, m)
	case mentioned || given && !inserted:
		s.Chassis.Eject(slot)
		s.Log.Info("virtual media ejected", "slot", slot)
	default:
		return s.problem(propertyUnknown, "nothing")
	}
	return reply{status: http.StatusNoContent}
}

func (s *Service) put(slot string, m chassis.Media) {
	s.Chassis.Insert(slot, m)
	s.Log.Info("virtual media inserted", "slot", slot, "image", m.Image)
}

var imageSchemes = []string{"http", "https", "nfs", "cifs"}

// mediaFields are what can be said of a medium.
var mediaFields = []string{"Image", "Inserted", "WriteProtected", "UserName", "Password", "TransferMethod", "TransferProtocolType"}

func (s *Service) medium(b body) (m chassis.Media, bad *reply) {
	for name := range b {
		if !slices.Contains(mediaFields, name) {
			a := s.problem(propertyUnknown, name)
			return m, &a
		}
	}
	if m.Image, _, bad = field[string](s, b, "Image"); bad != nil {
		return m, bad
	}
	protected, given, bad := field[bool](s, b, "WriteProtected")
	if bad != nil {
		return m, bad
	}
	m.WriteProtected = protected || !given
	if m.Image == "" {
		return m, nil
	}
	u, err := url.Parse(m.Image)
	if err != nil || !slices.Contains(imageSchemes, u.Scheme) || u.Host == "" {
		a := s.problem(wrongFormat, m.Image, "Image")
		return m, &a
	}
	return m, nil
}
