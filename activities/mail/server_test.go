package mail_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"github.com/handrail/handrail/activities/letters"
	"github.com/handrail/handrail/activities/mail"
	"github.com/handrail/handrail/hosting"
)

// book is loaded once: that checks every template.
var book = func() *letters.Book {
	b, err := letters.Load("")
	if err != nil {
		panic(err)
	}
	return b
}()

const password = "correct horse battery staple"

// store is a secret store with one password.
type store struct{}

func (store) Secret(_ context.Context, ref string) (string, error) {
	if ref != "mail" {
		return "", errors.New("no such secret")
	}
	return password, nil
}

// server is an SMTP server whose refusals a test chooses.
type server struct {
	mailErr, rcptErr, dataErr error
	offersAuth                bool

	got   atomic.Int32 // mails
	users atomic.Int32 // log-ins that succeeded
	left  chan struct{}
}

func (s *server) NewSession(*smtp.Conn) (smtp.Session, error) { return &session{s}, nil }

type session struct{ *server }

func (s *session) Reset()                               {}
func (s *session) Logout() error                        { s.left <- struct{}{}; return nil }
func (s *session) Mail(string, *smtp.MailOptions) error { return s.mailErr }
func (s *session) Rcpt(string, *smtp.RcptOptions) error { return s.rcptErr }
func (s *session) AuthMechanisms() []string {
	if !s.offersAuth {
		return nil
	}
	return []string{sasl.Plain}
}

func (s *session) Data(r io.Reader) error {
	if _, err := io.Copy(io.Discard, r); err != nil {
		return err
	}
	if s.dataErr == nil {
		s.got.Add(1)
	}
	return s.dataErr
}

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, given string) error {
		if user != "handrail" || given != password {
			// Some servers repeat what they were sent.
			return &smtp.SMTPError{Code: 535, EnhancedCode: smtp.EnhancedCode{5, 7, 8}, Message: "no user with " + given}
		}
		s.users.Add(1)
		return nil
	}), nil
}

// security says how a test server speaks TLS.
type security struct {
	config   *tls.Config
	implicit bool
}

// serve runs a server for the time of a test and returns its port.
func serve(t *testing.T, s *server, tlsMode security) int {
	t.Helper()
	s.left = make(chan struct{}, 16)
	srv := smtp.NewServer(s)
	srv.Domain = "test.localhost"
	srv.ErrorLog = log.New(io.Discard, "", 0)
	srv.ReadTimeout = 10 * time.Second
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	if tlsMode.implicit {
		l = tls.NewListener(l, tlsMode.config)
	} else {
		srv.TLSConfig = tlsMode.config
	}
	go srv.Serve(l)
	t.Cleanup(func() { srv.Close(); l.Close() })
	return port
}

// certificate returns one for 127.0.0.1, and the PEM to trust it with.
func certificate(t *testing.T) (*tls.Config, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	return config, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// script accepts one connection, greets, and answers each line by answer, which
// may return "" to stay silent. After an answer ending in "!" it hangs up.
func script(t *testing.T, greeting string, answer func(line string) string) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		io.WriteString(conn, greeting)
		for lines := bufio.NewScanner(conn); lines.Scan(); {
			reply, last := strings.CutSuffix(answer(lines.Text()), "!")
			if io.WriteString(conn, reply); last {
				return
			}
		}
	}()
	return l.Addr().(*net.TCPAddr).Port
}

func plain(t *testing.T, port int) *mail.Activities {
	t.Helper()
	return configured(t, mail.Config{TLS: mail.PlainText, Port: port})
}

func configured(t *testing.T, c mail.Config) *mail.Activities {
	t.Helper()
	c.Host, c.From = "127.0.0.1", "Handrail Hosting <support@handrail.example>"
	a, err := mail.New(c, book, store{})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func summary() hosting.Letter {
	return hosting.Letter{
		Name: hosting.LetterSummary, Language: hosting.Polish, Provider: "Handrail Hosting", Ticket: "T-1001",
		Procedure: hosting.ServerIntervention, Server: "SRV-1001",
		Report: &hosting.Report{Resolved: true, Text: "Zażółć gęślą jaźń.", Downtime: hosting.Duration(5 * time.Minute), Power: hosting.PowerOn},
	}
}

func sending() mail.Sending {
	return mail.Sending{Key: "op-1/summary/1", To: "anna@example.com", Letter: summary()}
}

func portOf(t *testing.T, address string) int {
	t.Helper()
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
