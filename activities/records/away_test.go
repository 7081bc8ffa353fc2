package records_test

import (
	"context"
	"errors"
	"net"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/handrail/handrail/activities/records"
	"github.com/handrail/handrail/dev/postgres"
	"github.com/handrail/handrail/hosting"
)

// A database that goes away is no fault of anybody's: what is tried again works
// once it is back, on the same Records.
func TestDatabaseAway(t *testing.T) {
	t.Parallel()
	ctx, dir := t.Context(), t.TempDir()+"/postgres"
	c, err := postgres.Start(ctx, postgres.Options{Dir: dir})
	if errors.Is(err, postgres.ErrNoBinaries) && os.Getenv("CI") == "" {
		t.Skip(err)
	}
	must(t, err)
	t.Cleanup(func() {
		must(t, c.Stop(context.Background()))
		must(t, postgres.Remove(context.Background(), dir))
	})
	must(t, records.Migrate(ctx, c.URL()))
	s := connect(t, c.URL())
	must(t, s.ImportOrganizations(ctx, organizations()))
	must(t, s.ImportServers(ctx, servers()))

	must(t, c.Stop(ctx))
	u, err := url.Parse(c.URL())
	must(t, err)
	password, _ := u.User.Password()
	for range 2 { // first the connections of the pool are dead, then none can be made
		_, err = s.ReadServer(ctx, "srv-1")
		if err == nil || hosting.KindOf(err) != "" {
			t.Fatalf("without its database a read gives %v; it has to be a plain error", err)
		}
		if text := err.Error(); !strings.Contains(text, u.Host) || !strings.Contains(text, "away") || strings.Contains(text, password) {
			t.Errorf("the error does not say what is away, or says too much: %v", err)
		}
	}
	_, err = records.Open(ctx, c.URL())
	if err == nil || !strings.Contains(err.Error(), u.Host) || strings.Contains(err.Error(), password) {
		t.Errorf("opening gives %v", err)
	}

	must(t, c.Restart(ctx))
	if got, err := s.ReadServer(ctx, "srv-1"); err != nil || got.Name != "Web" {
		t.Errorf("after the restart: %+v, %v", got, err)
	}
}

// A server that takes connections and says nothing costs no more than the
// caller's patience.
func TestSilentDatabase(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { l.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err = records.Open(ctx, "postgres://handrail:hunter2@"+l.Addr().String()+"/handrail")
	if err == nil || hosting.KindOf(err) != "" || !strings.Contains(err.Error(), l.Addr().String()) || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("opening gives %v", err)
	}
}
