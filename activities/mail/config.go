package mail

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	netmail "net/mail"
	"net/netip"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"

	"github.com/handrail/handrail/hosting"
)

// TLSMode says how a connection to the mail server is encrypted.
type TLSMode string

// The ways to encrypt. The empty mode is StartTLS.
const (
	// StartTLS upgrades the connection before anything is said, or fails.
	StartTLS TLSMode = "starttls"
	// ImplicitTLS begins with TLS (RFC 8314), usually on port 465.
	ImplicitTLS TLSMode = "implicit"
	// PlainText does not encrypt. It is accepted for a server on loopback only,
	// and without a user.
	PlainText TLSMode = "plain"
)

// defaultPorts are the ports where none is configured (RFC 6409, RFC 8314).
var defaultPorts = map[TLSMode]int{StartTLS: 587, ImplicitTLS: 465, PlainText: 25}

// Config says which mail server to use, and as whom.
type Config struct {
	Host string
	// Port is that of the TLS mode where it is zero.
	Port int
	// User logs in with the password that PasswordRef refers to in the secret
	// store; where it is empty nobody logs in.
	User        string
	PasswordRef string
	// From is the sender's address, with or without a name.
	From string
	TLS  TLSMode
	// CA is a PEM bundle to verify the server against instead of the system's
	// roots.
	CA string
}

// validate reports the first thing that can not be meant, fills in what was
// left out, and returns the sender.
func (c *Config) validate() (*netmail.Address, error) {
	if c.TLS == "" {
		c.TLS = StartTLS
	}
	if c.Port == 0 {
		c.Port = defaultPorts[c.TLS]
	}
	switch {
	case c.Host == "" || strings.ContainsAny(c.Host, "/ \t\r\n"):
		return nil, hosting.Invalid("", fmt.Sprintf("the mail server %q is not a host name", c.Host), "set host to a name or an IP address")
	case defaultPorts[c.TLS] == 0:
		return nil, hosting.Invalid("", fmt.Sprintf("the mail server's TLS mode %q is not known", c.TLS), "use starttls, implicit or plain")
	case c.Port < 1 || c.Port > 65535:
		return nil, hosting.Invalid("", fmt.Sprintf("the mail server's port %d does not exist", c.Port), "use one between 1 and 65535")
	case c.TLS == PlainText && !loopback(c.Host):
		return nil, hosting.Invalid("", fmt.Sprintf("mail to %s would not be encrypted", c.Host), "use starttls or implicit; plain is for a server on loopback")
	case c.TLS == PlainText && c.User != "":
		return nil, hosting.Invalid("", "the mail server's password would not be encrypted", "use starttls or implicit, or leave the user out")
	case (c.User == "") != (c.PasswordRef == ""):
		return nil, hosting.Invalid("", "the mail server's user and the reference to the password go together", "set both or none")
	case c.CA != "" && !x509.NewCertPool().AppendCertsFromPEM([]byte(c.CA)):
		return nil, hosting.Invalid("", "the mail server's CA holds no certificate", "give certificates in PEM")
	}
	from, err := netmail.ParseAddress(c.From)
	if err == nil {
		_, err = address(from.Address)
	}
	if err != nil {
		return nil, hosting.Invalid("", fmt.Sprintf("the sender %q is not an e-mail address", c.From), "set from to an address, with or without a name").Because(err)
	}
	return from, nil
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// addressLimit is the length of an address in bytes (RFC 5321, section
// 4.5.3.1.3, less the brackets).
const addressLimit = 254

// address accepts one address as it stands in an envelope: nothing around it,
// and a domain.
func address(s string) (string, error) {
	parsed, err := netmail.ParseAddress(s)
	switch {
	case err != nil:
		return "", err
	case len(s) > addressLimit:
		return "", fmt.Errorf("it is longer than %d bytes", addressLimit)
	case parsed.Address != s || strings.ContainsAny(s, " \t\r\n<>\""):
		return "", errors.New("it is not the plain form name@example.com")
	case strings.HasPrefix(domain(s), "["):
		return "", errors.New("it has an address literal for a domain")
	}
	return s, nil
}

// client prepares a client for one sending. Whatever it does ends with ctx.
func (a *Activities) client(ctx context.Context) (*gomail.Client, error) {
	c := a.config
	options := []gomail.Option{
		gomail.WithPort(c.Port),
		gomail.WithTimeout(a.timeout + time.Second), // ctx ends first
		gomail.WithDialContextFunc(c.dialUntil(ctx)),
		gomail.WithTLSConfig(c.tls()),
	}
	if c.TLS == StartTLS {
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	} else {
		options = append(options, gomail.WithTLSPolicy(gomail.NoTLS))
	}
	if c.User != "" {
		password, err := a.secrets.Secret(ctx, c.PasswordRef)
		if err != nil {
			return nil, fmt.Errorf("look up the mail server's password %q: %w", c.PasswordRef, err)
		}
		options = append(options, gomail.WithSMTPAuth(gomail.SMTPAuthPlain), gomail.WithUsername(c.User), gomail.WithPassword(password))
	}
	client, err := gomail.NewClient(c.Host, options...)
	if err != nil {
		return nil, fmt.Errorf("prepare the connection to the mail server %s: %w", c.Host, err)
	}
	return client, nil
}

func (c Config) tls() *tls.Config {
	config := &tls.Config{ServerName: c.Host, MinVersion: tls.VersionTLS12}
	if c.CA != "" {
		config.RootCAs = x509.NewCertPool()
		config.RootCAs.AppendCertsFromPEM([]byte(c.CA))
	}
	return config
}

// dialUntil returns a function that connects, and begins TLS where that comes
// first. The connection is closed when end is done: the client library waits
// for an answer without looking at a context, and forgets a connection whose
// log-in failed.
func (c Config) dialUntil(end context.Context) gomail.DialContextFunc {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		var dialer net.Dialer
		conn, err := dialer.DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		context.AfterFunc(end, func() { conn.Close() })
		bounded := &boundedConn{Conn: conn, left: answerLimit}
		if c.TLS != ImplicitTLS {
			return bounded, nil
		}
		secure := tls.Client(bounded, c.tls())
		return secure, secure.HandshakeContext(ctx)
	}
}

// answerLimit is how many bytes a mail server may say in one sending.
const answerLimit = 1 << 20

// boundedConn ends a connection whose other side says too much.
type boundedConn struct {
	net.Conn
	left int
}

func (c *boundedConn) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, fmt.Errorf("the mail server said more than %d bytes", answerLimit)
	}
	n, err := c.Conn.Read(p[:min(len(p), c.left)])
	c.left -= n
	return n, err
}
