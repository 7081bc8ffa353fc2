package handrail_test

import (
	"context"
	"errors"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/handrail/handrail/activities/records"
	"github.com/handrail/handrail/dev/postgres"
)

// TestSecrets_areThoseOfCompose shows that the script makes every secret that
// docker-compose.yml mounts, and that a second run keeps them all.
func TestSecrets_areThoseOfCompose(t *testing.T) {
	t.Parallel()
	dir := makeSecrets(t)
	first := readSecrets(t, dir)
	if got, want := slices.Sorted(maps.Keys(first)), slices.Sorted(maps.Keys(compose(t).Secrets)); !slices.Equal(got, want) {
		t.Errorf("made are %q, mounted %q", got, want)
	}
	values := slices.Collect(maps.Values(first))
	slices.Sort(values)
	if n := len(slices.Compact(values)); n != len(first) {
		t.Errorf("%d secrets have %d values", len(first), n)
	}
	runSecrets(t, dir)
	if !maps.Equal(first, readSecrets(t, dir)) {
		t.Error("the second run changed a secret")
	}
	for _, folder := range []string{dir, filepath.Join(dir, "bmc"), filepath.Join(dir, "passwords")} {
		if info, err := os.Stat(folder); err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("others may enter %s: %v", folder, err)
		}
	}
}

// TestPostgres_roles runs deploy/postgres.sql as the image does, on a server of
// its own, and then the migrations as their role.
func TestPostgres_roles(t *testing.T) {
	t.Parallel()
	secrets := makeSecrets(t)
	admin := cluster(t)
	if out, err := psql(t, admin, secrets).CombinedOutput(); err != nil {
		t.Fatalf("deploy/postgres.sql: %v\n%s", err, out)
	}
	owner, worker := at(t, admin, secrets, "owner_database_url"), at(t, admin, secrets, "worker_database_url")
	if err := records.Migrate(t.Context(), owner); err != nil {
		t.Fatalf("migrating as the owner: %v", err)
	}
	r, err := records.Open(t.Context(), worker)
	if err != nil {
		t.Fatalf("opening the records as the worker: %v", err)
	}
	defer r.Close()
	if err := r.Ping(t.Context()); err != nil {
		t.Error(err)
	}
	gateway := at(t, admin, secrets, "gateway_database_url")
	listener, err := records.Open(t.Context(), gateway)
	if err != nil {
		t.Fatalf("opening the records as the boot listener: %v", err)
	}
	defer listener.Close()
	if boot, err := listener.HandOutBoot(t.Context(), "52:54:00:12:34:56", [32]byte{1}, time.Now().Add(time.Hour)); boot != nil || err != nil {
		t.Errorf("a machine without a boot gets %+v, %v", boot, err)
	}
	temporal := temporalURL(t, admin, secrets)
	for _, c := range []struct{ who, url, statement, refused string }{
		{"the worker reads the log", worker, "SELECT count(*) FROM action_log", ""},
		{"the worker does not drop the log", worker, "DROP TABLE action_log", "owner"},
		{"the worker does not switch the log's triggers off", worker, "ALTER TABLE action_log DISABLE TRIGGER ALL", "owner"},
		{"the worker does not migrate", worker, "CREATE TABLE cellar ()", "permission denied"},
		{"the boot listener sees no customer", gateway, "SELECT * FROM contacts", "permission denied"},
		{"the boot listener sees no consent", gateway, "SELECT * FROM consents", "permission denied"},
		{"the boot listener arms nothing", gateway, "INSERT INTO network_boots DEFAULT VALUES", "permission denied"},
		{"the boot listener does not enter Temporal's database", at(t, gateway, "", "/temporal"), "SELECT 1", "permission denied for database"},
		{"the worker does not write tokens", worker, "UPDATE network_boots SET token = NULL", "permission denied"},
		{"Temporal makes its tables", temporal, "CREATE TABLE executions (); DROP TABLE executions", ""},
		{"Temporal's visibility has the index that it wants", at(t, temporal, "", "/temporal_visibility"), "CREATE EXTENSION btree_gin", ""},
		{"Temporal does not enter the records", at(t, temporal, "", "/handrail"), "SELECT 1", "permission denied for database"},
		{"the worker does not enter Temporal's database", at(t, worker, "", "/temporal"), "SELECT 1", "permission denied for database"},
	} {
		err := execute(t.Context(), c.url, c.statement)
		if c.refused == "" && err != nil || c.refused != "" && (err == nil || !strings.Contains(err.Error(), c.refused)) {
			t.Errorf("%s: the error is %v, want %q", c.who, err, c.refused)
		}
	}
}

// TestScripts_parse has the shell read the scripts without running them.
func TestScripts_parse(t *testing.T) {
	t.Parallel()
	scripts, err := filepath.Glob("deploy/*.sh")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, s := range scripts {
		if out, err := exec.CommandContext(t.Context(), "sh", "-n", s).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", s, err, out)
		}
	}
}

// program is the path of a program that the test needs.
func program(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	switch {
	case err == nil:
		return path
	case os.Getenv("CI") == "":
		t.Skipf("needs %s: %v", name, err)
	default:
		t.Fatalf("needs %s: %v", name, err)
	}
	return ""
}

func makeSecrets(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "secrets")
	runSecrets(t, dir)
	return dir
}

func runSecrets(t *testing.T, dir string) {
	t.Helper()
	program(t, "openssl")
	if out, err := exec.CommandContext(t.Context(), "deploy/secrets.sh", dir).CombinedOutput(); err != nil {
		t.Fatalf("deploy/secrets.sh: %v\n%s", err, out)
	}
}

func readSecrets(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, e := range entries {
		if e.IsDir() {
			continue
		}
		all[e.Name()] = readSecret(t, dir, e.Name())
	}
	return all
}

func readSecret(t *testing.T, dir, name string) string {
	t.Helper()
	body, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(body))
}

// cluster starts a server that ends with the test; roles belong to a whole
// server, so that it can not be shared.
func cluster(t *testing.T) string {
	t.Helper()
	program(t, "psql")
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	c, err := postgres.Start(ctx, postgres.Options{
		Dir: filepath.Join(t.TempDir(), "cluster"), Throwaway: true, Binaries: filepath.Join(os.TempDir(), "handrail-postgres-binaries"),
	})
	if errors.Is(err, postgres.ErrNoBinaries) && os.Getenv("CI") == "" {
		t.Skipf("needs PostgreSQL: %v", err)
	}
	if err != nil {
		t.Fatalf("starting PostgreSQL: %v", err)
	}
	t.Cleanup(func() {
		if err := c.Stop(context.WithoutCancel(ctx)); err != nil {
			t.Errorf("stopping PostgreSQL: %v", err)
		}
	})
	return likeTheImage(t, c.URL())
}

// likeTheImage makes way for the names of the script: as in the image, postgres
// is the administrator, and there is no database but postgres.
func likeTheImage(t *testing.T, base string) string {
	t.Helper()
	first := at(t, base, "", "/postgres")
	u, err := url.Parse(first)
	if err != nil {
		t.Fatal(err)
	}
	name := u.User.Username()
	u.User = url.UserPassword("postgres", "irrelevant")
	for _, step := range []struct{ url, statement string }{
		{first, "DROP DATABASE IF EXISTS handrail"},
		{first, "CREATE ROLE postgres SUPERUSER LOGIN PASSWORD 'irrelevant'"},
		{u.String(), "ALTER ROLE " + pgx.Identifier{name}.Sanitize() + " RENAME TO first"},
	} {
		if err := execute(t.Context(), step.url, step.statement); err != nil {
			t.Fatalf("%s: %v", step.statement, err)
		}
	}
	return u.String()
}

// psql runs deploy/postgres.sql with the image's option for errors.
func psql(t *testing.T, admin, secrets string) *exec.Cmd {
	t.Helper()
	text, err := os.ReadFile("deploy/postgres.sql")
	if err != nil {
		t.Fatal(err)
	}
	script := filepath.Join(t.TempDir(), "postgres.sql")
	if err := os.WriteFile(script, []byte(strings.ReplaceAll(string(text), granted, secrets+"/")), 0o600); err != nil {
		t.Fatal(err)
	}
	return exec.CommandContext(t.Context(), "psql", "--no-psqlrc", "--set=ON_ERROR_STOP=1", "--quiet", "--file="+script, admin)
}

// at is base with the user, password and database of the URL in a secret; a name
// that begins with a slash is a database only.
func at(t *testing.T, base, secrets, name string) string {
	t.Helper()
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasPrefix(name, "/") {
		u.Path = name
		return u.String()
	}
	s, err := url.Parse(readSecret(t, secrets, name))
	if err != nil {
		t.Fatalf("%s is no URL", name)
	}
	u.User, u.Path = s.User, s.Path
	return u.String()
}

func temporalURL(t *testing.T, base, secrets string) string {
	t.Helper()
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	u.User, u.Path = url.UserPassword("temporal", readSecret(t, secrets, "temporal_password")), "/temporal"
	return u.String()
}

func execute(ctx context.Context, url, statement string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, statement)
	return errors.Join(err, conn.Close(context.WithoutCancel(ctx)))
}
