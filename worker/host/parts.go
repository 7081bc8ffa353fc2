package host

import (
	"context"
	"errors"
	"fmt"

	"github.com/handrail/handrail/activities/bmc"
	"github.com/handrail/handrail/activities/desk"
	"github.com/handrail/handrail/activities/desk/httpdesk"
	"github.com/handrail/handrail/activities/letters"
	"github.com/handrail/handrail/activities/mail"
	"github.com/handrail/handrail/activities/policy"
	"github.com/handrail/handrail/activities/reach"
)

// parts are the activities that a configuration makes, but for the records,
// which need their database.
type parts struct {
	machines *bmc.Activities
	systems  *reach.Activities
	tickets  *desk.Activities
	mails    *mail.Activities
	rules    *policy.File
}

// parts makes them, or reports all that is wrong. Nothing is asked outside.
func (c *Config) parts(ctx context.Context) (parts, error) {
	p := parts{machines: bmc.New(bmc.NewSecrets(c.BMCSecrets)), rules: &policy.File{Path: c.Policy}}
	var errs []error
	check := func(what string, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", what, err))
		}
	}
	check("HANDRAIL_SITES", c.checkSites())
	systems, err := reach.New(reach.Config{Through: c.Reach})
	check("HANDRAIL_REACH", err)
	p.systems = systems
	if c.SitesOnly {
		return p, errors.Join(errs...)
	}
	book, err := letters.Load(c.Templates)
	check("HANDRAIL_TEMPLATES", err)
	rules, err := p.rules.ReadPolicy(ctx)
	check("HANDRAIL_POLICY", err)
	client, err := httpdesk.New(httpdesk.Config{URL: c.DeskURL, Secret: c.DeskSecret, CA: c.DeskCA})
	check("HANDRAIL_DESK_URL, HANDRAIL_DESK_SECRET, HANDRAIL_DESK_CA", err)
	p.mails, err = c.mails(book)
	check("HANDRAIL_MAIL_…", err)
	p.tickets = &desk.Activities{Desk: client, Letters: book, Provider: rules.Provider}
	return p, errors.Join(errs...)
}

func (c *Config) mails(book *letters.Book) (*mail.Activities, error) {
	if (c.Mail.User == "") != (c.MailPassword == "") {
		return nil, errors.New("HANDRAIL_MAIL_USER and HANDRAIL_MAIL_PASSWORD go together: set both or none")
	}
	m := c.Mail
	if m.User != "" {
		m.PasswordRef = "mail" // the one secret in the store
	}
	return mail.New(m, book, c.MailPassword)
}
