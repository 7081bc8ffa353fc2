package mailbox

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"strings"
	"time"

	"golang.org/x/net/html/charset"
)

// Message is a mail as it arrived.
type Message struct {
	// ID counts the mails from 1.
	ID int
	// At is when it arrived, in UTC.
	At time.Time
	// Sender and Recipients are the envelope's.
	Sender     string
	Recipients []string
	// From, To, Subject, MessageID and Language are the headers', decoded.
	From, To, Subject, MessageID, Language string
	// Text and HTML are the first bodies of their kind, in UTF-8.
	Text, HTML string
	// Raw is the whole mail. It must not be changed.
	Raw []byte
}

func (m Message) size() int { return len(m.Raw) + len(m.Text) + len(m.HTML) }

// Header returns all values of a header as they stand in the mail.
func (m Message) Header(name string) []string {
	parsed, err := mail.ReadMessage(bytes.NewReader(m.Raw))
	if err != nil {
		return nil
	}
	return parsed.Header[textproto.CanonicalMIMEHeaderKey(name)]
}

// The limits of how deep and how far a mail's parts are followed.
const (
	maxDepth = 8
	maxParts = 64
)

// read fills in what a mail says of itself. What can not be read is left empty,
// or, where nothing can, the raw mail is the text.
func (m *Message) read() {
	parsed, err := mail.ReadMessage(bytes.NewReader(m.Raw))
	if err != nil {
		m.Text = strings.ToValidUTF8(string(m.Raw), "\uFFFD")
		return
	}
	h := parsed.Header
	m.From, m.To, m.Subject = decoded(h.Get("From")), decoded(h.Get("To")), decoded(h.Get("Subject"))
	m.MessageID, m.Language = h.Get("Message-Id"), h.Get("Content-Language")
	parts := maxParts
	if err := m.readPart(textproto.MIMEHeader(h), parsed.Body, 0, &parts); err != nil && m.Text == "" && m.HTML == "" {
		m.Text = "(" + err.Error() + ")"
	}
}

// readPart takes the texts out of a part and of those inside it.
func (m *Message) readPart(h textproto.MIMEHeader, body io.Reader, depth int, parts *int) error {
	if *parts--; *parts < 0 || depth > maxDepth {
		return errors.New("the mail has too many parts")
	}
	kind, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil {
		kind, params = "text/plain", nil // RFC 2045, section 5.2
	}
	if strings.HasPrefix(kind, "multipart/") {
		return m.readParts(multipart.NewReader(body, params["boundary"]), depth, parts)
	}
	into := map[string]*string{"text/plain": &m.Text, "text/html": &m.HTML}[kind]
	if into == nil || *into != "" {
		return nil
	}
	text, err := readText(h, params["charset"], body)
	*into = text
	return err
}

func (m *Message) readParts(r *multipart.Reader, depth int, parts *int) error {
	for {
		part, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("the mail's parts can not be read: %w", err)
		}
		if err := m.readPart(part.Header, part, depth+1, parts); err != nil {
			return err
		}
	}
}

// readText decodes a text into UTF-8. Its size is bounded by the mail's.
func readText(h textproto.MIMEHeader, encoding string, body io.Reader) (string, error) {
	switch strings.ToLower(strings.TrimSpace(h.Get("Content-Transfer-Encoding"))) {
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	}
	if encoding != "" {
		converted, err := charset.NewReaderLabel(encoding, body)
		if err != nil {
			return "", fmt.Errorf("the mail's character set %q is not known", encoding)
		}
		body = converted
	}
	text, err := io.ReadAll(body)
	if err != nil {
		return "", fmt.Errorf("the mail's text can not be decoded: %w", err)
	}
	return strings.ToValidUTF8(string(text), "\uFFFD"), nil
}

var words = mime.WordDecoder{CharsetReader: charset.NewReaderLabel}

func decoded(header string) string {
	text, err := words.DecodeHeader(header)
	if err != nil {
		text = header
	}
	return strings.ToValidUTF8(text, "\uFFFD")
}
