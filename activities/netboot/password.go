package netboot

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"regexp"
	"strings"

	"github.com/handrail/handrail/hosting"
)

// Passwords opens a plan's reference to the hash of a password.
type Passwords interface {
	PasswordHash(ctx context.Context, ref string) (string, error)
}

// PasswordFiles is a folder with one file for each hash, which only its owner
// and group may read: the reference file:NAME is the file NAME.
type PasswordFiles string

// maxHash is the longest file that can hold a hash, in bytes.
const maxHash = 512

// cryptHash is a crypt(3) hash of a method that is still good: SHA-512, SHA-256,
// yescrypt, bcrypt.
var cryptHash = regexp.MustCompile(`^\$(?:[56]|y|2b)\$[./A-Za-z0-9=,$]{20,300}$`)

// PasswordHash reads the hash, anew each time. Its errors never quote what the
// file holds: it may be a password.
func (dir PasswordFiles) PasswordHash(_ context.Context, ref string) (string, error) {
	fault := func(why string) error {
		return hosting.Invalid("", "the password's hash can not be had from the secret "+ref+": "+why,
			"put a crypt(3) hash there (mkpasswd --method=yescrypt), or correct the reference")
	}
	scheme, name, _ := strings.Cut(ref, ":")
	switch {
	case scheme != "file" || name == "":
		return "", fault("it is no reference of the form file:NAME")
	case dir == "":
		return "", fault("the gateway has no folder of password hashes")
	}
	body, err := readInside(string(dir), name, maxHash)
	if err != nil {
		return "", fault(err.Error())
	}
	hash := strings.TrimRight(string(body), "\r\n")
	if !cryptHash.MatchString(hash) {
		return "", fault("its content is no crypt(3) hash of the kinds $6$, $5$, $y$ or $2b$")
	}
	return hash, nil
}

// readInside reads a file of at most limit bytes; the name can not lead out of
// the folder, links included.
func readInside(dir, name string, limit int64) ([]byte, error) {
	file, err := openInside(dir, name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	switch {
	case err != nil:
		return nil, pathless(err)
	case info.Mode().Perm()&0o007 != 0:
		return nil, errors.New("everybody may read or change the file: chmod o-rwx")
	case info.Size() > limit:
		return nil, errors.New("the file is too large")
	}
	body, err := io.ReadAll(io.LimitReader(file, limit))
	return body, pathless(err)
}

// openInside opens a regular file below a folder.
func openInside(dir, name string) (*os.File, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, pathless(err)
	}
	defer root.Close()
	// A pipe would hold the caller up when it is opened.
	if info, err := root.Stat(name); err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(pathless(err), notRegular(err))
	}
	file, err := root.Open(name)
	return file, pathless(err)
}

func notRegular(err error) error {
	if err != nil {
		return nil
	}
	return fs.ErrNotExist
}

// pathless drops the path from an error: where files lie is nobody's matter.
func pathless(err error) error {
	if p, ok := errors.AsType[*os.PathError](err); ok {
		return p.Err
	}
	return err
}
