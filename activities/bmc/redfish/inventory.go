package redfish

import (
	"cmp"
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/stmcginnis/gofish/schemas"

	"github.com/handrail/handrail/activities/bmc/board"
	"github.com/handrail/handrail/hosting"
)

// inventoryReaders is how many requests run at a time while an inventory is
// read: a BMC answers each in up to a second, and few bear many at once.
const inventoryReaders = 4

const bytesPerMiB = 1 << 20

var health = map[schemas.Health]board.Health{
	schemas.OKHealth:       board.HealthOK,
	schemas.WarningHealth:  board.HealthWarning,
	schemas.CriticalHealth: board.HealthCritical,
}

// ReadInventory lists memory modules and drives. A part whose place can not be
// read is named in Unread; a BMC that stops answering is an error.
func (c *Client) ReadInventory(ctx context.Context) (board.Inventory, error) {
	s, err := c.readSystem(ctx)
	if err != nil {
		return board.Inventory{}, err
	}
	inv := board.Inventory{Via: hosting.Redfish, At: time.Now().UTC()}
	modules, err := c.membersIfAny(ctx, string(s.Memory))
	if err != nil {
		return inv, err
	}
	memory, unread, err := readParts(ctx, c, modules, memoryPart)
	if err != nil {
		return inv, err
	}
	inv.Memory, inv.Unread = memory, unread

	links, unread, err := c.driveLinks(ctx, s)
	if err != nil {
		return inv, err
	}
	inv.Unread = append(inv.Unread, unread...)
	inv.Drives, unread, err = readParts(ctx, c, links, drivePart)
	if err != nil {
		return inv, err
	}
	inv.Unread = append(inv.Unread, unread...)
	inv.Partial = s.Memory == "" || s.Storage == "" || len(inv.Unread) > 0
	return inv, nil
}

func (c *Client) membersIfAny(ctx context.Context, link string) ([]string, error) {
	if link == "" {
		return nil, nil
	}
	return c.members(ctx, link, maxMembers)
}

// driveLinks are the drives of all storage of the system, each once: some
// stand in several.
func (c *Client) driveLinks(ctx context.Context, s *system) (drives, unread []string, err error) {
	storages, err := c.membersIfAny(ctx, string(s.Storage))
	if err != nil {
		return nil, nil, err
	}
	found, unread, err := readEach(ctx, c, storages, func(raw rawResource) ([]schemas.Link, bool) {
		var storage struct{ Drives []schemas.Link }
		err := decode(raw, &storage)
		return storage.Drives, err == nil
	})
	if err != nil {
		return nil, nil, err
	}
	for _, link := range slices.Concat(found...) {
		if link != "" && !slices.Contains(drives, string(link)) && len(drives) < maxMembers {
			drives = append(drives, string(link))
		}
	}
	return drives, unread, nil
}

// readParts reads the parts at the links; empty slots are left out.
func readParts(ctx context.Context, c *Client, links []string, part func(*Client, string, rawResource) (board.Part, bool)) (parts []board.Part, unread []string, err error) {
	type found struct {
		part   board.Part
		fitted bool
	}
	results, unread, err := readEachLink(ctx, c, links, func(link string, raw rawResource) (found, bool) {
		p, fitted := part(c, link, raw)
		return found{p, fitted}, true
	})
	for _, r := range results {
		if r.fitted {
			parts = append(parts, r.part)
		}
	}
	return parts, unread, err
}

func readEach[T any](ctx context.Context, c *Client, links []string, read func(rawResource) (T, bool)) ([]T, []string, error) {
	return readEachLink(ctx, c, links, func(_ string, raw rawResource) (T, bool) { return read(raw) })
}

// readEachLink reads the resources at the links, a few at a time, and returns
// them in order. A link that leads nowhere or to nonsense is unread; where the
// BMC can not be reached, the whole ends.
func readEachLink[T any](ctx context.Context, c *Client, links []string, read func(string, rawResource) (T, bool)) (results []T, unread []string, err error) {
	type outcome struct {
		value T
		ok    bool
		err   error
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	outcomes := make([]outcome, len(links))
	var wg sync.WaitGroup
	next := make(chan int)
	for range min(inventoryReaders, len(links)) {
		wg.Go(func() {
			for i := range next {
				var raw rawResource
				_, err := c.get(ctx, links[i], &raw)
				if err == nil {
					outcomes[i].value, outcomes[i].ok = read(links[i], raw)
					continue
				}
				outcomes[i].err = err
				if hosting.KindOf(err) != hosting.FaultUnsupported {
					cancel()
				}
			}
		})
	}
	for i := range links {
		next <- i
	}
	close(next)
	wg.Wait()
	for i, o := range outcomes {
		switch {
		case o.ok:
			results = append(results, o.value)
		case o.err != nil && hosting.KindOf(o.err) != hosting.FaultUnsupported && !errors.Is(o.err, context.Canceled):
			return nil, nil, o.err
		default:
			unread = append(unread, c.quote(links[i]))
		}
	}
	if context.Cause(ctx) != nil {
		return nil, nil, c.unanswered(ctx.Err())
	}
	return results, unread, nil
}

func memoryPart(c *Client, link string, raw rawResource) (board.Part, bool) {
	m, err := decodeAs[schemas.Memory](raw, "Location", "Manufacturer", "PartNumber", "SerialNumber", "CapacityMiB", "Status", "MemoryDeviceType", "Model")
	if err != nil || m.Status.State == schemas.AbsentState {
		return board.Part{}, false
	}
	p := c.part(board.MemoryModule, m.Status)
	p.Slot = c.quote(cmp.Or(oldPlaceOf(raw).DeviceLocator, m.Location.PartLocation.ServiceLabel, lastSegment(link)))
	p.Serial, p.Manufacturer, p.PartNumber = c.words(m.SerialNumber), c.words(m.Manufacturer), c.words(m.PartNumber)
	p.Model = c.words(cmp.Or(m.Model, string(m.MemoryDeviceType)))
	p.SizeBytes = size(m.CapacityMiB, bytesPerMiB)
	// Some list empty slots without saying that they are.
	return p, p.SizeBytes > 0 || p.Serial != ""
}

func drivePart(c *Client, link string, raw rawResource) (board.Part, bool) {
	d, err := decodeAs[schemas.Drive](raw, "PhysicalLocation", "Manufacturer", "Model", "PartNumber", "SerialNumber", "CapacityBytes", "Status")
	if err != nil || d.Status.State == schemas.AbsentState {
		return board.Part{}, false
	}
	p := c.part(board.DiskDrive, d.Status)
	p.Slot = c.quote(cmp.Or(d.PhysicalLocation.PartLocation.ServiceLabel, oldPlaceOf(raw).info(), lastSegment(link)))
	p.Serial, p.Manufacturer, p.PartNumber, p.Model = c.words(d.SerialNumber), c.words(d.Manufacturer), c.words(d.PartNumber), c.words(d.Model)
	p.SizeBytes = size(d.CapacityBytes, 1)
	return p, p.SizeBytes > 0 || p.Serial != ""
}

func (c *Client) part(kind board.PartKind, s schemas.Status) board.Part {
	return board.Part{Kind: kind, Health: cmp.Or(health[s.Health], board.HealthUnknown)}
}

// oldPlace is where a part sits, in properties that the schemas have deprecated
// and that many BMCs have instead of the new ones.
type oldPlace struct {
	DeviceLocator string                  // of memory
	Location      []struct{ Info string } // of drives
}

func oldPlaceOf(raw rawResource) oldPlace {
	var p oldPlace
	if decode(raw, &p) != nil {
		return oldPlace{}
	}
	return p
}

func (p oldPlace) info() string {
	if len(p.Location) == 0 {
		return ""
	}
	return p.Location[0].Info
}

// size is a capacity in bytes; 0 where it is not told or can not be meant.
func size(n *int, unit int64) int64 {
	if n == nil || *n < 0 || int64(*n) > math.MaxInt64/unit {
		return 0
	}
	return int64(*n) * unit
}

// words is a property without the blanks with which BMCs fill it up.
func (c *Client) words(s string) string { return strings.TrimSpace(c.quote(s)) }
