package mail

import (
	"context"
	"errors"
	"fmt"
	"net/textproto"
	"slices"
	"strings"
	"unicode"

	gomail "github.com/wneessen/go-mail"

	"github.com/handrail/handrail/hosting"
)

// fault tells what a failed sending means and what to do about it. What the
// server replied is quoted, but for a refused log-in: a reply may repeat what
// it was sent.
func (a *Activities) fault(ctx context.Context, in Sending, err error) error {
	if cause := context.Cause(ctx); errors.Is(cause, context.Canceled) {
		return fmt.Errorf("mail the letter %s: %w", in.Letter.Name, cause)
	}
	server := in.Letter.Server
	host := fmt.Sprintf("the mail server %s:%d", a.config.Host, a.config.Port)
	stage, code := whence(err)
	switch {
	case ctx.Err() != nil:
		return hosting.NewFault(hosting.FaultUnreachable, server,
			fmt.Sprintf("%s did not finish within %s", host, a.timeout), "check that the mail server works")
	case code >= 500 && stage == stageLogin:
		return hosting.Invalid(server, fmt.Sprintf("%s refused the user %s (%d)", host, a.config.User, code),
			"check the user and the password in the mail configuration, restart the worker and relaunch the step")
	case code >= 500:
		return hosting.Invalid(server, host+" refused "+refused[stage](a, in)+": "+excerpt(err), advice[stage])
	default:
		return hosting.NewFault(hosting.FaultUnreachable, server,
			host+" did not take a mail: "+excerpt(err), "check that the mail server works and can be reached and trusted from this worker")
	}
}

// stage is how far a sending came.
type stage int

const (
	stageConnect stage = iota
	stageLogin
	stageSender
	stageRecipient
	stageContent
)

var refused = map[stage]func(*Activities, Sending) string{
	stageConnect:   func(*Activities, Sending) string { return "the connection" },
	stageSender:    func(a *Activities, _ Sending) string { return "the sender " + a.from.Address },
	stageRecipient: func(_ *Activities, in Sending) string { return "the recipient " + in.To },
	stageContent:   func(*Activities, Sending) string { return "the mail" },
}

var advice = map[stage]string{
	stageConnect:   "check host and port in the mail configuration, and whether this worker may send there",
	stageSender:    "check from in the mail configuration, and whether this worker may send as that address",
	stageRecipient: "correct the address in the customer's contacts or in the policy, or skip the mail",
	stageContent:   "read the mail server's reason; relaunch the step when it is settled, or skip the mail",
}

var stages = map[gomail.SendErrReason]stage{
	gomail.ErrSMTPMailFrom: stageSender,
	gomail.ErrSMTPRcptTo:   stageRecipient,
}

// loginCodes are the replies that concern authentication (RFC 4954, section 6).
var loginCodes = []int{530, 534, 535, 538}

// whence returns how far the sending came, and the server's reply code, 0 if it
// gave none.
func whence(err error) (stage, int) {
	if sending, ok := errors.AsType[*gomail.SendError](err); ok {
		at, ok := stages[sending.Reason]
		if !ok {
			at = stageContent
		}
		return at, sending.ErrorCode()
	}
	reply, ok := errors.AsType[*textproto.Error](err)
	switch {
	case !ok:
		return stageConnect, 0
	case slices.Contains(loginCodes, reply.Code):
		return stageLogin, reply.Code
	}
	return stageConnect, reply.Code
}

// excerpt is what is readable of an error, which may hold a server's words.
func excerpt(err error) string {
	const limit = 300
	text := strings.Join(strings.FieldsFunc(err.Error(), func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
	if runes := []rune(text); len(runes) > limit {
		return string(runes[:limit]) + "…"
	}
	return text
}
