package postgres

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// account is who the server runs as.
type account struct {
	uid, gid int
	switched bool // it is not who we are
}

// nobody is the uid that every Unix keeps for those without rights.
const nobody = 65534

// serverAccount is ourselves, but PostgreSQL refuses to run as root: then it is
// the system's own account for it, or nobody.
func serverAccount() (account, error) {
	if os.Geteuid() != 0 {
		return account{uid: os.Geteuid(), gid: os.Getegid()}, nil
	}
	for _, name := range []string{"postgres", "_postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, uerr := strconv.Atoi(u.Uid)
		gid, gerr := strconv.Atoi(u.Gid)
		if err := errors.Join(uerr, gerr); err != nil {
			return account{}, fmt.Errorf("the account %s has no proper ids: %w", name, err)
		}
		if uid > 0 {
			return account{uid, gid, true}, nil
		}
	}
	return account{nobody, nobody, true}, nil
}

// attributes detach a child from our terminal's signals (Ctrl-C is for us, who
// stop it in order) and give it its account.
func (a account) attributes() *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setpgid: true}
	if a.switched {
		attr.Credential = &syscall.Credential{Uid: uint32(a.uid), Gid: uint32(a.gid)}
	}
	return attr
}

// home is the cluster's folder. Its owner may be another account, which must
// not make us, perhaps root, follow its links: files go through an os.Root.
type home struct {
	path string
	as   account
	info fs.FileInfo
	root *os.Root
	lock *os.File
}

// openHome makes the folder, owned by the server's account, and takes it for
// this process.
func openHome(dir string, as account, log *slog.Logger) (*home, error) {
	path, err := locate(dir, as)
	if err != nil {
		return nil, err
	}
	if abs, _ := filepath.Abs(dir); abs != path && as.switched {
		log.Info("PostgreSQL can not run as root, and its account can not reach the folder: another is used", "wanted", abs, "used", path)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	if as.switched && !reachable(path, as) { // the umask made the new ones closed
		return nil, closedTo(as, path)
	}
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	h := &home{path: path, as: as}
	if err := h.own(); err != nil {
		return nil, err
	}
	return h, h.reopen()
}

// own makes sure that the folder is a real one and the account's: in a folder
// that all may write to, somebody else could have put one there for us.
func (h *home) own() error {
	dir, err := os.OpenFile(h.path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_DIRECTORY, 0)
	if err != nil {
		return fmt.Errorf("%s is not a folder that we can use: %w", h.path, err)
	}
	defer dir.Close()
	if h.info, err = dir.Stat(); err != nil {
		return err
	}
	if owner := ownerOf(h.info); owner != h.as.uid && owner != os.Geteuid() {
		return fmt.Errorf("%s belongs to uid %d: remove it, or choose another folder", h.path, owner)
	}
	if err := dir.Chmod(0o700); err != nil || !h.as.switched {
		return err
	}
	return dir.Chown(h.as.uid, h.as.gid)
}

func ownerOf(info fs.FileInfo) int { return int(info.Sys().(*syscall.Stat_t).Uid) }

// reopen takes the folder again after close.
func (h *home) reopen() error {
	if h.root != nil {
		return nil
	}
	root, err := os.OpenRoot(h.path)
	if err != nil {
		return err
	}
	if info, err := root.Stat("."); err != nil || !os.SameFile(info, h.info) {
		return errors.Join(fmt.Errorf("%s was exchanged for another folder", h.path), err, root.Close())
	}
	lock, err := root.OpenFile("lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return errors.Join(err, root.Close())
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return errors.Join(fmt.Errorf("%s is in use by another process: stop that one, or use another folder", h.path), lock.Close(), root.Close())
	}
	h.root, h.lock = root, lock
	return nil
}

// close lets go of the folder, and removes it where it is not to be kept.
func (h *home) close(remove bool) error {
	if h.root == nil {
		return nil
	}
	var err error
	if remove {
		err = os.RemoveAll(h.path)
	}
	err = errors.Join(err, h.lock.Close(), h.root.Close())
	h.root, h.lock = nil, nil
	return err
}

func (h *home) data() string { return filepath.Join(h.path, dataFolder) }

func (h *home) read(name string) (string, error) {
	text, err := h.root.ReadFile(name)
	return strings.TrimSpace(string(text)), err
}

// write makes a file that only the server's account, and we, can read.
func (h *home) write(name, text string) error {
	if err := h.root.RemoveAll(name); err != nil {
		return err
	}
	f, err := h.root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text + "\n")
	if h.as.switched {
		err = errors.Join(err, f.Chown(h.as.uid, h.as.gid))
	}
	return errors.Join(err, f.Close())
}

// dataVersion is the major version of PostgreSQL that made the data; 0 where
// there is none yet.
func (h *home) dataVersion() (int, error) {
	text, err := h.read(filepath.Join(dataFolder, "PG_VERSION"))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	info, err := h.root.Lstat(dataFolder)
	if err != nil {
		return 0, err
	}
	if owner := ownerOf(info); owner != h.as.uid {
		return 0, fmt.Errorf("%s belongs to uid %d, the server would run as uid %d: start it as the user that made it, or start fresh",
			h.data(), owner, h.as.uid)
	}
	major, err := strconv.Atoi(text)
	if err != nil {
		return 0, fmt.Errorf("%s holds no data of PostgreSQL: its PG_VERSION is %q", h.data(), text)
	}
	return major, nil
}

// locate is the folder itself where the account can get to it, else one below
// the system's temporary folder that belongs to it by name.
func locate(dir string, as account) (string, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	if !as.switched || reachable(abs, as) {
		return abs, nil
	}
	name := fmt.Sprintf("handrail-postgres-%x", sha256.Sum256([]byte(abs)))[:len("handrail-postgres-")+16]
	for _, base := range []string{"/var/tmp", os.TempDir()} {
		if path := filepath.Join(base, name); reachable(path, as) {
			return path, nil
		}
	}
	return "", closedTo(as, abs)
}

func closedTo(as account, path string) error {
	return fmt.Errorf("the account with uid %d, as which PostgreSQL would run, can not get to %s: "+
		"every folder above it has to be open to it (chmod o+x), or choose another folder", as.uid, path)
}

// reachable reports whether an account may pass through every folder above
// path. Folders that do not exist yet will be made open.
func reachable(path string, as account) bool {
	for above := filepath.Dir(path); ; above = filepath.Dir(above) {
		info, err := os.Stat(above)
		if err == nil && !passable(info, as) || err != nil && !errors.Is(err, fs.ErrNotExist) {
			return false
		}
		if above == filepath.Dir(above) {
			return true
		}
	}
}

func passable(info fs.FileInfo, as account) bool {
	owner := info.Sys().(*syscall.Stat_t)
	needed := fs.FileMode(0o001)
	switch {
	case int(owner.Uid) == as.uid:
		needed = 0o100
	case int(owner.Gid) == as.gid:
		needed = 0o010
	}
	return info.IsDir() && info.Mode().Perm()&needed != 0
}
