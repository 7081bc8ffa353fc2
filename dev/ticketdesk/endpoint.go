package ticketdesk

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"

	"github.com/handrail/handrail/activities/desk"
	"github.com/handrail/handrail/activities/desk/httpdesk"
	"github.com/handrail/handrail/activities/desk/signature"
	"github.com/handrail/handrail/hosting"
)

// endpoint is the server side of the contract: one handler, told by the body
// what to do.
func (d *Desk) endpoint() http.Handler {
	return signature.Guard{
		Verifier: &signature.Verifier{Secrets: []signature.Secret{d.config.Secret}},
		Limit:    httpdesk.MaxRequest,
		Repeated: http.StatusConflict,
		Next:     http.HandlerFunc(d.serveRequest),
	}
}

func (d *Desk) serveRequest(w http.ResponseWriter, r *http.Request) {
	var in httpdesk.Request
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&in); err != nil {
		answer(w, http.StatusBadRequest, httpdesk.Refusal{Error: "the request is not the JSON of the contract: " + err.Error()})
		return
	}
	out, err := d.tickets.serve(in)
	switch {
	case err == nil:
		answer(w, http.StatusOK, out)
	case errors.Is(err, errNoTicket):
		answer(w, http.StatusNotFound, httpdesk.Refusal{Error: err.Error()})
	case errors.Is(err, errFull), hosting.KindOf(err) == hosting.FaultInvalidRequest:
		answer(w, http.StatusUnprocessableEntity, httpdesk.Refusal{Error: err.Error()})
	default:
		d.config.Logger.Error("the ticket desk could not do as asked", "request", in.Request, "ticket", in.Ticket, "error", err)
		answer(w, http.StatusInternalServerError, httpdesk.Refusal{Error: "the desk could not do it; its log says why"})
	}
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client may be gone
}

// serve does what a request says. A key that was seen before changes nothing.
func (s *store) serve(in httpdesk.Request) (out httpdesk.Response, err error) {
	if err := in.Validate(); err != nil {
		return out, err
	}
	act := map[string]struct {
		do func(*book, httpdesk.Request) (httpdesk.Response, error)
		in func(*store, func(*book) error) error
	}{
		httpdesk.RequestFind:  {(*book).serveFind, (*store).view},
		httpdesk.RequestRead:  {(*book).serveRead, (*store).view},
		httpdesk.RequestOpen:  {(*book).serveOpen, (*store).change},
		httpdesk.RequestPost:  {(*book).servePost, (*store).change},
		httpdesk.RequestClose: {(*book).serveClose, (*store).change},
	}[in.Request]
	err = act.in(s, func(b *book) (err error) {
		out, err = act.do(b, in)
		return err
	})
	return out, err
}

func (b *book) serveFind(in httpdesk.Request) (httpdesk.Response, error) {
	if in.Ticket == "" {
		return b.serveOpened(in.Key), nil
	}
	t, err := b.find(in.Ticket)
	if err != nil {
		return httpdesk.Response{}, err
	}
	if m, found := t.byKey(in.Key); found {
		return httpdesk.Response{Message: &m}, nil
	}
	return httpdesk.Response{}, nil
}

// serveOpened answers with the ticket that was opened with a key, or nothing.
func (b *book) serveOpened(key string) httpdesk.Response {
	i := slices.IndexFunc(b.Tickets, func(t *Ticket) bool { return t.Key == key })
	if i < 0 {
		return httpdesk.Response{}
	}
	first := b.Tickets[i].Messages[0]
	return httpdesk.Response{Ticket: first.Ticket, Message: &first}
}

func (b *book) serveOpen(in httpdesk.Request) (httpdesk.Response, error) {
	if earlier := b.serveOpened(in.Key); earlier.Message != nil {
		return earlier, nil
	}
	t, err := b.open(in.Contact, oneLine(in.Subject), in.Language)
	if err != nil {
		return httpdesk.Response{}, err
	}
	t.Key = in.Key
	m, err := t.add(httpdesk.Message{Kind: desk.Answer, Key: in.Key, Body: in.Body}, now())
	return httpdesk.Response{Ticket: t.ID, Message: &m}, err
}

func (b *book) servePost(in httpdesk.Request) (httpdesk.Response, error) {
	t, err := b.find(in.Ticket)
	if err != nil {
		return httpdesk.Response{}, err
	}
	if m, found := t.byKey(in.Key); found {
		return httpdesk.Response{Message: &m}, nil
	}
	m, err := t.add(httpdesk.Message{Kind: in.Kind, Key: in.Key, Body: in.Body}, now())
	if in.Kind == desk.Question {
		t.State = desk.Waiting
	}
	return httpdesk.Response{Message: &m}, err
}

func (b *book) serveClose(in httpdesk.Request) (httpdesk.Response, error) {
	t, err := b.find(in.Ticket)
	if err != nil {
		return httpdesk.Response{}, err
	}
	// A customer may have written, and so opened the ticket again, since the
	// first request with that key: its repeat must not close it once more.
	if !slices.Contains(t.Closings, in.Key) {
		t.Closings = append(t.Closings, in.Key)
		t.State = desk.Closed
	}
	return httpdesk.Response{Ticket: t.ID}, nil
}

func (b *book) serveRead(in httpdesk.Request) (httpdesk.Response, error) {
	t, err := b.find(in.Ticket)
	if err != nil {
		return httpdesk.Response{}, err
	}
	from := 0
	if in.After != "" {
		from = 1 + slices.IndexFunc(t.Messages, func(m httpdesk.Message) bool { return m.ID == in.After })
		if from == 0 {
			return httpdesk.Response{}, hosting.Invalid("", "\"after\" is not a message of the ticket", "begin again without it")
		}
	}
	to := min(from+httpdesk.MaxPage, len(t.Messages))
	return httpdesk.Response{
		Ticket: t.ID, Subject: t.Subject, State: t.State, Messages: slices.Clone(t.Messages[from:to]), More: to < len(t.Messages),
	}, nil
}
