package workflows

import (
	"strings"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/handrail/handrail/activities"
	"github.com/handrail/handrail/activities/records"
	"github.com/handrail/handrail/hosting"
)

// ReinstallRequest starts an OSReinstall. All but the common part may be left to
// the ticket.
type ReinstallRequest struct {
	Request
	hosting.InstallFields
}

func (r ReinstallRequest) validate() error {
	if r.Erasure != nil {
		return hosting.Invalid("", "a start form can not carry the consent to erase", "leave erasure out: the customer gives it on the ticket, or staff record it with the update consent")
	}
	return validateFields("", r.InstallFields)
}

// OSReinstall installs an operating system anew on a server, on its owner's
// order (I11 to I14, I17): from the data-loss consent to the proof by the
// installed system.
func OSReinstall(ctx workflow.Context, in ReinstallRequest) (Result, error) {
	if err := in.validate(); err != nil {
		return Result{}, activities.Cross(err)
	}
	r := newReinstall(ctx, in)
	return r.run(r.page())
}

func (r *reinstall) page() procedure {
	return procedure{
		course:     r.course(),
		handlers:   r.handlers,
		permission: &needPowerAllowed,
		automatic:  true,
		enclose:    r.enclose,
		about:      r.about,
		describe:   func(s *Status) { s.Plan = r.work.Plan },
		restart: func(next Request) error {
			return workflow.NewContinueAsNewError(r.root, OSReinstall, ReinstallRequest{Request: next})
		},
	}
}

func newReinstall(ctx workflow.Context, in ReinstallRequest) *reinstall {
	r := &reinstall{}
	r.operation = newOperation(ctx, hosting.OSReinstall, in.Request, &r.work)
	if r.request.Resume == nil {
		r.learn(hosting.RequestFields{Install: in.InstallFields})
	}
	return r
}

// course is the manual's page, top to bottom.
func (r *reinstall) course() []step {
	return []step{
		{name: "identify", title: "Identify the server and its owner", estimate: time.Minute, do: r.identify},
		{name: "check", title: "Check the machine: disks, firmware, what it can boot from", estimate: time.Minute, do: r.checkMachine},
		{name: "ask", title: "Get the system to install, the permission for power actions and the word on backups", estimate: time.Minute, do: r.ask},
		{name: "consent", title: "Get the consent to erase exactly these disks", estimate: time.Minute, do: r.consent},
		{name: "acknowledge", title: "Tell the customer what was understood and the risk", estimate: time.Minute, skippable: true, do: r.acknowledge},
		{name: "window", title: "Wait for the customer's window", do: r.awaitWindow},
		{name: "take", title: "Take the server for this work alone", estimate: time.Minute, do: r.take},
		{name: "mute", title: "Mute the server's alerts", do: r.muteAlerts, skippable: true},
		{name: "look", title: "Look at the server before it is touched", estimate: time.Minute, skippable: true, do: r.lookFirst},
		{name: "prepare", title: "Prepare the boot over the network", estimate: time.Minute, do: r.prepare},
		{name: "boot", title: "Release the installer and restart into it (point of no return: the data is lost)", estimate: 6 * time.Minute, power: true, do: r.boot},
		{name: "install", title: "Follow the installation", estimate: 20 * time.Minute, power: true, do: r.install},
		{name: "prove", title: "See the installed system answer with its own host key", estimate: 3 * time.Minute, skippable: true, power: true, do: r.prove},
		{name: "boot-order", title: "Put the boot order back to normal", estimate: time.Minute, skippable: true, power: true, do: r.normalBoot},
		{name: "verify", title: "Check that the server is on", estimate: time.Minute, skippable: true, power: true, do: r.verify},
		{name: "report", title: "Hand over the access, report and close the ticket", estimate: time.Minute, do: r.report},
	}
}

// reinstall is one run of the procedure.
type reinstall struct {
	*operation
	work installWork
}

// take gets the server, and looks whether it is still what was consented to: if
// not, the customer is asked again, without the server.
func (r *reinstall) take(ctx workflow.Context) error {
	for {
		if err := r.takeServer(ctx); err != nil {
			return err
		}
		if err := r.checkMachine(ctx); err != nil {
			return err
		}
		if ready, err := r.stillPermitted(ctx); ready || err != nil {
			return err
		}
		if err := r.letGo(ctx); err != nil {
			return err
		}
		if err := r.askAll(ctx); err != nil {
			return err
		}
	}
}

func (r *reinstall) prepare(ctx workflow.Context) error {
	return r.prepareBoot(ctx, r.work.Plan.Firmware)
}

// boot spends the consent, releases the installer in the same transaction, and
// restarts the machine into it.
func (r *reinstall) boot(ctx workflow.Context) error {
	if again, err := r.mustBoot(ctx); err != nil || !again {
		return err
	}
	if err := r.secure(ctx); err != nil {
		return err
	}
	if err := r.releaseInstaller(ctx); err != nil {
		return err
	}
	r.show(ctx)
	r.Boot.Device = "" // the restart uses it up
	if err := r.cyclePower(ctx, r.Policy.Install.ForceOff, r.stillWanted); err != nil {
		return r.standDown(ctx, err)
	}
	return nil
}

// releaseInstaller spends the consent and arms the boot. A consent that the
// records refuse is none: the customer is asked again.
func (r *reinstall) releaseInstaller(ctx workflow.Context) error {
	e, before := r.Customer.Erasure, r.NoReturn
	r.NoReturn = r.Steps[r.stepIndex("boot")].Title
	err := r.arm(ctx, *r.work.Plan, r.spending())
	if err == nil {
		e.Spent = true
		return nil
	}
	r.NoReturn = before
	if activities.Kind(err) == hosting.FaultNotAuthorized && r.Customer.Erasure == e {
		r.Customer.Erasure = nil
	}
	return err
}

// stillWanted is the last word before the restart: somebody may have spoken
// during the release.
func (r *reinstall) stillWanted() error {
	switch {
	case r.Held != nil:
		return r.refuse("the operation is on hold by " + r.Held.By)
	case !r.bound():
		return r.refuse("the customer has asked for something else during the release")
	}
	return nil
}

// secure makes sure, right before the act, that server, consent and boot are as
// they should be: the customer may have written since, and a relaunch begins
// here. Nothing can come between its last look and the act.
func (r *reinstall) secure(ctx workflow.Context) error {
	for {
		if err := r.awaitResume(); err != nil {
			return err
		}
		if r.Boot.Device == "" { // it was not looked at just now
			if err := r.checkMachine(ctx); err != nil {
				return err
			}
		}
		ready, err := r.stillPermitted(ctx)
		switch {
		case err != nil:
			return err
		case !ready:
			err = r.askAgain(ctx)
		case r.Held != nil: // since it was looked
		case r.Boot.Device == "":
			err = r.prepare(ctx)
		default:
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// askAgain goes back through the gates, without the server.
func (r *reinstall) askAgain(ctx workflow.Context) error {
	r.Machine.AwaySince = nil // what is on it runs again meanwhile
	for _, do := range []func(workflow.Context) error{r.payAll, r.letGo, r.askAll, r.take, r.muteAlerts, r.lookFirst} {
		if err := do(ctx); err != nil {
			return err
		}
	}
	return nil
}

// spending is what the release of the installer uses up. Further attempts at the
// same installation are the same act.
func (r *reinstall) spending() *records.Spending {
	e := r.Customer.Erasure
	return &records.Spending{Consent: e.Consent, Operation: r.ID, Server: r.serverID(), Target: e.Target, Key: "install/" + e.Consent}
}

// install follows the installer to its end. Launched again, it first looks
// whether the machine has come further by itself.
func (r *reinstall) install(ctx workflow.Context) error {
	if r.Steps[r.Cursor].Attempt > 1 {
		if err := r.boot(ctx); err != nil {
			return err
		}
	}
	return r.followBoot(ctx)
}

// mustBoot reports whether the machine has to be booted into the installer: it is
// not where it has come further by itself.
func (r *reinstall) mustBoot(ctx workflow.Context) (bool, error) {
	if r.Boot.Attempt == 0 {
		return true, nil
	}
	b, err := r.readBoot(ctx)
	switch {
	case err != nil || b.State == hosting.BootDone || r.lives():
		return false, err
	case b.State.Ended():
		return true, nil
	case len(b.HostKeys) > 0 && r.awaitInstalled(ctx) == nil:
		return false, r.endBoot(ctx, hosting.BootDone, "found out by looking")
	}
	err = r.endBoot(ctx, hosting.BootFailed, "given up: the step was relaunched")
	return r.Boot.Last.State != hosting.BootDone, err
}

// prove waits for the installed system, and measures for how long the server was
// not there for its customer (I27).
func (r *reinstall) prove(ctx workflow.Context) error {
	if err := r.awaitInstalled(ctx); err != nil {
		return err
	}
	if since := r.Machine.AwaySince; since != nil {
		r.Machine.Downtime, r.Machine.OffSince = hosting.Duration(r.now().Sub(*since)), nil
	}
	return nil
}

func (r *reinstall) verify(ctx workflow.Context) error { return r.expectPower(ctx, hosting.PowerOn) }

func (r *reinstall) report(ctx workflow.Context) error {
	if r.Machine.Taken { // else it was let go by an attempt that could not report
		if r.work.GivenUp != nil {
			r.abandonBoot(ctx)
		}
		if err := r.letGo(ctx); err != nil {
			return err
		}
	}
	report := hosting.Report{Resolved: r.work.GivenUp == nil, Power: r.Machine.Left}
	if g := r.work.GivenUp; g != nil {
		report.Text = g.Summary
	}
	return r.summarize(ctx, report)
}

// proved reports whether the installed system itself showed that it runs.
func (r *reinstall) proved() bool {
	return r.Steps[r.stepIndex("prove")].State == hosting.StepDone
}

// GiveUp is the update that ends a reinstallation which can not be completed:
// an unresolved end is a valid one (O34).
type GiveUp struct {
	Staff
	Summary string `json:"summary"`
}

func (r *reinstall) handlers() error {
	r.listenToBoot()
	if err := r.handleConsent(); err != nil {
		return err
	}
	if err := r.handleSpecify(); err != nil {
		return err
	}
	if err := r.handlePower(); err != nil {
		return err
	}
	if err := r.handleRecordAction(); err != nil {
		return err
	}
	return handle(r.operation, "give-up", "End a reinstallation that can not be completed, after the point of no return. The summary goes to the customer; the server is left as it is.",
		func(g GiveUp) error {
			switch {
			case r.NoReturn == "":
				return r.refuse("the point of no return has not been passed: use cancel")
			case r.Cursor >= r.stepIndex("report"):
				return r.refuse("all that is left is the report")
			case r.Steps[r.Cursor].State != hosting.StepFailed && r.Phase != hosting.PhaseWaiting:
				return r.refuse("no step has failed, and the customer is not waited for")
			case strings.TrimSpace(g.Summary) == "" || len(g.Summary) > maxText:
				return hosting.Invalid(r.serverID(), "the summary is empty or too long", "say in a sentence or two what failed and what happens next: the customer reads it")
			}
			return nil
		},
		func(ctx workflow.Context, g GiveUp) (string, error) {
			r.work.GivenUp = &g
			r.leap("report", g.By)
			r.logAction(ctx, g.By, "give-up", g.Summary)
			return "given up; the report follows", nil
		})
}
