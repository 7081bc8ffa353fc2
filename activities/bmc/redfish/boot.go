package redfish

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/stmcginnis/gofish/schemas"

	"github.com/handrail/handrail/activities/bmc/board"
	"github.com/handrail/handrail/hosting"
)

// bootTarget is the standard override target for each device
// (ComputerSystem.BootSource).
var bootTarget = map[board.Device]string{
	board.BootPXE:  string(schemas.PxeBootSource),
	board.BootHTTP: string(schemas.UefiHTTPBootSource),
	board.BootCD:   string(schemas.CdBootSource),
	board.BootDisk: string(schemas.HddBootSource),
	board.BootBIOS: string(schemas.BiosSetupBootSource),
}

var bootMode = map[board.Mode]string{
	board.ModeUEFI:   string(schemas.UEFIBootSourceOverrideMode),
	board.ModeLegacy: string(schemas.LegacyBootSourceOverrideMode),
}

// SetBootOnce sets the override for the next boot and reads it back.
func (c *Client) SetBootOnce(ctx context.Context, boot board.Boot) (board.BootState, error) {
	s, err := c.readSystem(ctx)
	if err != nil {
		return board.BootState{}, err
	}
	now, err := c.bootNow(ctx, s)
	if err != nil {
		return board.BootState{}, err
	}
	target, err := c.chooseBootTarget(now, boot.Device)
	if err != nil {
		return board.BootState{}, err
	}
	want := bootOverride{Enabled: string(schemas.OnceBootSourceOverrideEnabled), Target: target, Mode: bootMode[boot.Mode]}
	if err := c.patchBoot(ctx, s, now, want); err != nil {
		return board.BootState{}, err
	}
	got, err := c.awaitBoot(ctx, want)
	if err != nil {
		return board.BootState{}, err
	}
	return board.BootState{Target: got.Target, Mode: got.mode()}, nil
}

// ClearBoot disables the override. It is safe to repeat.
func (c *Client) ClearBoot(ctx context.Context) error {
	s, err := c.readSystem(ctx)
	if err != nil {
		return err
	}
	cleared := bootOverride{Enabled: string(schemas.DisabledBootSourceOverrideEnabled)}
	if overrideOf(s).shows(cleared) {
		return nil
	}
	if err := c.patchBoot(ctx, s, bootOverride{}, cleared); err != nil {
		return err
	}
	_, err = c.awaitBoot(ctx, cleared)
	return err
}

func (c *Client) chooseBootTarget(now bootOverride, d board.Device) (string, error) {
	if t, ok := c.targetFor(now, d); ok {
		return t, nil
	}
	return "", hosting.NewFault(hosting.FaultUnsupported, c.cfg.Server,
		fmt.Sprintf("the BMC at %s can not override the boot to %s; it can %s", c.cfg.Address, d, c.quote(strings.Join(now.Targets, ", "))),
		"choose another device, or set it at the console")
}

func (o bootOverride) payload() map[string]any {
	boot := map[string]string{"BootSourceOverrideEnabled": o.Enabled}
	if o.Target != "" {
		boot["BootSourceOverrideTarget"] = o.Target
	}
	if o.Mode != "" {
		boot["BootSourceOverrideMode"] = o.Mode
	}
	return map[string]any{"Boot": boot}
}

// shows reports whether the override is as wanted; what the wish leaves empty
// does not matter.
func (o bootOverride) shows(want bootOverride) bool {
	off := string(schemas.DisabledBootSourceOverrideEnabled)
	if want.Enabled == off && o.Target == string(schemas.NoneBootSource) && o.Enabled != "Continuous" {
		return true // some leave Enabled alone and clear the target
	}
	return o.Enabled == want.Enabled && (want.Target == "" || strings.EqualFold(o.Target, want.Target)) && (want.Mode == "" || o.Mode == want.Mode)
}

// patchBoot sends an override. Where a BMC does not let the mode be written, it
// is left out if it is as wanted already.
func (c *Client) patchBoot(ctx context.Context, s *system, now, want bootOverride) error {
	err := c.patch(ctx, s.path, s.ETag, want.payload())
	fixed := now.Mode == want.Mode || c.has(func(q quirk) bool { return q.NoBootMode })
	if status(err) == http.StatusBadRequest && want.Mode != "" && fixed {
		modeless := want
		modeless.Mode = ""
		err = c.patch(ctx, s.path, s.ETag, modeless.payload())
	}
	if refused, ok := errors.AsType[*StatusError](err); ok && c.busyBoot(refused.IDs) {
		return hosting.NewFault(hosting.FaultUnreachable, c.cfg.Server, "the BMC refuses boot changes while the machine is in POST",
			"try again when it has booted or is off").Because(refused)
	}
	return err
}

// awaitBoot reads the override back until it is as wanted.
func (c *Client) awaitBoot(ctx context.Context, want bootOverride) (bootOverride, error) {
	var got bootOverride
	err := c.settle(ctx, func() (bool, error) {
		s, err := c.readSystem(ctx)
		if err != nil {
			return false, err
		}
		got = overrideOf(s)
		return got.shows(want), nil
	})
	if errors.Is(err, errNotSettled) {
		return got, hosting.NewFault(hosting.FaultUnmoved, c.cfg.Server,
			fmt.Sprintf("the BMC at %s took the boot override %s but reads back %s", c.cfg.Address, want, c.quote(got.String())),
			"set the boot device at the console, or update the BMC's firmware")
	}
	return got, err
}

// String reads "Once Pxe UEFI".
func (o bootOverride) String() string {
	return strings.Join(slices.DeleteFunc([]string{o.Enabled, o.Target, o.Mode}, func(s string) bool { return s == "" }), " ")
}

// errNotSettled is a change that did not show within Limits.Settle.
var errNotSettled = errors.New("the change did not show")

// settle looks until look is satisfied, at once and then every SettlePoll.
func (c *Client) settle(ctx context.Context, look func() (bool, error)) error {
	deadline := time.Now().Add(c.http.limits.Settle)
	for {
		done, err := look()
		switch {
		case done:
			return nil
		case err != nil && hosting.KindOf(err) != hosting.FaultUnreachable:
			return err
		case !time.Now().Before(deadline):
			return cmp.Or(err, errNotSettled)
		}
		select {
		case <-ctx.Done():
			return c.unanswered(ctx.Err())
		case <-time.After(c.http.limits.SettlePoll):
		}
	}
}
