package sshd

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

var errNotAuthorized = errors.New("the key is not authorized")

func (s *Server) converse(c net.Conn) {
	system := s.running()
	if system == nil {
		abort(c)
		return
	}
	_ = c.SetDeadline(time.Now().Add(handshakeTime))
	config := &ssh.ServerConfig{ServerVersion: "SSH-2.0-OpenSSH_9.2", MaxAuthTries: 6, PublicKeyCallback: system.authorize}
	config.AddHostKey(system.HostKey)
	conn, channels, requests, err := ssh.NewServerConn(c, config)
	if err != nil {
		return
	}
	defer conn.Close()
	_ = c.SetDeadline(time.Now().Add(sessionTime))
	s.inside.Go(func() { ssh.DiscardRequests(requests) })
	for opened := 0; ; opened++ {
		wanted, more := <-channels
		switch {
		case !more:
			return
		case wanted.ChannelType() != "session":
			_ = wanted.Reject(ssh.UnknownChannelType, "sessions only")
			continue
		case opened >= maxSessions:
			_ = wanted.Reject(ssh.ResourceShortage, "too many sessions")
			continue
		}
		channel, asked, err := wanted.Accept()
		if err != nil {
			return
		}
		s.inside.Go(func() { s.session(system, channel, asked) })
	}
}

func (y *System) authorize(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
	for _, line := range y.Keys {
		known, _, _, _, err := ssh.ParseAuthorizedKey([]byte(line))
		if err == nil && bytes.Equal(known.Marshal(), key.Marshal()) {
			return &ssh.Permissions{}, nil
		}
	}
	return nil, errNotAuthorized
}

// session answers the one command of a session.
func (s *Server) session(y *System, channel ssh.Channel, asked <-chan *ssh.Request) {
	defer channel.Close()
	for r := range asked {
		if r.Type != "exec" {
			_ = r.Reply(r.Type == "env", nil) // there is no terminal
			continue
		}
		var command struct{ Line string }
		if ssh.Unmarshal(r.Payload, &command) != nil || s.running() == nil {
			_ = r.Reply(false, nil)
			return
		}
		_ = r.Reply(true, nil)
		text, status := y.answer(command.Line, s.now())
		if status == 0 {
			_, _ = channel.Write([]byte(text))
		} else {
			_, _ = channel.Stderr().Write([]byte(text))
		}
		_, _ = channel.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{status}))
		return
	}
}

// answers are all that a machine tells.
var answers = map[string]func(*System, time.Time) string{
	"true":              func(*System, time.Time) string { return "" },
	"hostname":          func(y *System, _ time.Time) string { short, _, _ := strings.Cut(y.HostName, "."); return short + "\n" },
	"hostname -f":       func(y *System, _ time.Time) string { return y.HostName + "\n" },
	"cat /proc/cmdline": func(y *System, _ time.Time) string { return y.CommandLine + "\n" },
	"uptime": func(y *System, now time.Time) string {
		return fmt.Sprintf(" %s up %d min, 1 user, load average: 0.00, 0.00, 0.00\n", now.UTC().Format(time.TimeOnly), int(now.Sub(y.Since).Minutes()))
	},
	"cat /proc/uptime": func(y *System, now time.Time) string {
		seconds := now.Sub(y.Since).Seconds()
		return fmt.Sprintf("%.2f %.2f\n", seconds, seconds)
	},
}

const notFound = 127 // as shells say it

func (y *System) answer(command string, now time.Time) (text string, status uint32) {
	f, known := answers[strings.Join(strings.Fields(command), " ")]
	if !known {
		return "this simulated machine answers hostname, uptime and cat /proc/cmdline only\n", notFound
	}
	return f(y, now), 0
}
