package ipmi

import (
	"cmp"
	"context"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/bougou/go-ipmi/pkg/client"
	"github.com/bougou/go-ipmi/pkg/types"

	"github.com/handrail/handrail/activities/bmc/board"
	"github.com/handrail/handrail/hosting"
)

// entities are the parts that are told apart by entity id (IPMI v2.0, table
// 43-13).
var entities = map[uint8]board.PartKind{
	4:  board.DiskDrive,    // disk or disk bay
	8:  board.MemoryModule, // memory module: board that holds memory devices
	32: board.MemoryModule, // memory device
}

const (
	maxRecords = 2048 // more sensor data records than any BMC has
	lastRecord = 0xffff
	maxText    = 63 // longest FRU field
)

// ReadInventory lists the memory modules and drives that have FRU records.
// Sizes and health are not in them, and many BMCs have records for the board
// only: the inventory is always partial.
func (c *Client) ReadInventory(ctx context.Context) (board.Inventory, error) {
	inv := board.Inventory{Via: hosting.IPMI, At: time.Now().UTC(), Partial: true}
	locators, err := c.locators(ctx)
	if err != nil {
		return inv, err
	}
	for _, l := range locators {
		kind, ok := entities[l.FRUEntityID]
		if !ok || l.Location() != types.FRULocation_MgmtController {
			continue
		}
		part, fitted, err := c.readFRU(ctx, kind, l)
		switch {
		case err != nil && hosting.KindOf(err) == hosting.FaultUnreachable:
			return inv, err
		case err != nil:
			inv.Unread = append(inv.Unread, "FRU "+strconv.Itoa(int(l.FRUDeviceID_SlaveAddress)))
		case fitted && kind == board.MemoryModule:
			inv.Memory = append(inv.Memory, part)
		case fitted:
			inv.Drives = append(inv.Drives, part)
		}
	}
	return inv, nil
}

// locators walks the sensor data records for those that locate FRU devices.
// The walk ends also where the records form a ring.
func (c *Client) locators(ctx context.Context) ([]*types.SDRFRUDeviceLocator, error) {
	var found []*types.SDRFRUDeviceLocator
	id, seen := uint16(0), map[uint16]bool{}
	for id != lastRecord && !seen[id] && len(seen) < maxRecords {
		seen[id] = true
		var next uint16
		err := c.call(ctx, func(ctx context.Context, s *client.Client) error {
			header, n, err := s.GetSDRHeader(ctx, id)
			if err != nil {
				return err
			}
			next = n
			if header.RecordType != types.SDRRecordTypeFRUDeviceLocator {
				return nil
			}
			sdr, err := s.GetSDRParsed(ctx, id)
			if err == nil && sdr.FRUDeviceLocator != nil {
				found = append(found, sdr.FRUDeviceLocator)
			}
			return err
		})
		if err != nil {
			return nil, c.fault("reading the sensor data records", err)
		}
		id = next
	}
	return found, nil
}

func (c *Client) readFRU(ctx context.Context, kind board.PartKind, l *types.SDRFRUDeviceLocator) (board.Part, bool, error) {
	name := text(l.DeviceIDBytes)
	var fru *types.FRU
	err := c.call(ctx, func(ctx context.Context, s *client.Client) (err error) {
		fru, err = s.GetFRU(ctx, l.FRUDeviceID_SlaveAddress, name)
		return err
	})
	if err != nil {
		return board.Part{}, false, c.fault("reading the FRU record "+name, err)
	}
	part := board.Part{Kind: kind, Slot: name, Health: board.HealthUnknown}
	if b := fru.BoardInfoArea; b != nil {
		part.Manufacturer, part.Model, part.Serial, part.PartNumber = text(b.Manufacturer), text(b.ProductName), text(b.SerialNumber), text(b.PartNumber)
	}
	if p := fru.ProductInfoArea; p != nil {
		part.Manufacturer = cmp.Or(text(p.Manufacturer), part.Manufacturer)
		part.Model = cmp.Or(text(p.Name), part.Model)
		part.Serial = cmp.Or(text(p.SerialNumber), part.Serial)
		part.PartNumber = cmp.Or(text(p.PartModel), part.PartNumber)
	}
	return part, !fru.DeviceNotPresent && part.Serial+part.Model != "", nil
}

// text is a FRU field fit to be printed.
func text(b []byte) string {
	if len(b) > maxText {
		b = b[:maxText]
	}
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return -1
	}, strings.ToValidUTF8(string(b), "")))
}
