package redfish

import (
	"encoding/json"
	"net/http"
	"slices"

	"github.com/handrail/handrail/dev/datacenter/chassis"
	"github.com/handrail/handrail/dev/datacenter/fault"
	"github.com/handrail/handrail/hosting"
)

func (s *Service) bootDoc(v chassis.View) doc {
	o, targets := v.Override, s.bootTargets()
	target := o.Target
	if !slices.Contains(targets, target) {
		target = "None" // set over IPMI to what this vendor's Redfish has no word for
	}
	return doc{
		"BootSourceOverrideEnabled": o.Enabled, "BootSourceOverrideTarget": target, "BootSourceOverrideMode": o.Mode,
		"BootSourceOverrideTarget@Redfish.AllowableValues":  targets,
		"BootSourceOverrideEnabled@Redfish.AllowableValues": s.enabledValues(),
	}
}

// bootTargets are what the override takes.
func (s *Service) bootTargets() []string {
	if _, on := s.Faults.Peek(fault.NoNetworkBoot, hosting.Redfish); !on {
		return s.Hardware.Boot.Targets
	}
	return slices.DeleteFunc(slices.Clone(s.Hardware.Boot.Targets), func(t string) bool { return t == "Pxe" || t == "UefiHttp" })
}

func (s *Service) enabledValues() []string {
	if s.Hardware.Boot.Continuous {
		return []string{"Disabled", "Once", "Continuous"}
	}
	return []string{"Disabled", "Once"}
}

// patchSystem takes changes of the boot override; all else is read-only.
func (s *Service) patchSystem(b body) reply {
	for name := range b {
		if name != "Boot" {
			return s.problem(propertyReadOnly, name)
		}
	}
	boot, ok, wrong := field[map[string]json.RawMessage](s, b, "Boot")
	switch {
	case wrong != nil:
		return *wrong
	case !ok:
		return s.problem(propertyUnknown, "nothing")
	}
	v := s.Chassis.View()
	o, bad := s.override(v.Override, boot)
	switch {
	case bad != nil:
		return *bad
	case v.InPOST && s.Hardware.Boot.InPOST != nil:
		return s.refuse(s.Hardware.Boot.InPOST)
	case !s.Chassis.SetOverride(hosting.Redfish, o):
		return s.problem(resourceInUse)
	}
	s.Log.Info("boot override", "via", hosting.Redfish, "target", o.Target, "enabled", o.Enabled)
	if s.Hardware.Errors.SuccessBody {
		return s.done()
	}
	return reply{status: http.StatusOK, body: s.load(s.resources[s.systemPath()], s.systemPath())}
}

// override applies the properties of a Boot object to an override.
func (s *Service) override(o chassis.Override, boot body) (chassis.Override, *reply) {
	for name := range boot {
		writable := name == "BootSourceOverrideTarget" || name == "BootSourceOverrideEnabled" ||
			name == "BootSourceOverrideMode" && s.Hardware.Boot.Mode
		if !writable {
			a := s.problem(propertyReadOnly, "Boot/"+name)
			return o, &a
		}
	}
	for _, p := range []struct {
		name   string
		values []string
		into   *string
	}{
		{"BootSourceOverrideTarget", s.bootTargets(), &o.Target},
		{"BootSourceOverrideEnabled", s.enabledValues(), &o.Enabled},
		{"BootSourceOverrideMode", []string{"UEFI", "Legacy"}, &o.Mode},
	} {
		value, given, wrong := field[string](s, boot, p.name)
		switch {
		case wrong != nil:
			return o, wrong
		case given && !slices.Contains(p.values, value):
			a := s.problem(valueNotInList, value, p.name)
			return o, &a
		case given:
			*p.into = value
		}
	}
	if o.Enabled == "Disabled" {
		o.Target = "None"
	}
	return chassis.Override{Target: o.Target, Enabled: o.Enabled, Mode: o.Mode}, nil
}
