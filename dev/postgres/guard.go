package postgres

import (
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"sync"
)

// guard is a process that stops the server if we end without having done so,
// even by SIGKILL: its standard input is a pipe that only we hold open.
type guard struct {
	stdin   io.Closer // held open until we end, however that happens
	dismiss func()    // ends the guard without letting it act
}

// guardScript gets the server's pid, the signal to stop it with, and what to
// remove afterwards. The pid can not have passed to another process: while we
// live we have not waited for the server, or the guard is gone.
const guardScript = `
read -r _
kill -s "$2" "$1" 2>/dev/null
n=0
while kill -0 "$1" 2>/dev/null && [ "$n" -lt 300 ]; do sleep 0.1; n=$((n + 1)); done
[ -z "$3" ] || rm -rf "$3"
`

func newGuard(h *home, pid int, throwaway bool) (*guard, error) {
	signal, remove := "INT", ""
	if throwaway {
		signal, remove = "QUIT", h.path
	}
	cmd := exec.Command("/bin/sh", "-c", guardScript, "postgres-guard", strconv.Itoa(pid), signal, remove)
	cmd.Dir, cmd.Env, cmd.SysProcAttr = "/", environment(), h.as.attributes()
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the guard of the server: %w", err)
	}
	return &guard{stdin: stdin, dismiss: sync.OnceFunc(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // closes its input only after it is dead
	})}, nil
}
