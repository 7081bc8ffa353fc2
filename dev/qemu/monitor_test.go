package qemu

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// peer is QEMU's end of the conversation: it greets, and answers each command
// with the lines that the test has for it.
func peer(t *testing.T, conn net.Conn, answers map[string]string) {
	t.Helper()
	_, _ = conn.Write([]byte(`{"QMP": {"version": {}, "capabilities": []}}` + "\n"))
	decoder := json.NewDecoder(conn)
	for {
		var asked struct {
			Execute string `json:"execute"`
			ID      int    `json:"id"`
		}
		if decoder.Decode(&asked) != nil {
			return
		}
		answer, ok := answers[asked.Execute]
		if !ok {
			answer = `{"return": {}, "id": ID}`
		}
		if answer == "" {
			_ = conn.Close()
			return
		}
		id, _ := json.Marshal(asked.ID)
		_, _ = conn.Write([]byte(strings.ReplaceAll(answer, "ID", string(id)) + "\n"))
	}
}

func TestMonitor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		go peer(t, theirs, map[string]string{
			"good":   `{"event": "RESUME"} {"return": {"status": "running"}, "id": ID}`,
			"bad":    `{"error": {"class": "CommandNotFound", "desc": "no such thing"}, "id": ID}`,
			"silent": `{"event": "STOP"}`,
			"last":   "",
			"ends":   `{"event": "SHUTDOWN", "data": {"guest": true, "reason": "guest-reset"}} {"return": {}, "id": ID}`,
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		m, err := newMonitor(ctx, ours)
		if err != nil {
			t.Fatal(err)
		}
		var status struct{ Status string }
		if err := m.execute(ctx, "good", &status); err != nil || status.Status != "running" {
			t.Errorf("%v, %+v", err, status)
		}
		if err := m.execute(ctx, "bad", nil); err == nil || !strings.Contains(err.Error(), "no such thing") {
			t.Errorf("an error of QEMU: %v", err)
		}
		short, cancelShort := context.WithTimeout(ctx, time.Second)
		defer cancelShort()
		if err := m.execute(short, "silent", nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("no answer: %v", err)
		}
		if err := m.execute(ctx, "ends", nil); err != nil {
			t.Error(err)
		}
		if err := m.execute(ctx, "last", nil); !errors.Is(err, errGone) {
			t.Errorf("hung up on: %v", err)
		}
		if reason := m.shutdownReason(); reason != "guest-reset" {
			t.Errorf("the reason is %q", reason)
		}
		m.close()
	})
}

func TestMonitor_withoutGreeting(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := newMonitor(ctx, ours); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a silent peer: %v", err)
		}
		_ = theirs.Close()
	})
}
