package mailbox

import (
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/emersion/go-smtp"
)

// newSMTPServer returns a server that keeps what it is sent.
func newSMTPServer(s *store, logger *slog.Logger) *smtp.Server {
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) {
		return &session{store: s, logger: logger}, nil
	}))
	server.Domain = "mailbox.localhost"
	server.MaxRecipients = maxRecipients
	server.MaxMessageBytes = messageBytes
	server.ReadTimeout = idleTimeout
	server.WriteTimeout = idleTimeout
	server.EnableSMTPUTF8 = true
	server.ErrorLog = smtpLog{logger}
	return server
}

// session is a conversation with one client, which may send several mails.
type session struct {
	store  *store
	logger *slog.Logger
	from   string
	to     []string
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	s.from = from
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = append(s.to, to)
	return nil
}

func (s *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r) // the server ends it at MaxMessageBytes
	if err != nil {
		return err
	}
	m := Message{At: time.Now().UTC(), Sender: s.from, Recipients: s.to, Raw: raw}
	m.read()
	m = s.store.add(m)
	s.logger.Info("mail arrived", "id", m.ID, "to", m.Recipients, "subject", m.Subject)
	return nil
}

func (s *session) Reset() { s.from, s.to = "", nil }

func (s *session) Logout() error { return nil }

// smtpLog passes the server's complaints about clients on.
type smtpLog struct{ logger *slog.Logger }

func (l smtpLog) Printf(format string, v ...any) { l.logger.Warn(fmt.Sprintf(format, v...)) }
func (l smtpLog) Println(v ...any)               { l.logger.Warn(fmt.Sprint(v...)) }
