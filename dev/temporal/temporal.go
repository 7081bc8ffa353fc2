// Package temporal runs a whole Temporal server and its UI inside the process,
// on SQLite: for `dev` and the end-to-end tests. It is the only package that
// imports the server.
package temporal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	uiserver "github.com/temporalio/ui-server/v2/server"
	uiconfig "github.com/temporalio/ui-server/v2/server/config"
	uioptions "github.com/temporalio/ui-server/v2/server/server_options"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/dynamicconfig"
	"go.temporal.io/server/common/log"
	sqliteschema "go.temporal.io/server/schema/sqlite"
	"go.temporal.io/server/temporal"
)

// Namespace is the one that exists from the start.
const Namespace = "default"

// Config says where the server listens and keeps its data. Everything listens
// on loopback.
type Config struct {
	// Dir holds the database and the server's log; it must exist.
	Dir string
	// Port is the gRPC frontend's, HTTPPort that of its HTTP API, UIPort that of
	// the web UI. A zero port is chosen freely, except UIPort: zero is no UI.
	Port, HTTPPort, UIPort int
	// SearchAttributes are made known to the namespace when it is created.
	SearchAttributes map[string]enumspb.IndexedValueType
}

// Server is a running Temporal.
type Server struct {
	address string
	server  temporal.Server
	ui      *uiserver.Server
}

// Start brings Temporal up, with its data from an earlier run if there is any.
func Start(ctx context.Context, c Config) (*Server, error) {
	ports, err := choosePorts(ctx, &c)
	if err != nil {
		return nil, err
	}
	serverConfig := c.server(ports)
	sql := serverConfig.Persistence.DataStores[storeName].SQL
	if err := c.prepare(sql); err != nil {
		return nil, fmt.Errorf("%w; if the data in %s is broken, start with -fresh", err, c.Dir)
	}
	logger := log.NewZapLogger(log.BuildZapLogger(log.Config{OutputFile: filepath.Join(c.Dir, "temporal.log"), Level: "warn"}))
	server, err := temporal.NewServer(
		temporal.WithConfig(serverConfig),
		temporal.ForServices(temporal.DefaultServices),
		temporal.WithStaticHosts(ports.hosts()),
		temporal.WithLogger(logger),
		temporal.WithDynamicConfigClient(dynamicconfig.StaticClient{
			dynamicconfig.ForceSearchAttributesCacheRefreshOnRead.Key(): []dynamicconfig.ConstrainedValue{{Value: true}},
		}),
	)
	if err != nil {
		return nil, fmt.Errorf("temporal: %w", err)
	}
	if err := server.Start(); err != nil {
		return nil, fmt.Errorf("temporal: %w; its log is %s", err, filepath.Join(c.Dir, "temporal.log"))
	}
	s := &Server{address: loopback(ports.frontend), server: server}
	if c.UIPort != 0 {
		s.startUI(c.UIPort)
	}
	return s, nil
}

// Address is the frontend's host:port.
func (s *Server) Address() string { return s.address }

// Dial returns a client of the namespace, once the frontend answers.
func (s *Server) Dial(ctx context.Context, o client.Options) (client.Client, error) {
	o.HostPort, o.Namespace = s.address, Namespace
	var err error
	for range 100 {
		var c client.Client
		if c, err = client.DialContext(ctx, o); err == nil {
			return c, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
	return nil, err
}

// Stop ends the UI and the server.
func (s *Server) Stop() error {
	if s.ui != nil {
		s.ui.Stop()
	}
	return s.server.Stop()
}

func (s *Server) startUI(port int) {
	s.ui = uiserver.NewServer(uioptions.WithConfigProvider(&uiconfig.Config{
		TemporalGRPCAddress: s.address, Host: host, Port: port, EnableUI: true, DefaultNamespace: Namespace,
		DisableNewsFetch: true, HideLogs: true, CORS: uiconfig.CORS{CookieInsecure: true},
	}))
	go s.ui.Start() //nolint:errcheck // its port was free a moment ago
}

// prepare makes the database when it is new. The schema is written to a file
// of another name first: one that was cut off half-way is not taken for whole.
func (c Config) prepare(sql *config.SQL) error {
	if _, err := os.Stat(sql.DatabaseName); errors.Is(err, fs.ErrNotExist) {
		final := sql.DatabaseName
		sql.DatabaseName += ".new"
		if err := os.RemoveAll(sql.DatabaseName); err != nil {
			return err
		}
		if err := c.create(sql); err != nil {
			return err
		}
		if err := os.Rename(sql.DatabaseName, final); err != nil {
			return err
		}
		sql.DatabaseName = final
	}
	return checkHeader(sql.DatabaseName)
}

// checkHeader refuses a file that is no database before the server does, in
// pages of words.
func checkHeader(path string) error {
	const magic = "SQLite format 3\x00"
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // only read
	head := make([]byte, len(magic))
	if _, err := io.ReadFull(f, head); err != nil || string(head) != magic {
		return fmt.Errorf("temporal's database %s is damaged", path)
	}
	return nil
}

func (c Config) create(sql *config.SQL) error {
	if err := sqliteschema.SetupSchema(sql); err != nil {
		return fmt.Errorf("temporal's database: %w", err)
	}
	ns, err := sqliteschema.NewNamespaceConfig(clusterName, Namespace, false, c.SearchAttributes)
	if err != nil {
		return fmt.Errorf("temporal's namespace: %w", err)
	}
	if err := sqliteschema.CreateNamespaces(sql, ns); err != nil {
		return fmt.Errorf("temporal's namespace: %w", err)
	}
	return nil
}

func loopback(port int) string { return net.JoinHostPort(host, strconv.Itoa(port)) }
