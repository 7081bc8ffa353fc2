package httpdesk

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime"
	"net/mail"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/handrail/handrail/activities/desk/ticket"
	"github.com/handrail/handrail/hosting"
)

// DecodeDelivery reads the body of a webhook: one flat JSON object, its names
// spelled as in the contract, each once, every value a string within its limit.
// What is wrong comes back as an InvalidRequest that names the field; it never
// quotes subject or body, where customers leave secrets. Verify the signature
// first.
func DecodeDelivery(body []byte) (ticket.Incoming, error) {
	values, err := flatObject(body)
	if err != nil {
		return ticket.Incoming{}, err
	}
	in := ticket.Incoming{
		ID: values["id"], Ticket: values["ticket"], Author: values["author"], Subject: values["subject"],
		ContentType: values["contentType"], Body: values["body"], Kind: hosting.TicketEventKind(values["kind"]),
	}
	if in.At, err = time.Parse(time.RFC3339, values["at"]); err != nil || in.At.IsZero() {
		return ticket.Incoming{}, invalid("at", "is not a time such as 2026-11-22T02:00:00Z")
	}
	if err := checkIncoming(in); err != nil {
		return ticket.Incoming{}, err
	}
	return in, nil
}

func checkIncoming(in ticket.Incoming) error {
	switch in.Kind {
	case hosting.TicketMessage:
		if in.Author == "" {
			return invalid("author", "is missing: a message counts only with its author's address")
		}
		if !validContentType(in.ContentType) {
			return invalid("contentType", "is neither text/plain nor text/html, in UTF-8")
		}
	case hosting.TicketClosed:
		if in.Body != "" || in.ContentType != "" {
			return invalid("body", "does not belong to an event of kind closed")
		}
	default:
		return invalid("kind", "is neither message nor closed")
	}
	switch {
	case in.ID == "":
		return invalid("id", "is missing")
	case !validTicket(in.Ticket):
		return invalid("ticket", ticketRule)
	case in.Author != "" && !validAddress(in.Author):
		return invalid("author", "is not a plain e-mail address")
	}
	return withinLimits([]sized{{"id", in.ID, MaxKey}, {"subject", in.Subject, MaxSubject}, {"body", in.Body, MaxBody}})
}

func validAddress(address string) bool {
	parsed, err := mail.ParseAddress(address)
	return err == nil && parsed.Address == address && len(address) <= MaxContact
}

func validContentType(value string) bool {
	media, parameters, err := mime.ParseMediaType(value)
	if err != nil || media != "text/plain" && media != "text/html" {
		return false
	}
	charset, given := parameters["charset"]
	return !given || strings.EqualFold(charset, "utf-8") || strings.EqualFold(charset, "us-ascii")
}

var deliveryFields = map[string]bool{
	"id": true, "kind": true, "ticket": true, "subject": true, "author": true, "at": true, "contentType": true, "body": true,
}

// flatObject reads a JSON object of strings. encoding/json into a struct would
// take names in any case, and the last of several.
func flatObject(body []byte) (map[string]string, error) {
	if len(body) > MaxRequest {
		return nil, hosting.Invalid("", fmt.Sprintf("the delivery has %d bytes, at most %d are taken", len(body), MaxRequest), "cut the message's body")
	}
	if !utf8.Valid(body) {
		return nil, notJSON("it is not UTF-8")
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	if token, err := decoder.Token(); err != nil || token != json.Delim('{') {
		return nil, notJSON("it does not start with {")
	}
	values := make(map[string]string, len(deliveryFields))
	for decoder.More() {
		name, value, err := field(decoder)
		if err != nil {
			return nil, err
		}
		if _, twice := values[name]; twice {
			return nil, invalid(name, "is given twice")
		}
		values[name] = value
	}
	if _, err := decoder.Token(); err != nil {
		return nil, notJSON("it is cut off")
	}
	if len(bytes.TrimSpace(body[decoder.InputOffset():])) > 0 {
		return nil, notJSON("something follows the object")
	}
	return values, nil
}

func field(decoder *json.Decoder) (name, value string, err error) {
	token, err := decoder.Token()
	if err != nil {
		return "", "", notJSON("a name is malformed")
	}
	name, ok := token.(string)
	if !ok || !deliveryFields[name] {
		return "", "", hosting.Invalid("", "the delivery has a field that the contract does not know",
			"send id, kind, ticket, subject, author, at, contentType and body")
	}
	token, err = decoder.Token()
	if err != nil {
		return "", "", notJSON(fmt.Sprintf("the value of %q is malformed", name))
	}
	if value, ok = token.(string); !ok {
		return "", "", invalid(name, "is not a string")
	}
	return name, value, nil
}

func notJSON(why string) *hosting.Fault {
	return hosting.Invalid("", "the delivery is not the JSON object of the contract: "+why, "see CONTRACT.md of the HTTP desk")
}
