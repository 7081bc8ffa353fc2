package postgres

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// process is a running server with its guard.
type process struct {
	cmd   *exec.Cmd
	guard *guard
	done  chan struct{}
	kill  func()
}

// watch puts a guard beside the server and notices when it ends.
func (c *Cluster) watch(cmd *exec.Cmd) (*process, error) {
	p := &process{cmd: cmd, done: make(chan struct{})}
	p.kill = sync.OnceFunc(func() {
		_ = cmd.Process.Signal(syscall.SIGQUIT) // it may have ended by itself
		select {
		case <-p.done:
		case <-time.After(hardTimeout):
			_ = cmd.Process.Kill()
			<-p.done
		}
	})
	var err error
	if p.guard, err = newGuard(c.home, cmd.Process.Pid, c.opts.Throwaway); err != nil {
		_ = cmd.Process.Kill()
		return nil, errors.Join(err, cmd.Wait())
	}
	go func() {
		_ = cmd.Wait() // how it ended stands in its log
		p.guard.dismiss()
		close(p.done)
	}()
	return p, nil
}

// stop is a fast shutdown; where ctx ends first, an immediate one.
func (p *process) stop(ctx context.Context) error {
	if err := p.cmd.Process.Signal(syscall.SIGINT); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-p.done:
		return nil
	case <-ctx.Done():
		p.kill()
		return fmt.Errorf("PostgreSQL did not shut down in time and was stopped the hard way: %w", ctx.Err())
	}
}
