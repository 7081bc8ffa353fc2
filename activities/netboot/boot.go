package netboot

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"net/http"
	"strings"

	"github.com/handrail/handrail/activities/records"
	"github.com/handrail/handrail/hosting"
)

// boot answers a machine that asks what it should start. Only iPXE is given the
// script, and with it the boot: Debian's installer comes to the same URL, or to
// one in which nothing has put the card's address.
func (s *Server) boot(x *exchange) {
	mac, ok := parseMAC(x.r.PathValue("mac"))
	x.note("mac", mac)
	switch {
	case x.r.Method != http.MethodGet:
		x.Header().Set("Allow", http.MethodGet)
		x.text(http.StatusMethodNotAllowed, "GET only\n")
	case !s.asking.take(address(x.r)):
		x.Header().Set("Retry-After", "60")
		x.text(http.StatusTooManyRequests, "too many requests\n")
	case !strings.HasPrefix(x.r.UserAgent(), "iPXE/"):
		x.text(http.StatusOK, PreseedStub)
	case !ok:
		x.text(http.StatusBadRequest, "this is no network card's address\n")
	default:
		s.handOut(x, mac)
	}
}

// handOut gives the machine the boot that waits for it, once.
func (s *Server) handOut(x *exchange, mac string) {
	ctx, cancel := context.WithTimeout(x.r.Context(), storeTimeout)
	defer cancel()
	secret := make([]byte, tokenBytes)
	rand.Read(secret) //nolint:errcheck // it never fails
	token := sha256.Sum256(secret)
	pending, err := s.config.Store.HandOutBoot(ctx, mac, token, s.now().Add(s.config.TokenLife))
	switch {
	case err != nil:
		x.note("error", err)
		s.unwell(x)
		return
	case pending == nil:
		x.note("boot", "from disk")
		x.text(http.StatusOK, DiskScript)
		return
	}
	x.noteBoot(*pending)
	b := Boot{NetworkBoot: *pending, Base: s.config.Base, Token: tokenEncoding.EncodeToString(secret)}
	script, err := b.Script(mac)
	if err != nil {
		s.giveUp(x, token, err)
		return
	}
	x.text(http.StatusOK, script)
}

// answer renders one of the installer's files, until erasing was permitted: the
// hash of the password is not for whoever asks later.
func (s *Server) answer(render func(Boot) (string, error)) func(*exchange) {
	return func(x *exchange) {
		ctx, cancel := context.WithTimeout(x.r.Context(), storeTimeout)
		defer cancel()
		stored, err := s.config.Store.BootByToken(ctx, x.token)
		if err != nil {
			s.refuse(x, err)
			return
		}
		x.noteBoot(stored)
		if stored.State != hosting.BootHandedOut {
			x.text(http.StatusGone, "the installation has begun; there is nothing more to read\n")
			return
		}
		b := Boot{NetworkBoot: stored, Base: s.config.Base, Token: x.secret}
		if ref := stored.Plan.Password; ref != "" {
			b.PasswordHash, err = s.config.Passwords.PasswordHash(ctx, ref)
		}
		if err == nil {
			var text string
			if text, err = render(b); err == nil {
				x.text(http.StatusOK, text)
				return
			}
		}
		if hosting.KindOf(err) == hosting.FaultUnsupported {
			x.text(http.StatusNotFound, "not found\n")
			return
		}
		s.giveUp(x, x.token, err)
	}
}

// giveUp ends a boot that can not be written out, so that staff read why instead
// of waiting for an installer that has nothing to go by.
func (s *Server) giveUp(x *exchange, token [32]byte, cause error) {
	x.note("error", cause)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(x.r.Context()), storeTimeout)
	defer cancel()
	failed, err := s.config.Store.ReportBoot(ctx, token, records.BootReport{State: hosting.BootFailed, Error: cause.Error()})
	if err == nil {
		err = s.config.Bell.Ring(ctx, trimmed(failed))
	}
	if err != nil {
		x.note("unreported", err)
	}
	x.text(http.StatusInternalServerError, "the gateway can not write it out; its log says why\n")
}

// trimmed is what the bell carries of a boot.
func trimmed(b hosting.NetworkBoot) hosting.NetworkBoot {
	return hosting.NetworkBoot{
		ID: b.ID, Operation: b.Operation, Workflow: b.Workflow, Attempt: b.Attempt, State: b.State, Stage: b.Stage, Percent: b.Percent,
	}
}
