package bmc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/handrail/handrail/activities/bmc/board"
	"github.com/handrail/handrail/hosting"
)

// Login is a BMC's user and password. It never shows the password.
type Login = board.Login

// Secrets opens a reference to a BMC's user and password. References travel in
// records and histories; logins never leave the activity that opened them.
type Secrets interface {
	BMCLogin(ctx context.Context, ref string) (Login, error)
}

// maxSecret is the longest secret file that is read, in bytes.
const maxSecret = 1 << 20

// NewSecrets returns the secrets that are chosen by the scheme of their
// reference: "file:NAME" from dir, "env:NAME" from the environment. An empty
// dir switches files off.
func NewSecrets(dir string) Secrets {
	byScheme := schemes{"env": EnvSecrets{}}
	if dir != "" {
		byScheme["file"] = FileSecrets{Path: dir}
	}
	return byScheme
}

type schemes map[string]Secrets

// BMCLogin opens the reference with the store of its scheme.
func (s schemes) BMCLogin(ctx context.Context, ref string) (Login, error) {
	scheme, name, ok := strings.Cut(ref, ":")
	store, known := s[scheme]
	if !ok || !known {
		return Login{}, fmt.Errorf("the reference %q is in no known store (file:NAME or env:NAME)", ref)
	}
	return store.BMCLogin(ctx, name)
}

// FileSecrets keeps logins in files that only their owner may read: Path is a
// directory with one file for each name, holding "user:password" or an object
// {"user", "password"} in JSON or TOML (by the ending of its name), or it is one
// JSON or TOML file with such an object for each name.
type FileSecrets struct{ Path string }

// loginEntry is a login as files write it.
type loginEntry struct {
	User     string `json:"user" toml:"user"`
	Password string `json:"password" toml:"password"`
}

// BMCLogin reads the login of that name, anew each time, so that a corrected
// file counts at once.
func (f FileSecrets) BMCLogin(_ context.Context, name string) (Login, error) {
	info, err := os.Stat(f.Path)
	if err != nil {
		return Login{}, fmt.Errorf("opening the secrets: %w", pathless(err))
	}
	if info.IsDir() {
		return f.fromDirectory(name)
	}
	body, err := readSecret(os.DirFS(filepath.Dir(f.Path)), filepath.Base(f.Path))
	if err != nil {
		return Login{}, err
	}
	var all map[string]loginEntry
	if err := unmarshalSecret(f.Path, body, &all); err != nil {
		return Login{}, err
	}
	entry, ok := all[name]
	if !ok {
		return Login{}, fmt.Errorf("no login of the name %q", name)
	}
	return entry.login()
}

// secretEndings are tried in order behind the name.
var secretEndings = []string{"", ".json", ".toml"}

func (f FileSecrets) fromDirectory(name string) (Login, error) {
	// A root keeps names from leading out of the directory, links included.
	root, err := os.OpenRoot(f.Path)
	if err != nil {
		return Login{}, fmt.Errorf("opening the secrets: %w", pathless(err))
	}
	defer root.Close()
	for _, ending := range secretEndings {
		body, err := readSecret(root.FS(), name+ending)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return Login{}, err
		}
		return parseSecret(name+ending, body)
	}
	return Login{}, fmt.Errorf("no login of the name %q", name)
}

func parseSecret(name string, body []byte) (Login, error) {
	var entry loginEntry
	if filepath.Ext(name) == ".json" || filepath.Ext(name) == ".toml" {
		if err := unmarshalSecret(name, body, &entry); err != nil {
			return Login{}, err
		}
		return entry.login()
	}
	entry.User, entry.Password, _ = strings.Cut(strings.TrimRight(string(body), "\r\n"), ":")
	return entry.login()
}

// unmarshalSecret says nothing of the content where it is malformed.
func unmarshalSecret(name string, body []byte, v any) error {
	unmarshal := json.Unmarshal
	if filepath.Ext(name) == ".toml" {
		unmarshal = toml.Unmarshal
	}
	if unmarshal(body, v) != nil {
		return fmt.Errorf("the secret file %s is malformed", filepath.Base(name))
	}
	return nil
}

// readSecret reads a secret file that only its owner (and group) may read.
func readSecret(dir fs.FS, name string) ([]byte, error) {
	file, err := dir.Open(name)
	if err != nil {
		return nil, fmt.Errorf("opening the secret: %w", pathless(err))
	}
	defer file.Close()
	info, err := file.Stat()
	switch {
	case err != nil:
		return nil, fmt.Errorf("opening the secret: %w", pathless(err))
	case info.Mode().Perm()&0o007 != 0:
		return nil, fmt.Errorf("the secret file %s may be read by everybody: chmod o-rwx", filepath.Base(name))
	}
	body, err := io.ReadAll(io.LimitReader(file, maxSecret))
	if err != nil {
		return nil, fmt.Errorf("reading the secret: %w", pathless(err))
	}
	return body, nil
}

func (e loginEntry) login() (Login, error) {
	if e.User == "" || e.Password == "" {
		return Login{}, errors.New("the secret lacks a user or a password")
	}
	return Login{User: e.User, Password: e.Password}, nil
}

// pathless drops the path from an error: where secrets lie is nobody's matter.
func pathless(err error) error {
	if p, ok := errors.AsType[*os.PathError](err); ok {
		return p.Err
	}
	return err
}

// EnvSecrets keeps each login in an environment variable, as "user:password".
type EnvSecrets struct{}

// BMCLogin reads the variable of that name.
func (EnvSecrets) BMCLogin(_ context.Context, name string) (Login, error) {
	value, ok := os.LookupEnv(name)
	if !ok {
		return Login{}, fmt.Errorf("the environment variable %s is not set", name)
	}
	user, password, _ := strings.Cut(value, ":")
	return loginEntry{user, password}.login()
}

func secretFault(server, ref string, err error) error {
	return hosting.Invalid(server, "the BMC's login can not be opened from the secret "+ref, "correct the secret store, or the reference in the server's record").Because(err)
}
