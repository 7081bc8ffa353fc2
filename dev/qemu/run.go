package qemu

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// run is QEMU's process from power on to power off.
type run struct {
	cmd     *exec.Cmd
	words   *bytes.Buffer // what QEMU itself said
	monitor *monitor
	guard   *exec.Cmd
	over    chan struct{} // closed when the machine knows
	// unplugged says that it was ended on purpose: the machine's lock guards it.
	unplugged bool
}

// answerWithin is how long QEMU may take until it answers its monitor. It has
// then set up the guest, or has said why not.
const answerWithin = 20 * time.Second

// guardScript ends QEMU if we end without having done so: its standard input is
// a pipe that only we hold open.
const guardScript = `read -r _; kill -9 "$1"`

func (c Config) launch(b Boot) (*run, error) {
	if b.From == FromMedium && (b.Image == "" || strings.Contains(b.Image, ",")) {
		return nil, fmt.Errorf("the medium %q can not be used", b.Image)
	}
	ours, theirs, err := socketPair()
	if err != nil {
		return nil, err
	}
	r := &run{cmd: exec.Command(emulator, c.arguments(b)...), words: new(bytes.Buffer), over: make(chan struct{})}
	r.cmd.ExtraFiles = []*os.File{theirs} // the guest's descriptor 3
	r.cmd.Stdout, r.cmd.Stderr = r.words, r.words
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	err = r.cmd.Start()
	_ = theirs.Close()
	if err != nil {
		_ = ours.Close()
		return nil, fmt.Errorf("starting %s: %w", emulator, err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), answerWithin)
	defer cancel()
	r.monitor, err = newMonitor(ctx, ours)
	if err == nil {
		err = r.setGuard()
	}
	if err != nil {
		_ = r.cmd.Process.Kill()
		_ = r.cmd.Wait()
		return nil, fmt.Errorf("starting the machine %s: %w: %s", c.Name, err, strings.TrimSpace(r.words.String()))
	}
	return r, nil
}

func (r *run) setGuard() error {
	r.guard = exec.Command("/bin/sh", "-c", guardScript, "qemu-guard", strconv.Itoa(r.cmd.Process.Pid))
	r.guard.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if _, err := r.guard.StdinPipe(); err != nil {
		return err
	}
	return r.guard.Start()
}

// wait returns when QEMU has ended, and whether the guest had restarted itself.
func (r *run) wait() (restarted bool) {
	reason := r.monitor.shutdownReason()
	// The guard goes first: after Wait the pid could be another process's.
	_ = r.guard.Process.Kill()
	_ = r.guard.Wait()
	_ = r.cmd.Wait()
	r.monitor.close()
	return reason == "guest-reset"
}

// unplug ends QEMU at once and returns when that is so.
func (r *run) unplug() {
	_ = r.cmd.Process.Kill()
	<-r.over
}

// socketPair is two ends of a Unix socket: ours, and one for a child.
func socketPair() (net.Conn, *os.File, error) {
	// No child may be forked before both ends are marked as not for it.
	syscall.ForkLock.RLock()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(fds[0])
		syscall.CloseOnExec(fds[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, nil, err
	}
	mine := os.NewFile(uintptr(fds[0]), "monitor")
	defer mine.Close() //nolint:errcheck // FileConn has a copy
	theirs := os.NewFile(uintptr(fds[1]), "monitor")
	conn, err := net.FileConn(mine)
	if err != nil {
		_ = theirs.Close()
		return nil, nil, err
	}
	return conn, theirs, nil
}
