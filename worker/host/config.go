// Package host runs Handrail's workflows and activities: what `worker` does as
// a program of its own, and `dev` within its one process.
package host

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"regexp"
	"strconv"

	"github.com/handrail/handrail/activities/desk/signature"
	"github.com/handrail/handrail/activities/mail"
	"github.com/handrail/handrail/settings"
)

// Config is all that a worker needs besides its connection to Temporal.
type Config struct {
	// Sites are those whose management networks this worker reaches.
	Sites []string
	// SitesOnly makes the worker leave everything else to others: one that sits
	// next to the BMCs needs neither database nor desk.
	SitesOnly   bool
	DatabaseURL string
	DeskURL     string
	DeskSecret  signature.Secret
	Mail        mail.Config
	// MailPassword is the one of Mail.User.
	MailPassword password
	Templates    string // a directory that overrides the built-in letters
	Policy       string // path of the policy file
	BMCSecrets   string // directory of the BMCs' users and passwords
	Listen       string // address of metrics and health
	BuildID      string // switches worker versioning on
}

var siteName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,30}$`)

// Settings is the table of environment variables that fill a configuration.
func (c *Config) Settings() []settings.Setting {
	return []settings.Setting{
		{Name: "HANDRAIL_SITES", Help: "sites whose BMCs this worker reaches, separated by commas", Required: true, Set: settings.List(&c.Sites)},
		{Name: "HANDRAIL_SITES_ONLY", Help: "true: serve the sites' BMCs only, no workflows, no database", Set: func(v string) (err error) {
			c.SitesOnly, err = strconv.ParseBool(v)
			return err
		}},
		{Name: "DATABASE_URL", Help: "PostgreSQL, postgres://user@host/db", Secret: true, Set: settings.To(&c.DatabaseURL)},
		{Name: "HANDRAIL_DESK_URL", Help: "where the ticket desk listens (its HTTP contract: activities/desk/httpdesk/CONTRACT.md)", Set: settings.To(&c.DeskURL)},
		{Name: "HANDRAIL_DESK_SECRET", Help: "the key shared with the ticket desk, 16 bytes or more", Secret: true, Set: settings.To((*string)(&c.DeskSecret))},
		{Name: "HANDRAIL_MAIL_HOST", Help: "SMTP server", Default: "localhost", Set: settings.To(&c.Mail.Host)},
		{Name: "HANDRAIL_MAIL_PORT", Help: "its port", Default: "587", Set: func(v string) (err error) {
			c.Mail.Port, err = strconv.Atoi(v)
			return err
		}},
		{Name: "HANDRAIL_MAIL_FROM", Help: "sender of Handrail's mails", Set: settings.To(&c.Mail.From)},
		{Name: "HANDRAIL_MAIL_USER", Help: "user at the SMTP server", Set: settings.To(&c.Mail.User)},
		{Name: "HANDRAIL_MAIL_PASSWORD", Help: "its password", Secret: true, Set: func(v string) error {
			c.MailPassword, c.Mail.PasswordRef = password(v), "mail"
			return nil
		}},
		{Name: "HANDRAIL_MAIL_TLS", Help: "starttls, implicit, or plain (on loopback only)", Default: string(mail.StartTLS), Set: settings.To((*string)(&c.Mail.TLS))},
		{Name: "HANDRAIL_TEMPLATES", Help: "directory with letters of your own, in place of the built-in ones of the same name", Set: settings.To(&c.Templates)},
		{Name: "HANDRAIL_POLICY", Help: "policy file (TOML); without it the built-in policy holds", Set: settings.To(&c.Policy)},
		{Name: "HANDRAIL_BMC_SECRETS", Help: "directory with one file a BMC login: {\"user\":…,\"password\":…}", Set: settings.To(&c.BMCSecrets)},
		{Name: "HANDRAIL_LISTEN", Help: "address of /metrics, /healthz and /readyz", Default: "127.0.0.1:9090", Set: func(v string) error {
			c.Listen = v
			_, _, err := net.SplitHostPort(v)
			return err
		}},
		{Name: "HANDRAIL_BUILD_ID", Help: "this build's name; switches worker versioning on", Set: settings.To(&c.BuildID)},
	}
}

// Validate reports everything that does not fit together.
func (c *Config) Validate() error {
	var errs []error
	for _, s := range c.Sites {
		if !siteName.MatchString(s) {
			errs = append(errs, fmt.Errorf("site %q: use lower-case letters, digits and dashes", s))
		}
	}
	if c.SitesOnly {
		return errors.Join(errs...)
	}
	for name, value := range map[string]string{
		"DATABASE_URL": c.DatabaseURL, "HANDRAIL_DESK_URL": c.DeskURL, "HANDRAIL_MAIL_FROM": c.Mail.From,
	} {
		if value == "" {
			errs = append(errs, fmt.Errorf("%s is not set (only a worker with HANDRAIL_SITES_ONLY=true does without)", name))
		}
	}
	if err := c.DeskSecret.Check(); err != nil {
		errs = append(errs, fmt.Errorf("HANDRAIL_DESK_SECRET: %w", err))
	}
	return errors.Join(errs...)
}

// password is a secret store with one entry: what the environment, or the file
// that it names, holds. It is never printed.
type password string

// Secret returns the one secret there is.
func (p password) Secret(context.Context, string) (string, error) { return string(p), nil }

// String hides the password.
func (password) String() string { return "[secret]" }

// GoString hides the password.
func (password) GoString() string { return "[secret]" }

// LogValue hides the password.
func (password) LogValue() slog.Value { return slog.StringValue("[secret]") }
