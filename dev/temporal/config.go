package temporal

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"time"

	"go.temporal.io/server/common/cluster"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/membership/static"
	"go.temporal.io/server/common/persistence/sql/sqlplugin/sqlite"
	"go.temporal.io/server/common/primitives"

	"github.com/handrail/handrail/dev/port"
)

const (
	host        = "127.0.0.1"
	clusterName = "active"
	storeName   = sqlite.PluginName
)

// ports are those of the four services, and of the frontend's HTTP API.
type ports struct {
	frontend, history, matching, worker, http int
}

func (p ports) hosts() map[primitives.ServiceName]static.Hosts {
	return map[primitives.ServiceName]static.Hosts{
		primitives.FrontendService: static.SingleLocalHost(loopback(p.frontend)),
		primitives.HistoryService:  static.SingleLocalHost(loopback(p.history)),
		primitives.MatchingService: static.SingleLocalHost(loopback(p.matching)),
		primitives.WorkerService:   static.SingleLocalHost(loopback(p.worker)),
	}
}

// choosePorts takes the wanted ports, or free ones, and refuses those in use
// before the server finds out in words of its own.
func choosePorts(ctx context.Context, c *Config) (p ports, err error) {
	var open []net.Listener
	defer func() {
		for _, l := range open {
			l.Close() //nolint:errcheck,gosec // only held to tell free from used
		}
	}()
	for _, want := range []struct {
		name string
		port *int
		set  int
	}{
		{"Temporal", &p.frontend, c.Port},
		{"Temporal's HTTP API", &p.http, c.HTTPPort},
		{"Temporal's UI", nil, c.UIPort},
		{"history", &p.history, 0},
		{"matching", &p.matching, 0},
		{"worker", &p.worker, 0},
	} {
		if want.port == nil && want.set == 0 {
			continue
		}
		if want.set == 0 {
			if *want.port, err = port.Free(); err != nil {
				return p, fmt.Errorf("%s: %w", want.name, err)
			}
			continue
		}
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", loopback(want.set))
		if err != nil {
			return p, fmt.Errorf("%s can not listen on port %d: %w; is another dev running?", want.name, want.set, err)
		}
		open = append(open, l)
		if want.port != nil {
			*want.port = l.Addr().(*net.TCPAddr).Port
		}
	}
	return p, nil
}

// server is the server's configuration: one SQLite file for everything, one
// history shard, no archival, no metrics port.
func (c Config) server(p ports) *config.Config {
	service := func(port, http int) config.Service {
		return config.Service{RPC: config.RPC{GRPCPort: port, HTTPPort: http, BindOnLocalHost: true}}
	}
	return &config.Config{
		Global: config.Global{Membership: config.Membership{MaxJoinDuration: 30 * time.Second, BroadcastAddress: host}},
		Persistence: config.Persistence{
			DefaultStore: storeName, VisibilityStore: storeName, NumHistoryShards: 1,
			DataStores: map[string]config.DataStore{storeName: {SQL: &config.SQL{
				PluginName: storeName, DatabaseName: filepath.Join(c.Dir, "temporal.db"),
				ConnectAttributes: map[string]string{"mode": "rwc", "_journal_mode": "WAL", "_synchronous": "NORMAL"},
			}}},
		},
		ClusterMetadata: &cluster.Config{
			FailoverVersionIncrement: 10, MasterClusterName: clusterName, CurrentClusterName: clusterName,
			ClusterInformation: map[string]cluster.ClusterInformation{
				clusterName: {Enabled: true, InitialFailoverVersion: 1, RPCAddress: loopback(p.frontend)},
			},
		},
		DCRedirectionPolicy: config.DCRedirectionPolicy{Policy: "noop"},
		Services: map[string]config.Service{
			"frontend": service(p.frontend, p.http), "history": service(p.history, 0),
			"matching": service(p.matching, 0), "worker": service(p.worker, 0),
		},
		Archival: config.Archival{
			History:    config.HistoryArchival{State: "disabled"},
			Visibility: config.VisibilityArchival{State: "disabled"},
		},
		NamespaceDefaults: config.NamespaceDefaults{Archival: config.ArchivalNamespaceDefaults{
			History:    config.HistoryArchivalNamespaceDefaults{State: "disabled"},
			Visibility: config.VisibilityArchivalNamespaceDefaults{State: "disabled"},
		}},
		PublicClient: config.PublicClient{HostPort: loopback(p.frontend)},
	}
}
