package datacenter

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/handrail/handrail/dev/datacenter/chassis"
	"github.com/handrail/handrail/dev/datacenter/computer"
)

const stateVersion = 1

// state is what a restart keeps. It holds passwords and keys of simulated
// BMCs and machines, so its file is readable by its owner only.
type state struct {
	Version  int                     `json:"version"`
	CA       identity                `json:"ca"`
	Machines map[string]machineState `json:"machines"`
}

type machineState struct {
	Identity identity      `json:"identity"`
	Password string        `json:"password"`
	Chassis  chassis.State `json:"chassis"`
	// Computer is nil in a state that was written before machines had disks.
	Computer *computer.State `json:"computer,omitempty"`
}

func readState(file string) (state, error) {
	if file == "" {
		return state{}, nil
	}
	raw, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return state{}, nil
	}
	if err != nil {
		return state{}, fmt.Errorf("read the state of the data centre: %w", err)
	}
	var s state
	if err := json.Unmarshal(raw, &s); err != nil {
		return state{}, fmt.Errorf("the state of the data centre in %s is damaged (%w): delete it to begin afresh", file, err)
	}
	if s.Version != stateVersion {
		return state{}, fmt.Errorf("the state of the data centre in %s has version %d, not %d: delete it to begin afresh", file, s.Version, stateVersion)
	}
	return s, nil
}

// keeper writes the state some moments after it changed, and when it is closed.
type keeper struct {
	file  string
	log   *slog.Logger
	state func() state

	dirty   chan struct{}
	done    chan struct{}
	running sync.WaitGroup
}

// settleTime is how long changes are gathered before they are written.
const settleTime = 50 * time.Millisecond

func newKeeper(file string, log *slog.Logger, s func() state) *keeper {
	return &keeper{file: file, log: log, state: s, dirty: make(chan struct{}, 1), done: make(chan struct{})}
}

func (k *keeper) changed() {
	select {
	case k.dirty <- struct{}{}:
	default:
	}
}

func (k *keeper) start() {
	k.changed()
	k.running.Go(func() {
		for {
			select {
			case <-k.done:
				return
			case <-k.dirty:
			}
			select {
			case <-k.done:
				return
			case <-time.After(settleTime):
			}
			if err := k.write(); err != nil {
				k.log.Error("the state of the data centre is not kept", "error", err)
			}
		}
	})
}

// abandon makes close keep the file as it is: the center never ran.
func (k *keeper) abandon() { k.file = "" }

func (k *keeper) close() error {
	close(k.done)
	k.running.Wait()
	return k.write()
}

// write replaces the file in one step.
func (k *keeper) write() error {
	if k.file == "" {
		return nil
	}
	raw, err := json.MarshalIndent(k.state(), "", "\t")
	if err != nil {
		return fmt.Errorf("write the state of the data centre: %w", err)
	}
	if err := replaceFile(k.file, raw); err != nil {
		return fmt.Errorf("write the state of the data centre: %w", err)
	}
	return nil
}

// replaceFile writes a file that only its owner may read, so that it is there
// whole or as it was.
func replaceFile(file string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".*") // 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // fails once it is renamed
	_, err = f.Write(content)
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), file)
}
