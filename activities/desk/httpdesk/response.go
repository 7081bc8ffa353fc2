package httpdesk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/handrail/handrail/activities/desk"
	"github.com/handrail/handrail/hosting"
)

// readResponse turns any answer whatever into a Response or a fault, within
// bounded memory.
func readResponse(purpose string, r *http.Response) (Response, error) {
	if r.StatusCode/100 != 2 {
		return Response{}, refused(purpose, r)
	}
	if !isJSON(r.Header) {
		return Response{}, notTheDesk(purpose, fmt.Sprintf("something answers with %s of type %q, not with JSON", r.Status, clean(r.Header.Get("Content-Type"))))
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxResponse+1))
	if err != nil {
		return Response{}, unreachable(purpose, err)
	}
	if len(body) > maxResponse {
		return Response{}, breach(purpose, fmt.Sprintf("the desk's answer is longer than %d bytes", maxResponse))
	}
	var out Response
	if err := json.Unmarshal(body, &out); err != nil {
		return Response{}, breach(purpose, "the desk's answer is not the JSON of the contract")
	}
	return out, nil
}

func isJSON(h http.Header) bool {
	media, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	return err == nil && media == "application/json"
}

// verdicts are the kinds of fault for the statuses by which a desk says that
// trying again can not help.
var verdicts = map[int]struct {
	kind hosting.FaultKind
	do   string
}{
	http.StatusBadRequest:            {hosting.FaultInvalidRequest, "see the desk's log; it may speak another version of the contract"},
	http.StatusUnauthorized:          {hosting.FaultNotAuthorized, "compare the desk's secret on both sides, and both clocks"},
	http.StatusForbidden:             {hosting.FaultNotAuthorized, "compare the desk's secret on both sides, and both clocks"},
	http.StatusNotFound:              {hosting.FaultInvalidRequest, "check the ticket's number and the desk's URL"},
	http.StatusMethodNotAllowed:      {hosting.FaultInvalidRequest, "check the desk's URL"},
	http.StatusConflict:              {hosting.FaultConflict, "look at the ticket"},
	http.StatusGone:                  {hosting.FaultInvalidRequest, "check the ticket's number and the desk's URL"},
	http.StatusRequestEntityTooLarge: {hosting.FaultInvalidRequest, "shorten the letter's template"},
	http.StatusUnprocessableEntity:   {hosting.FaultInvalidRequest, "correct what the desk names"},
}

func refused(purpose string, r *http.Response) error {
	answer := errors.New("the desk answers " + r.Status + reason(r))
	if verdict, final := verdicts[r.StatusCode]; final {
		return hosting.NewFault(verdict.kind, "", purpose, verdict.do).Because(answer)
	}
	if r.StatusCode/100 == 3 {
		return notTheDesk(purpose, "the desk's URL redirects elsewhere, and redirects are not followed")
	}
	cause := error(answer)
	if after, ok := retryAfter(r.Header, time.Now()); ok {
		cause = &desk.Postponed{After: after, Cause: answer}
	}
	return hosting.NewFault(hosting.FaultUnreachable, "", purpose, "nothing, if it passes; else look after the desk").Because(cause)
}

// reason is what the desk says of its refusal, cut short and cleaned of what
// could disturb a terminal.
func reason(r *http.Response) string {
	if !isJSON(r.Header) {
		return ""
	}
	var refusal Refusal
	if err := json.NewDecoder(io.LimitReader(r.Body, 16<<10)).Decode(&refusal); err != nil || refusal.Error == "" {
		return ""
	}
	return ": " + clean(refusal.Error)
}

func clean(s string) string {
	const longest = 300
	s = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, s)
	if runes := []rune(s); len(runes) > longest {
		return string(runes[:longest]) + "…"
	}
	return s
}

// maxRetryAfter keeps a desk from putting a customer off for days.
const maxRetryAfter = time.Hour

// retryAfter reads the header Retry-After in both its forms (RFC 9110, section
// 10.2.3): seconds, or a date.
func retryAfter(h http.Header, now time.Time) (time.Duration, bool) {
	value := strings.TrimSpace(h.Get("Retry-After"))
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return min(time.Duration(seconds)*time.Second, maxRetryAfter), true
	}
	if at, err := http.ParseTime(value); err == nil {
		return min(max(at.Sub(now), 0), maxRetryAfter), true
	}
	return 0, false
}

func unreachable(purpose string, cause error) error {
	if errors.Is(cause, context.Canceled) {
		return fmt.Errorf("%s: %w", purpose, cause)
	}
	return hosting.NewFault(hosting.FaultUnreachable, "", purpose+": the desk does not answer",
		"nothing, if it passes; else check that the desk runs and its certificate is valid").Because(cause)
}

// notTheDesk is for what proxies, maintenance pages and log-in pages answer in
// the desk's place: it may pass.
func notTheDesk(purpose, what string) error {
	return hosting.NewFault(hosting.FaultUnreachable, "", purpose+": "+what, "if it stays so, correct the desk's URL")
}

func breach(purpose, what string) error {
	return hosting.NewFault(hosting.FaultUnsupported, "", purpose+": "+what, "have the desk corrected: see CONTRACT.md of the HTTP desk")
}
