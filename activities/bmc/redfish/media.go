package redfish

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"

	"github.com/stmcginnis/gofish/schemas"

	"github.com/handrail/handrail/activities/bmc/board"
	"github.com/handrail/handrail/hosting"
)

// maxSlots is more than any BMC has virtual drives.
const maxSlots = 32

// mediaSlot is a VirtualMedia resource.
type mediaSlot struct {
	path, etag    string
	id            string
	image         string
	inserted      bool
	via           schemas.ConnectedVia
	types         []string // nil where the BMC does not say
	insert, eject string   // action targets; without any, the slot is patched
}

// InsertMedia inserts the image into a virtual CD drive that is free.
func (c *Client) InsertMedia(ctx context.Context, image string) (board.Media, error) {
	slots, err := c.mediaSlots(ctx)
	if err != nil {
		return board.Media{}, err
	}
	if i := slices.IndexFunc(slots, func(s mediaSlot) bool { return s.holds(image) }); i >= 0 {
		return board.Media{Slot: slots[i].path, Image: slots[i].image, Already: true}, nil
	}
	i := slices.IndexFunc(slots, func(s mediaSlot) bool { return !s.inserted })
	if i < 0 {
		return board.Media{}, hosting.NewFault(hosting.FaultConflict, c.cfg.Server,
			fmt.Sprintf("all virtual CD drives of the BMC at %s are in use (%s)", c.cfg.Address, c.quote(slots[0].image)), "eject what is in them, if nobody needs it")
	}
	slot := slots[i]
	if slot.insert != "" {
		err = c.insertByAction(ctx, slot, image)
	} else {
		err = c.patch(ctx, slot.path, slot.etag, map[string]any{"Image": image, "Inserted": true, "WriteProtected": true})
	}
	if err != nil {
		return board.Media{}, err
	}
	now, err := c.awaitMedia(ctx, slot.path, func(s mediaSlot) bool { return s.holds(image) })
	if err != nil {
		return board.Media{}, err
	}
	return board.Media{Slot: now.path, Image: now.image}, nil
}

// insertByAction posts the image alone, as Inserted and WriteProtected default
// to true and some BMCs refuse them; some others want the protocol spelled out.
func (c *Client) insertByAction(ctx context.Context, slot mediaSlot, image string) error {
	body := map[string]any{"Image": image}
	err := c.change(ctx, http.MethodPost, slot.insert, body, nil)
	if status(err) != http.StatusBadRequest {
		return err
	}
	scheme, _, _ := strings.Cut(image, ":")
	body["TransferProtocolType"] = strings.ToUpper(scheme)
	return c.change(ctx, http.MethodPost, slot.insert, body, nil)
}

// EjectMedia ejects every image that was inserted by URL; what somebody has
// connected from a console stays.
func (c *Client) EjectMedia(ctx context.Context) error {
	slots, err := c.mediaSlots(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, slot := range slots {
		if !slot.inserted || slot.via == schemas.AppletConnectedVia {
			continue
		}
		errs = append(errs, c.ejectSlot(ctx, slot))
	}
	return errors.Join(errs...)
}

func (c *Client) ejectSlot(ctx context.Context, slot mediaSlot) error {
	target := c.ejectTarget(slot)
	var err error
	if target != "" {
		err = c.change(ctx, http.MethodPost, target, map[string]any{}, nil)
	}
	// What was not advertised may not exist after all.
	if target == "" || target != slot.eject && slices.Contains(noSuchAction, status(err)) {
		err = c.patch(ctx, slot.path, slot.etag, map[string]any{"Image": nil, "Inserted": false})
	}
	if err != nil {
		return err
	}
	_, err = c.awaitMedia(ctx, slot.path, func(s mediaSlot) bool { return !s.inserted })
	return err
}

// noSuchAction are the statuses with which a BMC refuses an action that it does
// not have.
var noSuchAction = []int{http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotImplemented}

// ejectTarget is where an eject is posted; empty if the slot is patched.
func (c *Client) ejectTarget(slot mediaSlot) string {
	if slot.eject == "" && slot.insert != "" && c.has(func(q quirk) bool { return q.EjectBesideInsert }) {
		return strings.TrimSuffix(slot.insert, "InsertMedia") + "EjectMedia"
	}
	return slot.eject
}

// HasDrive looks for a virtual CD drive that takes an image by URL, until it
// has found one.
func (c *Client) HasDrive(ctx context.Context) (bool, error) {
	s, err := c.lastSystem(ctx)
	if err != nil {
		return false, err
	}
	links, err := c.mediaLinks(ctx, s)
	for i := 0; err == nil && i < len(links); i++ {
		var slot mediaSlot
		if slot, err = c.readSlot(ctx, links[i]); err == nil && slot.takesCD() {
			return true, nil
		}
	}
	if hosting.KindOf(err) == hosting.FaultUnsupported && !LoginRefused(err) {
		return false, nil
	}
	return false, err
}

// mediaSlots are the virtual drives that can hold a CD image by URL. Drives
// whose types the BMC does not tell come last.
func (c *Client) mediaSlots(ctx context.Context) ([]mediaSlot, error) {
	s, err := c.readSystem(ctx)
	if err != nil {
		return nil, err
	}
	links, err := c.mediaLinks(ctx, s)
	if err != nil {
		return nil, err
	}
	var typed, untyped []mediaSlot
	for _, link := range links {
		slot, err := c.readSlot(ctx, link)
		switch {
		case err != nil:
			return nil, err
		case len(slot.types) == 0:
			untyped = append(untyped, slot)
		case slot.takesCD():
			typed = append(typed, slot)
		}
	}
	if slots := append(typed, untyped...); len(slots) > 0 {
		return slots, nil
	}
	return nil, c.noMedia()
}

func (c *Client) noMedia() error {
	return hosting.NewFault(hosting.FaultUnsupported, c.cfg.Server, "the BMC at "+c.cfg.Address+" has no virtual CD drive that takes an image by URL",
		"boot over the network, or insert the image at the console; some BMCs need a license for it")
}

// mediaLinks are the virtual drives that take an image by URL: those of the
// system, else those of its manager.
func (c *Client) mediaLinks(ctx context.Context, s *system) ([]string, error) {
	where, err := c.mediaCollection(ctx, s)
	if err != nil {
		return nil, err
	}
	links, err := c.members(ctx, where, maxSlots)
	return slices.DeleteFunc(links, func(link string) bool { return !c.takesURL(lastSegment(link)) }), err
}

func (c *Client) mediaCollection(ctx context.Context, s *system) (string, error) {
	if s.VirtualMedia != "" {
		return string(s.VirtualMedia), nil
	}
	for _, link := range s.Links.ManagedBy {
		var manager struct{ VirtualMedia schemas.Link }
		if _, err := c.get(ctx, string(link), &manager); err != nil {
			return "", err
		}
		if manager.VirtualMedia != "" {
			return string(manager.VirtualMedia), nil
		}
	}
	return "", c.noMedia()
}

func (c *Client) readSlot(ctx context.Context, link string) (mediaSlot, error) {
	var raw rawResource
	r, err := c.get(ctx, link, &raw)
	if err != nil {
		return mediaSlot{}, err
	}
	media, err := decodeAs[schemas.VirtualMedia](raw, "@odata.etag", "Image", "Inserted", "ConnectedVia", "MediaTypes")
	if err != nil {
		return mediaSlot{}, c.nonsense(link, err)
	}
	var actions struct {
		Actions struct {
			Insert struct{ Target string } `json:"#VirtualMedia.InsertMedia"`
			Eject  struct{ Target string } `json:"#VirtualMedia.EjectMedia"`
		}
	}
	if err := decode(raw, &actions); err != nil {
		return mediaSlot{}, c.nonsense(link, err)
	}
	slot := mediaSlot{
		path: link, etag: media.ODataEtag, id: lastSegment(link),
		image: media.Image, inserted: media.Inserted != nil && *media.Inserted,
		via:    media.ConnectedVia,
		insert: actions.Actions.Insert.Target, eject: actions.Actions.Eject.Target,
	}
	if slot.etag == "" {
		slot.etag = r.etag
	}
	for _, t := range media.MediaTypes {
		slot.types = append(slot.types, string(t))
	}
	return slot, nil
}

// takesCD reports whether the drive takes a CD image. One that does not say
// what it takes is tried.
func (s mediaSlot) takesCD() bool {
	return len(s.types) == 0 || slices.Contains(s.types, string(schemas.CDVirtualMediaType)) || slices.Contains(s.types, string(schemas.DVDVirtualMediaType))
}

// holds reports whether the image is in. BMCs write a URL back in their own
// way, so that its last part decides.
func (s mediaSlot) holds(image string) bool {
	return s.inserted && (s.image == image || s.image != "" && path.Base(s.image) == path.Base(image))
}

func (c *Client) awaitMedia(ctx context.Context, link string, done func(mediaSlot) bool) (mediaSlot, error) {
	var slot mediaSlot
	err := c.settle(ctx, func() (bool, error) {
		now, err := c.readSlot(ctx, link)
		if err != nil {
			return false, err
		}
		slot = now
		return done(now), nil
	})
	if errors.Is(err, errNotSettled) {
		return slot, hosting.NewFault(hosting.FaultUnmoved, c.cfg.Server,
			fmt.Sprintf("the BMC at %s took the request, but its virtual drive %s does not show it (inserted: %t, image: %q)", c.cfg.Address, c.quote(slot.id), slot.inserted, c.quote(slot.image)),
			"look whether the BMC can reach the image's address, then try again")
	}
	return slot, err
}
