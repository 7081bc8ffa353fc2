// Package mail sends letters by SMTP.
package mail

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	netmail "net/mail"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"

	"github.com/handrail/handrail/activities/letters"
	"github.com/handrail/handrail/hosting"
)

// Secrets looks up a secret by its reference, when it is needed and not before.
type Secrets interface {
	Secret(ctx context.Context, ref string) (string, error)
}

// Activities are the activities of this package.
type Activities struct {
	config  Config
	from    *netmail.Address
	book    *letters.Book
	secrets Secrets
	// timeout bounds one sending, from the connection to the server's word.
	timeout time.Duration
}

// timeout is what a mail server that is alive needs at most: greylisting and
// content checks can take it most of a minute before it answers.
const timeout = time.Minute

// New checks the configuration. secrets may be nil where no user is configured.
func New(config Config, book *letters.Book, secrets Secrets) (*Activities, error) {
	from, err := config.validate()
	if err != nil {
		return nil, err
	}
	if config.User != "" && secrets == nil {
		return nil, hosting.Invalid("", "the mail server wants a password and there is no secret store", "configure one")
	}
	return &Activities{config: config, from: from, book: book, secrets: secrets, timeout: timeout}, nil
}

// Sending is a letter to send by mail.
type Sending struct {
	// Key is unique to this letter, made of operation, step and number. The
	// mail's Message-ID is derived from it: a mail that is sent again, because
	// nobody could tell whether it had arrived, is recognizable as the same.
	Key string `json:"key"`
	// To is one plain address, without a name.
	To     string         `json:"to"`
	Letter hosting.Letter `json:"letter"`
}

// SendMail sends a letter by mail. It is done when the server has accepted the
// mail. A recipient or sender that is refused for good, an address that is
// none and a letter that can not be rendered are InvalidRequest; a server that
// can not be reached, trusted or that asks to come back later is Unreachable.
func (a *Activities) SendMail(ctx context.Context, in Sending) error {
	msg, err := a.message(in)
	if err != nil {
		return fmt.Errorf("mail the letter %s: %w", in.Letter.Name, err)
	}
	ctx, cancel := context.WithTimeout(ctx, a.timeout)
	defer cancel()
	client, err := a.client(ctx)
	if err != nil {
		return fmt.Errorf("mail the letter %s: %w", in.Letter.Name, err)
	}
	err = client.DialAndSendWithContext(ctx, msg)
	if err == nil || msg.IsDelivered() {
		return nil // what follows the server's word is mere politeness
	}
	return a.fault(ctx, in, err)
}

// message builds the mail. Everything in its headers is one line by then: the
// addresses were parsed, the subject is the book's, the id is ours.
func (a *Activities) message(in Sending) (*gomail.Msg, error) {
	if in.Key == "" {
		return nil, hosting.Invalid(in.Letter.Server, "a mail without a key", "make the key of operation, step and number")
	}
	to, err := address(in.To)
	if err != nil {
		return nil, hosting.Invalid(in.Letter.Server, fmt.Sprintf("%q is not an e-mail address", in.To),
			"correct the address in the customer's contacts or in the policy").Because(err)
	}
	letter, err := a.book.Mail(in.Letter)
	if err != nil {
		return nil, err
	}
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	msg.FromMailAddress(a.from)
	msg.ToMailAddress(&netmail.Address{Address: to})
	msg.Subject(letter.Subject)
	msg.SetMessageIDWithValue(messageID(in.Key, a.from.Address))
	msg.SetDate()
	msg.SetGenHeader(gomail.HeaderContentLang, string(language(in.Letter)))
	// RFC 3834, section 5: no out-of-office answer to what nobody wrote.
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetGenHeader(gomail.HeaderXAutoResponseSuppress, "All")
	msg.SetBodyString(gomail.TypeTextPlain, letter.Text)
	msg.AddAlternativeString(gomail.TypeTextHTML, letter.HTML)
	return msg, nil
}

// language is the one that the book writes the letter in.
func language(l hosting.Letter) hosting.Language {
	if l.Language.Known() {
		return l.Language
	}
	return hosting.English
}

// messageID is the same for the same key and says nothing of what is in it.
func messageID(key, from string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:16]) + "@" + domain(from)
}

func domain(addr string) string { return addr[strings.LastIndexByte(addr, '@')+1:] }
