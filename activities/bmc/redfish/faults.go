package redfish

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"unicode"

	"github.com/stmcginnis/gofish/schemas"

	"github.com/handrail/handrail/hosting"
)

// maxQuoted is how much of a BMC's own words an error repeats, in bytes.
const maxQuoted = 240

// StatusError is the answer of a BMC that refuses a request.
type StatusError struct {
	Status  int
	Message string // the BMC's own words, cut and cleaned
	IDs     []string
}

// Error gives the status and what the BMC said.
func (e *StatusError) Error() string {
	s := fmt.Sprintf("HTTP %d %s", e.Status, http.StatusText(e.Status))
	if e.Message != "" {
		s += " (" + e.Message + ")"
	}
	return s
}

// refusals say what a status means for the person who reads it and for the
// retry; the first entry whose range holds the status applies.
var refusals = []struct {
	from, to int
	kind     hosting.FaultKind
	what, do string
}{
	{300, 399, hosting.FaultUnsupported, "the BMC redirects the request to where it can not go", "look whether the record names the right address, or use IPMI"},
	{401, 401, hosting.FaultUnsupported, "the BMC refused the login", "check the secret %s against the BMC's user"},
	{403, 403, hosting.FaultUnsupported, "the BMC's user may not do this", "give the user of secret %s the rights of an operator"},
	{404, 404, hosting.FaultUnsupported, "the BMC does not have this resource", "look whether the record names the right BMC and system"},
	{409, 409, hosting.FaultUnreachable, "the BMC is in a state in which it refuses this", "try again, or look at the BMC's console"},
	{423, 429, hosting.FaultUnreachable, "the BMC is busy", "try again; if it stays so, restart the BMC"},
	{500, 500, hosting.FaultUnreachable, "the BMC failed inside", "try again; if it stays so, restart the BMC"},
	{501, 501, hosting.FaultUnsupported, "the BMC does not support this", "use IPMI or the console"},
	{502, 599, hosting.FaultUnreachable, "the BMC is not ready", "try again; if it stays so, restart the BMC"},
	{0, 999, hosting.FaultUnsupported, "the BMC refused the request", "look at what it says, and at its firmware version"},
}

// refused turns an answer that is not a success into a fault.
func (c *Client) refused(method, path string, r reply) *hosting.Fault {
	cause := c.statusError(r)
	for _, x := range refusals {
		if r.status < x.from || r.status > x.to {
			continue
		}
		do := x.do
		if strings.Contains(do, "%s") {
			do = fmt.Sprintf(do, c.cfg.Secret)
		}
		return hosting.NewFault(x.kind, c.cfg.Server, fmt.Sprintf("%s: %s %s", x.what, method, c.quote(path)), do).Because(cause)
	}
	return c.nonsense(path, cause) // a status beyond three digits
}

// unanswered turns a request without an answer into a fault.
func (c *Client) unanswered(err error) *hosting.Fault {
	switch {
	case untrusted(err):
		return hosting.Invalid(c.cfg.Server, "the BMC at "+c.cfg.Address+" does not prove to be the one in the record",
			"compare the certificate with the BMC's own, then correct fingerprint or CA in the server's record; until then nothing is sent to it").Because(c.scrubbed(err))
	case errors.Is(err, errTooLarge), errors.Is(err, errBudget), errors.Is(err, errElsewhere):
		return hosting.NewFault(hosting.FaultUnsupported, c.cfg.Server, "the BMC at "+c.cfg.Address+" does not answer as a Redfish service",
			"look whether the record names the right address, and at the BMC's firmware version").Because(c.scrubbed(err))
	case errors.Is(err, context.DeadlineExceeded):
		err = fmt.Errorf("no answer within %s", c.http.limits.Request)
	}
	return hosting.NewFault(hosting.FaultUnreachable, c.cfg.Server, "the BMC at "+c.cfg.Address+" can not be reached over Redfish",
		"look at the management network and the BMC; it may be restarting").Because(c.scrubbed(err))
}

// nonsense is an answer with status 200 that is no Redfish resource.
func (c *Client) nonsense(path string, err error) *hosting.Fault {
	return hosting.NewFault(hosting.FaultUnsupported, c.cfg.Server, "the BMC at "+c.cfg.Address+" gave no usable answer for "+c.quote(path),
		"look whether the record names the right address, and at the BMC's firmware version").Because(c.scrubbed(err))
}

// statusError reads the BMC's explanation (Redfish specification, error
// responses) as far as it gives one.
func (c *Client) statusError(r reply) *StatusError {
	e := &StatusError{Status: r.status}
	if told, ok := errors.AsType[*schemas.Error](schemas.ConstructError(r.status, r.body)); ok && json.Valid(r.body) {
		e.Message = told.Message
		e.IDs = append(e.IDs, told.Code)
		for _, info := range told.ExtendedInfos {
			e.IDs = append(e.IDs, info.MessageID)
			if info.Message != "" {
				e.Message = info.Message
			}
		}
	}
	e.Message = c.quote(e.Message)
	return e
}

// quote makes a BMC's words fit for an error: short, printable, and without
// our own password, which an echoing BMC may hold.
func (c *Client) quote(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, strings.ToValidUTF8(s, "?"))
	if p := c.cfg.Login.Password; p != "" {
		s = strings.ReplaceAll(s, p, "(hidden)")
	}
	if len(s) > maxQuoted {
		s = strings.ToValidUTF8(s[:maxQuoted], "") + "..."
	}
	return s
}

// scrubbed words an error so that it is fit to be read; errors.Is and As see
// the error itself.
func (c *Client) scrubbed(err error) error {
	return &worded{text: c.quote(err.Error()), err: err}
}

type worded struct {
	text string
	err  error
}

func (w *worded) Error() string { return w.text }
func (w *worded) Unwrap() error { return w.err }

// LoginRefused reports whether err tells that the BMC refused the login, so
// that it is not tried again with the same one.
func LoginRefused(err error) bool {
	s, ok := errors.AsType[*StatusError](err)
	return ok && s.Status == http.StatusUnauthorized
}

// status returns the HTTP status in err's chain, or 0.
func status(err error) int {
	if s, ok := errors.AsType[*StatusError](err); ok {
		return s.Status
	}
	return 0
}
