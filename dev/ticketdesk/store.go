package ticketdesk

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/mail"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/handrail/handrail/activities/desk"
	"github.com/handrail/handrail/activities/desk/httpdesk"
	"github.com/handrail/handrail/hosting"
)

var (
	errNoTicket = errors.New("there is no such ticket")
	errFull     = errors.New("the desk is full: this one holds 1000 tickets of 300 messages")
	errContact  = errors.New("the contact is not an e-mail address")
	errText     = errors.New("the text is empty, too long or not UTF-8")
)

const bookVersion = 1

// store keeps the book in memory and in a file. A change that can not be
// written did not happen.
type store struct {
	path string

	mu    sync.Mutex
	book  book
	saved []byte // the book as it stands in the file
}

func openStore(path string) (*store, error) {
	s := &store{path: path, book: book{Version: bookVersion}}
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return s, s.change(func(*book) error { return nil })
	}
	if err != nil {
		return nil, fmt.Errorf("read the ticket desk's data: %w", err)
	}
	if err := json.Unmarshal(data, &s.book); err != nil {
		return nil, fmt.Errorf("the ticket desk's data file %s is damaged (%w): move it away to start without tickets", path, err)
	}
	if s.book.Version != bookVersion {
		return nil, fmt.Errorf("the ticket desk's data file %s has version %d, this desk reads %d: move it away to start without tickets",
			path, s.book.Version, bookVersion)
	}
	s.saved = data
	return s, nil
}

// change applies f to the book and writes it. Where either fails, the book is
// as it was before.
func (s *store) change(f func(*book) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := f(&s.book)
	var data []byte
	if err == nil {
		data, err = json.Marshal(s.book)
	}
	if err == nil {
		err = replaceFile(s.path, data)
	}
	if err != nil {
		s.restore()
		return err
	}
	s.saved = data
	return nil
}

func (s *store) restore() {
	s.book = book{Version: bookVersion}
	if s.saved != nil {
		// It was encoded or read by this process: it can be decoded.
		_ = json.Unmarshal(s.saved, &s.book)
	}
}

// replaceFile writes a file so that a crash leaves either the old or the new.
func replaceFile(path string, data []byte) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make the ticket desk's folder: %w", err)
	}
	f, err := os.CreateTemp(dir, filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("write the ticket desk's data: %w", err)
	}
	defer os.Remove(f.Name()) // gone already where all went well
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write the ticket desk's data: %w", err)
	}
	return syncDir(dir)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("write the ticket desk's data: %w", err)
	}
	return errors.Join(d.Sync(), d.Close())
}

func (s *store) create(contact string, language hosting.Language, subject, body string) (id string, err error) {
	if err := checkText(contact, subject, body); err != nil {
		return "", err
	}
	err = s.change(func(b *book) error {
		t, err := b.open(contact, oneLine(subject), language)
		if err != nil {
			return err
		}
		id = t.ID
		return b.write(t, contact, body)
	})
	return id, err
}

func (s *store) reply(id, contact, body string) error {
	if err := checkText(contact, "reply", body); err != nil {
		return err
	}
	return s.change(func(b *book) error {
		t, err := b.find(id)
		if err != nil {
			return err
		}
		t.State = desk.Open
		return b.write(t, contact, body)
	})
}

// write adds a customer's message to a ticket and tells the gateway.
func (b *book) write(t *Ticket, contact, body string) error {
	// Browsers send forms with CRLF.
	body = strings.ReplaceAll(body, "\r\n", "\n")
	m, err := t.add(httpdesk.Message{Kind: desk.Customer, Author: contact, Body: body}, now())
	if err == nil {
		b.tell(t, m)
	}
	return err
}

func (s *store) closeByCustomer(id, contact string) error {
	if err := checkText(contact, "close", "close"); err != nil {
		return err
	}
	return s.change(func(b *book) error {
		t, err := b.find(id)
		if err != nil || t.State == desk.Closed {
			return err
		}
		t.State = desk.Closed
		b.tellClosed(t, contact, now())
		return nil
	})
}

// view lets f read the book.
func (s *store) view(f func(*book) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return f(&s.book)
}

// ticket returns a copy that later changes do not touch.
func (s *store) ticket(id string) (Ticket, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.book.find(id)
	if err != nil {
		return Ticket{}, err
	}
	return t.copy(), nil
}

func (t *Ticket) copy() Ticket {
	c := *t
	c.Messages, c.Closings = slices.Clone(t.Messages), slices.Clone(t.Closings)
	return c
}

// all returns copies of the tickets, the latest first.
func (s *store) all() []Ticket {
	s.mu.Lock()
	defer s.mu.Unlock()
	tickets := make([]Ticket, 0, len(s.book.Tickets))
	for _, t := range slices.Backward(s.book.Tickets) {
		tickets = append(tickets, t.copy())
	}
	return tickets
}

func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

func checkText(contact, subject, body string) error {
	if a, err := mail.ParseAddress(contact); err != nil || a.Address != contact || len(contact) > httpdesk.MaxContact {
		return errContact
	}
	if !validText(subject, httpdesk.MaxSubject) || !validText(body, httpdesk.MaxBody) {
		return errText
	}
	return nil
}

func validText(text string, most int) bool {
	return strings.TrimSpace(text) != "" && len(text) <= most && utf8.ValidString(text)
}
