package computer

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"slices"
	"time"

	"github.com/handrail/handrail/dev/datacenter/chassis"
	"github.com/handrail/handrail/dev/datacenter/fault"
	"github.com/handrail/handrail/dev/datacenter/installer"
	"github.com/handrail/handrail/dev/datacenter/ipxe"
	"github.com/handrail/handrail/hosting"
)

var errNoKey = errors.New("there is no host key")

// device is what the firmware starts from.
type device int

const (
	fromDisk device = iota
	fromNetwork
	fromMedium
	nowhere // into a menu of its own, which waits for somebody
)

// devices are the targets of boot overrides. What is not here goes by the boot
// order, in which the disk is the first.
var devices = map[string]device{
	"Pxe": fromNetwork, "UefiHttp": fromNetwork, "RemoteDrive": fromNetwork, "Cd": fromMedium, "UsbCd": fromMedium,
	"BiosSetup": nowhere, "UefiShell": nowhere, "Diags": nowhere, "Utilities": nowhere,
}

// boot is what happens after the self-test, up to where the machine comes to
// rest: in a system, in rescue, at a place where it hangs.
func (c *Computer) boot(ctx context.Context, n int, b chassis.Boot) {
	entry := Boot{N: n, At: b.At, From: b.From, Image: b.Image, Into: Booting}
	from := devices[b.From]
	entry.Network = from == fromNetwork || from == fromMedium && b.Image != ""
	c.change(n, func(s *State) {
		s.Run = Run{Boot: n, Phase: Booting}
		s.Boots = append(s.Boots[max(0, len(s.Boots)-maxBoots+1):], entry)
	})
	if _, dead := c.Faults.Hit(fault.NeverBoots, fault.Machine); dead {
		c.turn(n, Nothing, "nothing comes up after the self-test")
		return
	}
	if from == nowhere {
		c.turn(n, Nothing, "the firmware shows its own menu: "+b.From)
		return
	}
	if entry.Network {
		outcome, err := c.netboot(ctx, b.Image)
		if err == nil && outcome.Kernel != "" {
			c.start(ctx, n, outcome)
			return
		}
		if err != nil { // firmware goes on in its boot order
			c.failed(n, err)
		}
	}
	c.bootDisk(ctx, n)
}

// failed takes note of why a boot over the network came to nothing.
func (c *Computer) failed(n int, err error) {
	why := redact(err.Error())
	c.change(n, func(s *State) { s.Boots[len(s.Boots)-1].Failed = why })
	c.Log.Info("machine", "boot", n, "network boot failed", why)
}

var tokenInURL = regexp.MustCompile(`/t/[A-Za-z0-9_-]{16,}`)

// redact takes tokens out of what is shown and logged.
func redact(text string) string { return tokenInURL.ReplaceAllString(text, "/t/(token)") }

// netboot does what iPXE does, which is in the card or on the medium.
func (c *Computer) netboot(ctx context.Context, medium string) (ipxe.Outcome, error) {
	if medium != "" {
		if err := c.readMedium(ctx, medium); err != nil {
			return ipxe.Outcome{}, fmt.Errorf("the virtual medium can not be read: %w", err)
		}
	}
	if c.BootURL() == "" {
		return ipxe.Outcome{}, errors.New("DHCP names no boot server")
	}
	m := ipxe.Machine{HTTP: c.http, MAC: c.MACs[0], UEFI: c.Firmware == hosting.FirmwareUEFI, Sleep: pause}
	return m.Boot(ctx, c.bootFile())
}

// bootFile is the address that the machine boots from.
func (c *Computer) bootFile() string { return c.BootURL() + "/boot/" + c.MACs[0] }

// readMedium reads the beginning of an image as its BMC does.
func (c *Computer) readMedium(ctx context.Context, image string) error {
	u, err := url.Parse(image)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" {
		return errors.New("the address is not of HTTP")
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, image, nil)
	if err != nil {
		return err
	}
	r.Header.Set("User-Agent", "BMC virtual media")
	resp, err := c.http.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	n, err := io.CopyN(io.Discard, resp.Body, 1<<20)
	switch {
	case resp.StatusCode != http.StatusOK:
		return fmt.Errorf("the server answered %s", resp.Status)
	case err != nil && !errors.Is(err, io.EOF):
		return err
	case n == 0:
		return errors.New("the image is empty")
	}
	return nil
}

// bootDisk starts the system on the disks.
func (c *Computer) bootDisk(ctx context.Context, n int) {
	c.mu.Lock()
	content, ok := c.state.bootable()
	c.mu.Unlock()
	if !ok {
		c.turn(n, Nothing, "no disk holds a system that boots")
		return
	}
	if pause(ctx, c.timing.System) != nil {
		return
	}
	c.change(n, func(s *State) { s.Since = c.Now() })
	c.turn(n, Running, content.System)
}

// start runs the kernel that was fetched.
func (c *Computer) start(ctx context.Context, n int, o ipxe.Outcome) {
	r := installer.Run{
		Client: installer.Client{HTTP: c.http, Sleep: pause, Pause: min(max(c.timing.Install, 250*time.Millisecond), 5*time.Second)},
		Host:   &job{Computer: c, boot: n}, Step: c.timing.Install,
	}
	c.change(n, func(s *State) { s.CommandLine = o.CommandLine })
	c.turn(n, Installing, "")
	a, err := r.Read(ctx, o.CommandLine, c.bootFile())
	if a.System == "" && !a.Rescue {
		if at, wrong := url.Parse(o.Kernel); wrong == nil {
			a.System = path.Base(path.Dir(at.Path)) // the folder that the kernel was in
		}
	}
	switch {
	case err != nil:
		r.GiveUp(ctx, a, err)
	case a.Rescue:
		err = c.rescue(ctx, n, r, a)
	default:
		r.Trouble = c.trouble()
		if err = r.Install(ctx, a); err == nil {
			c.Log.Info("installed", "boot", n, "system", a.System)
			c.Chassis.Restart(n)
			return
		}
	}
	if err != nil {
		c.turn(n, Nothing, redact(err.Error()))
	}
}

func (c *Computer) rescue(ctx context.Context, n int, r installer.Run, a installer.Answer) error {
	with, err := newAccess()
	if err != nil {
		return err
	}
	with.Keys = slices.Clone(a.Keys)
	c.change(n, func(s *State) { s.Rescue, s.Since = with, c.Now() })
	c.turn(n, InRescue, "")
	return r.Rescue(ctx, a, ed25519.NewKeyFromSeed(with.HostKey))
}

// trouble are the faults of an installation that are on when it begins.
func (c *Computer) trouble() (t installer.Trouble) {
	hit := func(n fault.Name) (int, bool) {
		f, on := c.Faults.Hit(n, fault.Machine)
		return f.Percent, on
	}
	t.HangAt, _ = hit(fault.InstallerHangs)
	t.FailAt, _ = hit(fault.InstallerFails)
	_, t.LoseKey = hit(fault.HostKeyLost)
	_, t.WrongKey = hit(fault.WrongHostKey)
	_, t.LoseCompleted = hit(fault.CallbackLost)
	return t
}

func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
