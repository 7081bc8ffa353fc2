// Package host runs Handrail's workflows and activities: what `worker` does as
// a program of its own, and `dev` within its one process.
package host

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	netmail "net/mail"
	"os"
	"regexp"

	"github.com/handrail/handrail/activities/desk/signature"
	"github.com/handrail/handrail/activities/letters"
	"github.com/handrail/handrail/activities/mail"
	"github.com/handrail/handrail/activities/policy"
	"github.com/handrail/handrail/activities/reach"
	"github.com/handrail/handrail/settings"
)

// Config is all that a worker needs besides its connection to Temporal. It
// prints without its secrets.
type Config struct {
	// Sites are those whose management networks this worker reaches.
	Sites []string
	// SitesOnly makes the worker leave everything else to others: one that sits
	// next to the BMCs needs neither database nor desk.
	SitesOnly   bool
	DatabaseURL string
	DeskURL     string
	DeskSecret  signature.Secret
	DeskCA      string // PEM bundle to verify the desk against; empty for the system's roots
	Mail        mail.Config
	// MailPassword is the one of Mail.User.
	MailPassword Password
	Templates    string // a directory that overrides the built-in letters
	Policy       string // path of the policy file
	BMCSecrets   string // directory, or file, of the BMCs' users and passwords
	// Reach says through which address a server's is reached, where the sites'
	// networks are behind address translation.
	Reach   reach.Table
	Listen  string // address of metrics and health
	BuildID string // switches worker versioning on
}

// Read fills the configuration from the environment. Its error names everything
// that is missing or wrong, a line for each.
func (c *Config) Read(lookup func(string) (string, bool)) error {
	err := settings.Read(lookup, c.mode())
	table := c.forSites()
	if !c.SitesOnly {
		table = append(table, c.forAll()...)
	}
	err = errors.Join(err, settings.Read(lookup, table))
	if err != nil {
		return err
	}
	return c.Validate()
}

// Settings is the table of environment variables, for the help text.
func (c *Config) Settings() []settings.Setting {
	return append(append(c.mode(), c.forSites()...), c.forAll()...)
}

func (c *Config) mode() []settings.Setting {
	return []settings.Setting{
		{Name: "HANDRAIL_SITES_ONLY", Help: "true: serve the sites' BMCs only, without workflows, database, desk and mail; of these variables such a worker reads the next five", Set: settings.Bool(&c.SitesOnly)},
	}
}

func (c *Config) forSites() []settings.Setting {
	return []settings.Setting{
		{Name: "HANDRAIL_SITES", Help: "sites whose BMCs this worker reaches, separated by commas", Required: true, Set: c.takeSites},
		{Name: "HANDRAIL_BMC_SECRETS", Help: "directory with one file for each BMC login, or one file with all (JSON or TOML)", Set: c.takeBMCSecrets},
		{Name: "HANDRAIL_REACH", Help: "where servers are behind address translation: file (JSON) of the addresses through which theirs are reached, {\"192.0.2.1:22\": \"gate.example:2201\"}", Set: c.takeReach},
		{Name: "HANDRAIL_LISTEN", Help: "address of /metrics, /healthz and /readyz", Default: "127.0.0.1:9090", Set: settings.Address(&c.Listen)},
		{Name: "HANDRAIL_BUILD_ID", Help: "this build's name; switches worker versioning on: see worker promote --help", Set: settings.To(&c.BuildID)},
	}
}

func (c *Config) forAll() []settings.Setting {
	return []settings.Setting{
		{Name: "DATABASE_URL", Help: "PostgreSQL, postgres://user:password@host:port/name", Required: true, Secret: true, Set: settings.To(&c.DatabaseURL)},
		{Name: "HANDRAIL_DESK_URL", Help: "where the ticket desk listens (its HTTP contract: activities/desk/httpdesk/CONTRACT.md)", Required: true, Set: settings.To(&c.DeskURL)},
		{Name: "HANDRAIL_DESK_SECRET", Help: "the key shared with the ticket desk, 16 bytes or more", Required: true, Secret: true, Set: c.takeDeskSecret},
		{Name: "HANDRAIL_DESK_CA", Help: "file of the CA (PEM) that signed the desk's certificate, in place of the system's", Set: takeCA(&c.DeskCA)},
		{Name: "HANDRAIL_MAIL_HOST", Help: "SMTP server", Default: "localhost", Set: settings.To(&c.Mail.Host)},
		{Name: "HANDRAIL_MAIL_PORT", Help: "its port (where it is not set: 587; implicit 465, plain 25)", Set: settings.Int(&c.Mail.Port, 1, 65535)},
		{Name: "HANDRAIL_MAIL_FROM", Help: "sender of Handrail's mails, an address with or without a name", Required: true, Set: c.takeSender},
		{Name: "HANDRAIL_MAIL_USER", Help: "user at the SMTP server; without one nobody logs in", Set: settings.To(&c.Mail.User)},
		{Name: "HANDRAIL_MAIL_PASSWORD", Help: "its password", Secret: true, Set: settings.To(&c.MailPassword)},
		{Name: "HANDRAIL_MAIL_TLS", Help: "starttls, implicit, or plain (on loopback only)", Default: string(mail.StartTLS), Set: settings.OneOf(&c.Mail.TLS, mail.StartTLS, mail.ImplicitTLS, mail.PlainText)},
		{Name: "HANDRAIL_MAIL_CA", Help: "file of the CA (PEM) that signed the SMTP server's certificate, in place of the system's", Set: takeCA(&c.Mail.CA)},
		{Name: "HANDRAIL_TEMPLATES", Help: "directory with letters of your own, in place of the built-in ones of the same name", Set: c.takeTemplates},
		{Name: "HANDRAIL_POLICY", Help: "policy file (TOML); without it the built-in policy holds", Set: c.takePolicy},
	}
}

// The files that a setting names are read when it is: what is wrong in them is
// then said under the setting's name.

func (c *Config) takeSites(v string) error {
	if err := settings.List(&c.Sites)(v); err != nil {
		return err
	}
	return c.checkSites()
}

var siteName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,30}$`)

func (c *Config) checkSites() error {
	for _, s := range c.Sites {
		if !siteName.MatchString(s) {
			return fmt.Errorf("the site %q is not written in lower-case letters, digits and dashes", s)
		}
	}
	return nil
}

func (c *Config) takeBMCSecrets(v string) error {
	c.BMCSecrets = v
	_, err := os.Stat(v)
	return err
}

func (c *Config) takeReach(v string) (err error) {
	c.Reach, err = reach.ReadTable(v)
	return err
}

func (c *Config) takeDeskSecret(v string) error {
	c.DeskSecret = signature.Secret(v)
	return c.DeskSecret.Check()
}

func (c *Config) takeSender(v string) error {
	c.Mail.From = v
	if _, err := netmail.ParseAddress(v); err != nil {
		return errors.New("write it as support@example.com or Support <support@example.com>")
	}
	return nil
}

func (c *Config) takeTemplates(v string) error {
	c.Templates = v
	_, err := letters.Load(v)
	return err
}

func (c *Config) takePolicy(v string) error {
	c.Policy = v
	_, err := (&policy.File{Path: v}).ReadPolicy(context.Background())
	return err
}

func takeCA(target *string) func(string) error {
	return func(v string) error {
		if err := settings.File(target)(v); err != nil {
			return err
		}
		if !x509.NewCertPool().AppendCertsFromPEM([]byte(*target)) {
			return errors.New("the file holds no certificate in PEM")
		}
		return nil
	}
}

// Validate reports everything that does not fit together. It asks nobody
// outside.
func (c *Config) Validate() error {
	_, err := c.parts(context.Background())
	return err
}
