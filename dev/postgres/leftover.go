package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// stopLeftover stops the server that a killed process left on our data. That
// no living process has it is certain: we hold the folder's lock.
func (h *home) stopLeftover(ctx context.Context, log *slog.Logger) error {
	pid, ok := h.postmasterPid()
	if !ok {
		return nil
	}
	if !h.serves(pid) {
		// PostgreSQL would take any living process of that pid for a server.
		return h.root.Remove(postmasterFile)
	}
	log.Info("stopping the PostgreSQL server that a killed process left behind", "pid", pid, "data", h.data())
	for _, how := range []struct {
		signal  syscall.Signal
		timeout time.Duration
	}{{syscall.SIGINT, startTimeout}, {syscall.SIGQUIT, hardTimeout}, {syscall.SIGKILL, hardTimeout}} {
		if err := syscall.Kill(pid, how.signal); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("stopping the server with pid %d: %w", pid, err)
		}
		if h.gone(ctx, pid, how.timeout) {
			return nil
		}
	}
	return fmt.Errorf("the server with pid %d does not stop: end it by hand", pid)
}

func (h *home) gone(ctx context.Context, pid int, timeout time.Duration) bool {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	for h.serves(pid) {
		select {
		case <-ctx.Done():
			return false
		case <-time.After(pollEvery):
		}
	}
	return true
}

// postmasterPid reads the pid of the server that has, or had, the data.
func (h *home) postmasterPid() (int, bool) {
	text, err := h.read(postmasterFile)
	if err != nil {
		return 0, false
	}
	first, _, _ := strings.Cut(text, "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(first))
	return pid, err == nil && pid > 1
}

// serves reports whether that process is a server on our data. After a crash of
// the machine the pid may be anybody's.
func (h *home) serves(pid int) bool {
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if errors.Is(err, os.ErrNotExist) {
		line, err = exec.Command("ps", "-ww", "-o", "args=", "-p", strconv.Itoa(pid)).Output()
	}
	return err == nil && bytes.Contains(line, []byte("postgres")) && bytes.Contains(line, []byte(h.data()))
}
