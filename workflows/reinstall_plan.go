package workflows

import (
	"cmp"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/handrail/handrail/activities"
	"github.com/handrail/handrail/activities/bmc"
	"github.com/handrail/handrail/activities/desk"
	"github.com/handrail/handrail/activities/records"
	"github.com/handrail/handrail/hosting"
)

// installWork is what a reinstallation knows, kept over continued runs.
type installWork struct {
	Machine hosting.Machine `json:"machine,omitzero"`
	// Offered are the titles of the catalogue.
	Offered []string `json:"offered,omitempty"`
	// Judged is the request that Plan or Wrong came of.
	Judged string                 `json:"judged,omitempty"`
	Wrong  []hosting.UnclearField `json:"wrong,omitempty"`
	Plan   *hosting.Plan          `json:"plan,omitempty"`
	// GivenUp ends it unresolved.
	GivenUp *GiveUp `json:"givenUp,omitempty"`
}

// checkMachine reads what the plan has to fit: the disks that the BMC lists, the
// firmware, what it can boot from (I12).
func (r *reinstall) checkMachine(ctx workflow.Context) error {
	if err := r.readServer(ctx); err != nil { // it may have been completed since
		return err
	}
	s := r.Subject.Server
	switch {
	case len(s.BMC.Endpoints) == 0:
		return hosting.NewFault(hosting.FaultUnsupported, r.serverID(), "the record names no BMC: it can not be booted into an installer from here",
			"add the BMC to the server's record and relaunch, or cancel and reinstall by hand")
	case len(s.MACs) == 0:
		return hosting.NewFault(hosting.FaultInvalidRequest, r.serverID(), "the record names no network card (MAC) to boot from",
			"import the server's record with macs, then relaunch")
	}
	m := hosting.Machine{MACs: s.MACs}
	var setup bmc.BootSetup
	if err := r.callBMC(ctx, "Read what the server can boot from", time.Minute, &setup, bmcs.ReadBootSetup, r.target()); err != nil {
		return err
	}
	m.Firmware = cmp.Or(s.Firmware, hosting.Firmware(setup.Mode))
	var inventory bmc.Inventory
	err := r.callBMC(ctx, "Read the disks", 2*time.Minute, &inventory, bmcs.ReadInventory, r.target())
	if err != nil && activities.Kind(err) != hosting.FaultUnsupported {
		return err
	}
	m.Disks = disksOf(inventory)
	if known := len(r.work.Machine.Disks); len(m.Disks) == 0 && known > 0 {
		return hosting.NewFault(hosting.FaultContradictory, r.serverID(), fmt.Sprintf("the BMC listed %d disks before and lists none now", known),
			"see that Redfish answers, then relaunch: without the list nothing is erased")
	}
	if !reflect.DeepEqual(m, r.work.Machine) {
		r.work.Judged = "" // the plan was made for another machine
	}
	r.work.Machine = m
	return nil
}

func disksOf(inventory bmc.Inventory) []hosting.Disk {
	var disks []hosting.Disk
	for _, p := range inventory.Drives {
		if p.Serial != "" {
			disks = append(disks, hosting.Disk{Serial: p.Serial, Bay: p.Slot, Model: p.Model, Bytes: p.SizeBytes})
		}
	}
	// A BMC may list them in another order next time.
	slices.SortFunc(disks, func(a, b hosting.Disk) int {
		return cmp.Or(cmp.Compare(len(a.Bay), len(b.Bay)), cmp.Compare(a.Bay, b.Bay), cmp.Compare(a.Serial, b.Serial))
	})
	return disks
}

// ask gets all that is needed on the ticket, in one letter where it can, until a
// plan comes of it.
func (r *reinstall) ask(ctx workflow.Context) error {
	for {
		if err := r.judge(ctx); err != nil {
			return err
		}
		judged := r.work.Judged
		if err := r.collect(r.needs()...)(ctx); err != nil {
			return err
		}
		if judged == r.asked() && r.work.Plan != nil {
			return nil
		}
	}
}

// asked identifies the request as it stands.
func (r *reinstall) asked() string { return fingerprint(r.Customer.Fields.Install) }

func fingerprint(f hosting.InstallFields) string {
	f.Erasure = nil
	text, err := json.Marshal(f)
	if err != nil {
		panic(err) // plain data
	}
	return string(text)
}

// judge makes a plan of the request, or notes what keeps it from being one. A
// consent that was given for another target is void.
func (r *reinstall) judge(ctx workflow.Context) error {
	f := r.Customer.Fields.Install
	now := fingerprint(f)
	if now == r.work.Judged {
		return r.voidOther(ctx)
	}
	var match records.SystemMatch
	if err := record(ctx, "Look up the system "+f.System, &match, rec.MatchSystem, f.System); err != nil {
		return err
	}
	r.work.Judged, r.work.Offered, r.work.Wrong, r.work.Plan = now, match.Offered, nil, nil
	switch {
	case f.System == "":
	case len(match.Systems) == 1:
		plan, wrong := hosting.NewPlan(f, match.Systems[0], r.work.Machine, r.Subject.Server)
		plan.Password = r.passwordOf(f)
		if r.work.Wrong = wrong; len(wrong) == 0 {
			r.work.Plan = &plan
		}
	case len(match.Systems) == 0:
		r.work.Wrong = []hosting.UnclearField{{Field: hosting.FieldSystem, Value: f.System, Problem: hosting.ProblemUnknownSystem, Why: "it is not in the catalogue"}}
	default:
		r.work.Wrong = []hosting.UnclearField{{Field: hosting.FieldSystem, Value: f.System, Problem: hosting.ProblemSeveralSystems, Why: "several systems are meant"}}
	}
	return r.voidOther(ctx)
}

// voidOther drops a stored consent that is for another target (I14). One that
// was spent stays as evidence; it allows nothing else.
func (r *reinstall) voidOther(ctx workflow.Context) error {
	e, p := r.Customer.Erasure, r.work.Plan
	if e == nil || e.Consent == "" || p != nil && e.Target == p.Target() {
		return nil
	}
	r.Customer.Erasure = nil
	return r.voidErasures(ctx, "what is asked for has changed")
}

// passwordOf is where the hash of the password is kept, if one was given.
func (r *reinstall) passwordOf(f hosting.InstallFields) string {
	if f.Password != "" {
		return f.Password
	}
	return r.Customer.Credentials
}

// needs are what must be known before the work, with the fields that were judged
// wrong: those are met when the request has changed.
func (r *reinstall) needs() []need {
	changed := func(*operation) bool { return r.asked() != r.work.Judged }
	needs := []need{
		{hosting.FieldSystem, func(op *operation) bool { return op.Customer.Fields.Install.System != "" }},
		needPowerAllowed, needBackup,
		{hosting.FieldSSHKeys, func(op *operation) bool {
			return len(op.Customer.Fields.Install.SSHKeys) > 0 || r.passwordOf(op.Customer.Fields.Install) != ""
		}},
	}
	for _, w := range r.work.Wrong {
		if i := slices.IndexFunc(needs, func(n need) bool { return n.field == w.Field }); i >= 0 {
			needs[i].met = changed
		} else {
			needs = append(needs, need{w.Field, changed})
		}
	}
	for _, u := range r.Customer.Fields.Unclear {
		if u.Field.OfInstallation() && !slices.ContainsFunc(needs, func(n need) bool { return n.field == u.Field }) {
			needs = append(needs, need{u.Field, understood(u.Field)})
		}
	}
	if r.work.Plan != nil {
		needs = append(needs, r.needErasure(changed))
	}
	return needs
}

// understood is met when nothing on the field is open any more.
func understood(f hosting.Field) func(*operation) bool {
	return func(op *operation) bool {
		return !slices.ContainsFunc(op.Customer.Fields.Unclear, func(u hosting.UnclearField) bool { return u.Field == f })
	}
}

// needErasure is the consent for the plan; a changed request is judged first.
func (r *reinstall) needErasure(changed func(*operation) bool) need {
	return need{hosting.FieldErasure, func(op *operation) bool { return changed(op) || op.erasureGiven(*r.work.Plan) }}
}

// consent gets the consent to erase on its own (I13), and stores it bound to
// server, system, disks and ticket.
func (r *reinstall) consent(ctx workflow.Context) error {
	for {
		if err := r.ask(ctx); err != nil {
			return err
		}
		if !r.erasureGiven(*r.work.Plan) {
			continue
		}
		if err := r.bindErasure(ctx, *r.work.Plan); err != nil {
			return err
		}
		if r.bound() {
			return nil
		}
	}
}

// bound reports whether a stored consent is in force for the request as it
// stands.
func (r *reinstall) bound() bool {
	e, p := r.Customer.Erasure, r.work.Plan
	unclear := slices.ContainsFunc(r.Customer.Fields.Unclear, func(u hosting.UnclearField) bool { return u.Field.OfInstallation() })
	return p != nil && !unclear && r.work.Judged == r.asked() && e != nil && e.Consent != "" && e.Target == p.Target()
}

// askAll goes through the gates again, after something changed.
func (r *reinstall) askAll(ctx workflow.Context) error {
	if err := r.consent(ctx); err != nil {
		return err
	}
	return r.awaitWindow(ctx)
}

// stillPermitted reports whether everything that is asked for is permitted on the
// machine as it was last seen.
func (r *reinstall) stillPermitted(ctx workflow.Context) (bool, error) {
	if err := r.judge(ctx); err != nil {
		return false, err
	}
	permitted := r.powerPermitted().Check(r.serverID(), *r.now()) == nil
	return r.bound() && permitted && needBackup.met(r.operation) && r.Machine.Taken, nil
}

// enclose adds to a letter what is installed, and on which disks.
func (r *reinstall) enclose(l *hosting.Letter) {
	l.Offered, l.Erased = r.work.Offered, r.Boot.Lost
	if letterKinds[l.Name] == desk.Question {
		l.Unclear = append(slices.Clip(l.Unclear), r.doubts()...)
	}
	p := r.work.Plan
	if p == nil {
		l.Disks = r.work.Machine.Disks
		return
	}
	l.Plan, l.Disks, l.Keep = p, p.Disks, p.Keep
	if l.Name == hosting.LetterSummary && r.work.GivenUp == nil {
		l.Access = r.access(p)
	}
}

// about is the plan, or as much of the request as is known.
func (r *reinstall) about() string {
	if p := r.work.Plan; p != nil {
		return p.String()
	}
	return r.Customer.Fields.Install.System
}

// doubts are what keeps the request from being carried out, besides what was not
// understood.
func (r *reinstall) doubts() []hosting.UnclearField {
	wrong := slices.Clone(r.work.Wrong)
	if e, p := r.Customer.Erasure, r.work.Plan; e != nil && p != nil && e.Consent == "" && !r.names(e.Statement.System, p.System) {
		wrong = append(wrong, hosting.UnclearField{
			Field: hosting.FieldErasure, Value: e.Statement.System, Problem: hosting.ProblemOtherSystem, Why: "the consent is for another system",
		})
	}
	return wrong
}

func (r *reinstall) access(p *hosting.Plan) *hosting.Access {
	access := &hosting.Access{Address: r.Subject.Server.PrimaryIP, User: p.User()}
	if r.proved() { // nobody is to trust a key that nobody has seen
		access.HostKeys = hosting.Fingerprints(r.Boot.Last.HostKeys)
	}
	return access
}

func (op *operation) stepIndex(name string) int {
	return slices.IndexFunc(op.Steps, func(s hosting.Step) bool { return s.Name == name })
}

// Specify is the update with which staff record what the customer asked for
// outside the ticket.
type Specify struct {
	Staff
	hosting.InstallFields
}

func (r *reinstall) handleSpecify() error {
	return handle(r.operation, "specify", "Record what the customer asked for outside the ticket: system, partitioning, raid, hostName, sshKeys, password (a reference), keep. A consent that was given for something else is void.",
		func(s Specify) error {
			switch {
			case s.Erasure != nil:
				return hosting.Invalid(r.serverID(), "the consent to erase has an update of its own", "use consent")
			case fingerprint(s.InstallFields) == fingerprint(hosting.InstallFields{}):
				return hosting.Invalid(r.serverID(), "nothing is specified", "give at least one of the fields")
			}
			return validateFields(r.serverID(), s.InstallFields)
		},
		func(ctx workflow.Context, s Specify) (string, error) {
			r.learnInstallation(s.InstallFields, nil)
			r.Customer.Heard++
			r.logAction(ctx, s.By, "specify", cut(fingerprint(s.InstallFields), 2000))
			return "taken down", nil
		})
}

// validateFields refuses what can not be meant, whoever says it.
func validateFields(server string, f hosting.InstallFields) error {
	if f.RAID != "" && !f.RAID.Known() {
		return hosting.Invalid(server, "the RAID level "+string(f.RAID)+" is not known", "use none, 0, 1, 5, 6 or 10")
	}
	if f.Partitioning != nil {
		if err := f.Partitioning.Validate(); err != nil {
			return err
		}
	}
	if f.HostName != "" && !hosting.HostNameValid(strings.ToLower(f.HostName)) {
		return hosting.Invalid(server, "the host name "+f.HostName+" is not one", "use letters, digits, dashes and dots")
	}
	if len(f.System) > maxName || len(f.Keep) > maxKeys || len(f.SSHKeys) > maxKeys {
		return hosting.Invalid(server, "system, keep or sshKeys is too long", "give names, not texts")
	}
	for _, k := range f.SSHKeys {
		if _, err := hosting.ParsePublicKey(k); err != nil {
			return err
		}
	}
	if f.Password != "" && !secretReference.MatchString(f.Password) {
		return hosting.Invalid(server, "password is not of the form scheme:name", "put a crypt(3) hash into the secret store and give its reference; if this was a password, change it")
	}
	return nil
}

// maxKeys bounds lists in a request.
const maxKeys = 32
