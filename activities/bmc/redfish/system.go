package redfish

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/stmcginnis/gofish/schemas"

	"github.com/handrail/handrail/hosting"
)

const (
	rootPath    = "/redfish/v1/"
	systemsPath = "/redfish/v1/Systems" // where every known service has it; else the root tells

	// maxSystems is more than any chassis holds behind one BMC, maxMembers more
	// than any system has of one kind of part.
	maxSystems = 64
	maxMembers = 512
)

// system is a ComputerSystem resource, as far as it is used. What is used by
// one capability only is decoded there, so that a mistake of the BMC in its
// boot settings does not get into the way of its power.
type system struct {
	ODataID      string `json:"@odata.id"`
	Type         string `json:"@odata.type"`
	ETag         string `json:"@odata.etag"`
	ID           string `json:"Id"`
	Manufacturer string
	Model        string
	BiosVersion  string
	UUID         string
	SerialNumber string

	PowerState    schemas.PowerState
	LastResetTime string
	BootProgress  struct{ LastState string }
	Boot          json.RawMessage
	Actions       struct {
		Reset resetAction `json:"#ComputerSystem.Reset"`
	}
	Memory       schemas.Link
	Storage      schemas.Link
	VirtualMedia schemas.Link
	Links        struct{ ManagedBy []schemas.Link }
	Settings     struct{ SettingsObject schemas.Link } `json:"@Redfish.Settings"`

	path string // where it was read
}

// resetAction is the advertisement of ComputerSystem.Reset.
type resetAction struct {
	Target     string   `json:"target"`
	ActionInfo string   `json:"@Redfish.ActionInfo"`
	Types      []string `json:"ResetType@Redfish.AllowableValues"`
}

// collection is a page of a resource collection.
type collection struct {
	Members  *[]schemas.Link // nil where the answer is no collection
	NextLink string          `json:"Members@odata.nextLink"`
}

func (c *Client) key() memoryKey { return memoryKey{address: c.cfg.Address, system: c.cfg.System} }

// readSystem reads the customer's system now, at its remembered place if that
// still holds.
func (c *Client) readSystem(ctx context.Context) (*system, error) {
	known, ok := c.cfg.Memory.recall(c.key())
	if !ok {
		return c.findSystem(ctx)
	}
	s, err := c.systemAt(ctx, known.path)
	switch {
	case err == nil && s.identity() == known.identity:
		return s, nil
	case err == nil || status(err) == http.StatusNotFound:
		c.cfg.Memory.forget(c.key())
		return c.findSystem(ctx)
	}
	return nil, err
}

// findSystem finds the customer's system from the collection of all.
func (c *Client) findSystem(ctx context.Context) (*system, error) {
	paths, err := c.systemPaths(ctx)
	if err != nil {
		return nil, err
	}
	path, err := c.choose(paths)
	if err != nil {
		return nil, err
	}
	s, err := c.systemAt(ctx, path)
	if err != nil {
		return nil, err
	}
	c.cfg.Memory.keepPath(c.key(), s.path, s.identity())
	return s, nil
}

func (c *Client) systemPaths(ctx context.Context) ([]string, error) {
	paths, err := c.members(ctx, systemsPath, maxSystems)
	if status(err) != http.StatusNotFound {
		return paths, err
	}
	var root struct{ Systems schemas.Link }
	if _, err := c.get(ctx, rootPath, &root); err != nil {
		return nil, err
	}
	if root.Systems == "" {
		return nil, hosting.NewFault(hosting.FaultUnsupported, c.cfg.Server, "the BMC at "+c.cfg.Address+" shows no systems over Redfish", "use IPMI, or update its firmware")
	}
	return c.members(ctx, string(root.Systems), maxSystems)
}

// choose picks the one system that the record means. A BMC with several is
// never guessed at.
func (c *Client) choose(paths []string) (string, error) {
	ids := make([]string, len(paths))
	for i, p := range paths {
		ids[i] = lastSegment(p)
	}
	list := strings.Join(ids, ", ")
	switch i := slices.Index(ids, c.cfg.System); {
	case len(paths) == 0:
		return "", hosting.NewFault(hosting.FaultUnsupported, c.cfg.Server, "the BMC at "+c.cfg.Address+" lists no system", "look at the BMC; it may still be starting")
	case c.cfg.System == "" && len(paths) == 1:
		return paths[0], nil
	case c.cfg.System == "":
		return "", hosting.Invalid(c.cfg.Server, fmt.Sprintf("the BMC at %s has %d systems (%s) and the record does not say which one is the customer's", c.cfg.Address, len(paths), list),
			"name the system in the server's record")
	case i < 0:
		return "", hosting.Invalid(c.cfg.Server, fmt.Sprintf("the BMC at %s has no system %q; it has %s", c.cfg.Address, c.cfg.System, list),
			"correct the system in the server's record")
	default:
		return paths[i], nil
	}
}

// systemAt reads the system at path and what is peculiar about it.
func (c *Client) systemAt(ctx context.Context, path string) (*system, error) {
	s := &system{path: path}
	r, err := c.get(ctx, path, s)
	if err != nil {
		return nil, err
	}
	if !s.plausible() {
		return nil, c.nonsense(path, errNotTheThing)
	}
	if s.ETag == "" {
		s.ETag = r.etag
	}
	c.last, c.quirks = s, quirksOf(s.Manufacturer, s.Model, s.BiosVersion)
	return s, nil
}

// plausible reports whether the resource is a system: by its type, or, where it
// tells none, by having what a system has.
func (s *system) plausible() bool {
	if s.Type != "" {
		return strings.HasPrefix(s.Type, "#ComputerSystem.")
	}
	return s.PowerState != "" || s.Actions.Reset.Target != ""
}

// members lists the links of a collection, over its pages, each link once.
func (c *Client) members(ctx context.Context, path string, limit int) ([]string, error) {
	var links []string
	seen := map[string]bool{}
	for path != "" {
		if seen[path] {
			return nil, c.unanswered(fmt.Errorf("%w: %s", errBudget, c.quote(path)))
		}
		seen[path] = true
		var page collection
		if _, err := c.get(ctx, path, &page); err != nil {
			return nil, err
		}
		if page.Members == nil {
			return nil, c.nonsense(path, errNotTheThing)
		}
		for _, l := range *page.Members {
			if l != "" && !slices.Contains(links, string(l)) {
				links = append(links, string(l))
			}
			if len(links) > limit {
				return nil, c.nonsense(path, fmt.Errorf("%w: over %d members", errTooLarge, limit))
			}
		}
		path = page.NextLink
	}
	return links, nil
}

// lastSegment is the id in a resource's path.
func lastSegment(path string) string {
	path = strings.TrimRight(path, "/")
	id := path[strings.LastIndexByte(path, '/')+1:]
	if plain, err := url.PathUnescape(id); err == nil {
		return plain
	}
	return id
}
