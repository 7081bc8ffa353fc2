package netboot

import (
	"context"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"strconv"

	"github.com/handrail/handrail/activities/records"
	"github.com/handrail/handrail/hosting"
)

// maxForm is the largest form that is read, in bytes.
const maxForm = 16 << 10

// maxValues bounds what a form repeats.
const maxValues = 64

// report answers one form of a machine.
type report func(ctx context.Context, x *exchange, form url.Values)

// form reads a form before it is looked at.
func (s *Server) form(next report) func(*exchange) {
	return func(x *exchange) {
		ctx, cancel := context.WithTimeout(x.r.Context(), storeTimeout)
		defer cancel()
		kind, _, err := mime.ParseMediaType(x.r.Header.Get("Content-Type"))
		if err != nil || kind != "application/x-www-form-urlencoded" {
			x.text(http.StatusUnsupportedMediaType, "send a form (application/x-www-form-urlencoded)\n")
			return
		}
		x.r.Body = http.MaxBytesReader(x, x.r.Body, maxForm)
		err = x.r.ParseForm()
		if _, large := errors.AsType[*http.MaxBytesError](err); large {
			x.text(http.StatusRequestEntityTooLarge, "the form is too large\n")
			return
		}
		if err != nil {
			x.text(http.StatusBadRequest, "the form can not be read\n")
			return
		}
		for _, values := range x.r.PostForm {
			if len(values) > maxValues {
				x.text(http.StatusBadRequest, "the form repeats a field too often\n")
				return
			}
		}
		next(ctx, x, x.r.PostForm)
	}
}

// begin is the last gate before data is lost: 200 is the permission to write on
// the disks, and is given once.
func (s *Server) begin(ctx context.Context, x *exchange, form url.Values) {
	before, err := s.config.Store.BootByToken(ctx, x.token)
	if err != nil {
		s.refuse(x, err)
		return
	}
	x.noteBoot(before)
	x.note("disks", form["disks"])
	begun, err := s.config.Store.BeginErasing(ctx, x.token, form["disks"])
	if err != nil {
		s.ringOfRefusal(ctx, x, before, err)
		s.refuse(x, err)
		return
	}
	// It is granted, and would not be granted again: a bell that does not ring
	// now must not keep the machine from it. The next report rings again.
	if err := s.config.Bell.Ring(ctx, trimmed(begun)); err != nil {
		x.note("unheard", err)
	}
	x.text(http.StatusOK, "go\n")
}

// ringOfRefusal tells of a boot that has failed by asking for the wrong disks.
func (s *Server) ringOfRefusal(ctx context.Context, x *exchange, before hosting.NetworkBoot, refusal error) {
	if hosting.KindOf(refusal) != hosting.FaultConflict {
		return
	}
	_, err := s.config.Store.BootByToken(ctx, x.token)
	if hosting.KindOf(err) != hosting.FaultNotAuthorized { // it goes on
		return
	}
	before.State = hosting.BootFailed
	if err := s.config.Bell.Ring(ctx, trimmed(before)); err != nil {
		x.note("unheard", err)
	}
}

func (s *Server) progress(ctx context.Context, x *exchange, form url.Values) {
	percent, err := strconv.Atoi(form.Get("percent"))
	if err != nil || percent < 0 || percent > 100 || form.Get("stage") == "" {
		x.text(http.StatusBadRequest, "send stage, and percent from 0 to 100\n")
		return
	}
	s.report(ctx, x, records.BootReport{Stage: form.Get("stage"), Percent: percent})
}

func (s *Server) hostKey(ctx context.Context, x *exchange, form url.Values) {
	if len(form["key"]) == 0 {
		x.text(http.StatusBadRequest, "send key\n")
		return
	}
	s.report(ctx, x, records.BootReport{HostKeys: form["key"]})
}

func (s *Server) done(ctx context.Context, x *exchange, _ url.Values) {
	s.report(ctx, x, records.BootReport{State: hosting.BootDone})
}

func (s *Server) failed(ctx context.Context, x *exchange, form url.Values) {
	why := form.Get("error")
	if why == "" {
		why = "the machine did not say why"
	}
	s.report(ctx, x, records.BootReport{State: hosting.BootFailed, Error: why})
}

// report writes a report down and rings. Where the bell does not ring the
// machine reports again, which changes nothing in the store.
func (s *Server) report(ctx context.Context, x *exchange, r records.BootReport) {
	boot, err := s.config.Store.ReportBoot(ctx, x.token, r)
	if err != nil {
		s.refuse(x, err)
		return
	}
	x.noteBoot(boot)
	switch {
	case s.speaking.take(boot.ID):
		if err := s.config.Bell.Ring(ctx, trimmed(boot)); err != nil {
			x.note("unheard", err)
			s.unwell(x)
			return
		}
	case r.State != "":
		// A machine that talks too much is not heard of its progress any more, but
		// its end is told, later.
		x.Header().Set("Retry-After", "10")
		x.text(http.StatusTooManyRequests, "too many reports; ask again\n")
		return
	}
	x.text(http.StatusNoContent, "")
}

// reason is a refusal for the console of a machine: what, and not what staff
// should do.
func reason(err error) string {
	if f, ok := errors.AsType[*hosting.Fault](err); ok {
		return f.What + "\n"
	}
	return "refused\n"
}
