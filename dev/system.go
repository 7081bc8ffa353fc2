package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"github.com/handrail/handrail/activities/desk/signature"
	"github.com/handrail/handrail/activities/mail"
	"github.com/handrail/handrail/activities/policy"
	"github.com/handrail/handrail/activities/reach"
	"github.com/handrail/handrail/activities/records"
	"github.com/handrail/handrail/dev/datacenter"
	"github.com/handrail/handrail/dev/mailbox"
	"github.com/handrail/handrail/dev/postgres"
	"github.com/handrail/handrail/dev/temporal"
	"github.com/handrail/handrail/dev/ticketdesk"
	"github.com/handrail/handrail/hosting"
	"github.com/handrail/handrail/starter/gateway"
	"github.com/handrail/handrail/worker/host"
	"github.com/handrail/handrail/workflows"
)

// ports are where the parts listen, all on loopback. A zero port is chosen
// freely; a zero UI port is no UI.
type ports struct {
	temporal, temporalHTTP, temporalUI int
	gateway, boot, desk, mailbox, smtp int
	control, redfish, ipmi, ssh        int
	workerState                        int
}

// defaultPorts are those of the README.
var defaultPorts = ports{
	temporal: 7233, temporalHTTP: 7243, temporalUI: 8233,
	gateway: 8080, boot: 8081, desk: 8090, mailbox: 8025, smtp: 1025,
	control: 8070, redfish: 9400, ipmi: 9500, ssh: 9600, workerState: 9090,
}

// config says how the whole of Handrail is run on this machine.
type config struct {
	dir         string // where everything is kept over a restart
	databaseURL string // a PostgreSQL of one's own; empty starts a private one
	ports       ports
	servers     int // in the data centre; 0 is its default
	// noWorker leaves the worker to another process, which the end-to-end tests
	// kill.
	noWorker bool
	// policy is the text of a new policy file; empty is devPolicy.
	policy string
	// real is the machine that is not simulated; nil is none.
	real *realMachine
	log  *slog.Logger
	// progress tells the person who waits what is being started.
	progress func(string)
}

// system is the whole of Handrail in one process.
type system struct {
	config    config
	postgres  *postgres.Cluster // nil where databaseURL was given
	url       string
	provider  string
	records   *records.Records
	temporal  *temporal.Server
	client    client.Client
	center    *datacenter.Center
	desk      *ticketdesk.Desk
	mailbox   *mailbox.Mailbox
	worker    *host.Host
	metrics   *host.Metrics
	workerSet host.Config
	gatewayAt string
	systems   []hosting.OperatingSystem
	newPolicy bool // it was written by this start
	closers   []func(context.Context) error
}

// start brings everything up, in the order of dependence. What was started is
// stopped again if a later part fails.
func start(ctx context.Context, c config) (s *system, err error) {
	s = &system{config: c}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.stop(ctx))
		}
	}()
	for _, part := range []struct {
		name  string
		start func(context.Context) error
	}{
		{"data folder", s.startFolder},
		{"PostgreSQL", s.startPostgres},
		{"data centre", s.startCenter},
		{"records", s.startRecords},
		{"Temporal", s.startTemporal},
		{"mailbox", s.startMailbox},
		{"gateway", s.startGateway},
		{"ticket desk", s.startDesk},
		{"worker", s.startWorker},
	} {
		c.progress(part.name)
		if err := part.start(ctx); err != nil {
			return s, fmt.Errorf("%s: %w", part.name, err)
		}
	}
	return s, nil
}

// stop ends what runs, last started first.
func (s *system) stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 40*time.Second)
	defer cancel()
	var errs []error
	for i := len(s.closers) - 1; i >= 0; i-- {
		errs = append(errs, s.closers[i](ctx))
	}
	s.closers = nil
	return errors.Join(errs...)
}

func (s *system) onStop(f func(context.Context) error) { s.closers = append(s.closers, f) }

func (s *system) path(name ...string) string {
	return filepath.Join(append([]string{s.config.dir}, name...)...)
}

func (s *system) startFolder(context.Context) error {
	for _, dir := range []string{"temporal", "bmc-secrets", "boot-files", "boot-secrets"} {
		if err := os.MkdirAll(s.path(dir), 0o700); err != nil {
			return err
		}
	}
	if _, err := os.Stat(s.path("policy.toml")); errors.Is(err, fs.ErrNotExist) {
		s.newPolicy = true
		return s.writePolicy("")
	}
	return nil
}

func (s *system) startPostgres(ctx context.Context) error {
	if s.url = s.config.databaseURL; s.url != "" {
		return nil
	}
	cluster, err := postgres.Start(ctx, postgres.Options{Dir: s.path("postgres"), Logger: s.config.log})
	if err != nil {
		return err
	}
	s.postgres, s.url = cluster, cluster.URL()
	s.onStop(cluster.Stop)
	return nil
}

func (s *system) startCenter(ctx context.Context) (err error) {
	s.center, err = datacenter.Start(ctx, datacenter.Config{
		Log: s.config.log, Servers: s.config.servers, RedfishPort: s.config.ports.redfish, IPMIPort: s.config.ports.ipmi,
		SSHPort: s.config.ports.ssh, StateFile: s.path("datacenter.json"), Control: loopback(s.config.ports.control),
		Real: s.config.real.behind(),
	})
	if err != nil {
		return err
	}
	s.onStop(func(context.Context) error { return s.center.Close() })
	if err := s.center.WriteReach(s.path("reach.json")); err != nil {
		return err
	}
	return s.center.WriteSecrets(s.path("bmc-secrets"))
}

func (s *system) startRecords(ctx context.Context) (err error) {
	if err := records.Migrate(ctx, s.url); err != nil {
		return err
	}
	if s.records, err = records.Open(ctx, s.url); err != nil {
		return err
	}
	s.onStop(func(context.Context) error { s.records.Close(); return nil })
	if err := s.records.ImportOrganizations(ctx, s.center.Organizations()); err != nil {
		return err
	}
	if err := s.records.ImportServers(ctx, s.center.Servers()); err != nil {
		return err
	}
	if s.systems, err = s.catalogue(); err != nil {
		return err
	}
	return s.records.ImportSystems(ctx, s.systems)
}

func (s *system) startTemporal(ctx context.Context) (err error) {
	p := s.config.ports
	s.temporal, err = temporal.Start(ctx, temporal.Config{
		Dir: s.path("temporal"), Port: p.temporal, HTTPPort: p.temporalHTTP, UIPort: p.temporalUI, SearchAttributes: searchAttributes(),
	})
	if err != nil {
		return err
	}
	s.onStop(func(context.Context) error { return s.temporal.Stop() })
	s.metrics = host.NewMetrics()
	s.onStop(func(context.Context) error { return s.metrics.Close() })
	s.client, err = s.temporal.Dial(ctx, client.Options{Logger: host.Logger(s.config.log), MetricsHandler: s.metrics.Handler()})
	if err != nil {
		return err
	}
	s.onStop(func(context.Context) error { s.client.Close(); return nil })
	return nil
}

func searchAttributes() map[string]enumspb.IndexedValueType {
	types := map[string]enumspb.IndexedValueType{}
	for _, k := range workflows.SearchAttributes() {
		types[k.GetName()] = k.GetValueType()
	}
	return types
}

func (s *system) startMailbox(ctx context.Context) (err error) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s.mailbox, err = mailbox.Start(ctx, mailbox.Config{
		SMTPAddress: loopback(s.config.ports.smtp), WebAddress: loopback(s.config.ports.mailbox), Logger: s.config.log,
	})
	if err != nil {
		cancel()
		return err
	}
	s.onStop(func(context.Context) error { cancel(); return s.mailbox.Wait() })
	return nil
}

func (s *system) startGateway(ctx context.Context) error {
	secret, err := s.deskSecret()
	if err != nil {
		return err
	}
	p, err := (&policy.File{Path: s.path("policy.toml")}).ReadPolicy(ctx)
	if err != nil {
		return err
	}
	s.provider = p.Provider
	g, err := gateway.New(gateway.Config{
		Listen: loopback(s.config.ports.gateway), Provider: p.Provider, DeskSecrets: []signature.Secret{secret},
		Boot: gateway.BootConfig{
			Listen: loopback(s.config.ports.boot), URL: s.config.real.base(), Files: s.bootFiles(), Secrets: s.path("boot-secrets"), Store: s.records,
		},
	}, s.client, s.config.log)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	address, done, err := g.Start(ctx)
	if err != nil {
		cancel()
		return err
	}
	s.gatewayAt = "http://" + address
	s.onStop(func(context.Context) error { cancel(); return <-done })
	return s.announceBoot(g.BootURL())
}

// announceBoot tells the data centre's machines where they boot from, and a new
// policy where the boot medium is.
func (s *system) announceBoot(at string) error {
	s.center.SetBootURL(at)
	if !s.newPolicy {
		return nil
	}
	return s.writePolicy(at + "/files/" + bootMedium)
}

func (s *system) writePolicy(medium string) error {
	policy := cmp.Or(s.config.policy, devPolicy) + fmt.Sprintf("medium = %q\n", medium)
	return os.WriteFile(s.path("policy.toml"), []byte(policy), 0o600)
}

func (s *system) startDesk(ctx context.Context) error {
	secret, err := s.deskSecret()
	if err != nil {
		return err
	}
	s.desk, err = ticketdesk.Start(context.WithoutCancel(ctx), ticketdesk.Config{
		Address: loopback(s.config.ports.desk), GatewayURL: s.gatewayAt + "/hooks/desk", Secret: secret, DataFile: s.path("tickets.json"),
		Contacts: ticketdesk.Contacts(s.center.Organizations()), Servers: s.center.Servers(), Systems: s.titles(), Provider: s.provider,
		Logger: s.config.log,
	})
	if err != nil {
		return err
	}
	s.onStop(func(context.Context) error { s.desk.Close(); return nil })
	return nil
}

func (s *system) startWorker(ctx context.Context) error {
	secret, err := s.deskSecret()
	if err != nil {
		return err
	}
	smtpHost, smtpPort, err := splitPort(s.mailbox.SMTPAddr())
	if err != nil {
		return err
	}
	table, err := reach.ReadTable(s.path("reach.json"))
	if err != nil {
		return err
	}
	s.workerSet = host.Config{
		Reach: table,
		Sites: s.sites(), DatabaseURL: s.url, DeskURL: s.desk.Endpoint(), DeskSecret: secret,
		Mail:   mail.Config{Host: smtpHost, Port: smtpPort, From: "Handrail Hosting <support@handrail.example>", TLS: mail.PlainText},
		Policy: s.path("policy.toml"), BMCSecrets: s.path("bmc-secrets"), Listen: loopback(s.config.ports.workerState),
	}
	if s.config.noWorker {
		return nil
	}
	if s.worker, err = host.New(ctx, s.workerSet, s.client, s.metrics, s.config.log); err != nil {
		return err
	}
	if err := s.worker.Start(ctx); err != nil {
		return err
	}
	s.onStop(func(context.Context) error { s.worker.Stop(); return nil })
	return nil
}

// sites are those of the data centre.
func (s *system) sites() []string {
	var sites []string
	seen := map[string]bool{}
	for _, server := range s.center.Servers() {
		if !seen[server.Site] {
			seen[server.Site] = true
			sites = append(sites, server.Site)
		}
	}
	return sites
}
