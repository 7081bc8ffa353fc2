package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/handrail/handrail/activities/desk/signature"
)

// devPolicy is the policy that dev starts with: as shipped, but for machines
// that take seconds.
const devPolicy = `# Policy of this dev. activities/policy/policy.toml explains every key.
provider = "Handrail Hosting"
duty = "duty@handrail.example"
queue_poll = "2s"

[power]
off_wait = "20s"
act_wait = "15s"
poll = "500ms"

[install]
boot = "1m"
stall = "45s"
answer = "45s"
look = "2s"
whole = "10m"
`

// announce says what runs where and what to try next.
func (s *system) announce(w io.Writer, took time.Duration) {
	s.places(w, took)
	fmt.Fprint(w, tips)
}

// places says what runs where.
func (s *system) places(w io.Writer, took time.Duration) {
	p := s.config.ports
	fmt.Fprintf(w, "\nHandrail is ready after %s.\n\n", took.Round(100*time.Millisecond))
	t := tabwriter.NewWriter(w, 2, 0, 2, ' ', 0)
	for _, line := range [][2]string{
		{"Temporal UI: start and steer procedures", "http://" + loopback(p.temporalUI)},
		{"Ticket desk: be the customer", s.desk.URL()},
		{"Mailbox: what was mailed", s.mailbox.URL()},
		{"Data centre: its servers and their faults", s.center.ControlURL() + "/servers"},
		{"Gateway; for machines that boot over the network", s.gatewayAt + ", " + loopback(p.boot)},
		{"Temporal (gRPC, HTTP API)", loopback(p.temporal) + ", " + loopback(p.temporalHTTP)},
		{"PostgreSQL", withoutPassword(s.url)},
		{"Data, log", s.config.dir},
	} {
		fmt.Fprintf(t, "  %s\t%s\n", line[0], line[1])
	}
	t.Flush() //nolint:errcheck,gosec // the terminal is gone
}

const tips = `
Try:
  go run ./starter list                       what is under way
  go run ./starter show 1002 --watch          the one that waits for its customer
  write on ticket 1002 at the desk            and see it go on
  go run ./starter power 1002 cycle --by you  once it is at work

Ctrl-C stops everything; the next start carries on. -fresh forgets.

`

func withoutPassword(url string) string {
	user, rest, ok := strings.Cut(url, "@")
	if !ok {
		return url
	}
	scheme, login, _ := strings.Cut(user, "://")
	name, _, _ := strings.Cut(login, ":")
	return scheme + "://" + name + "@" + rest
}

// deskSecret is what gateway, worker and desk share, made at the first start.
func (s *system) deskSecret() (signature.Secret, error) {
	b, err := os.ReadFile(s.path("desk-secret"))
	if errors.Is(err, fs.ErrNotExist) {
		b = []byte(rand.Text())
		err = os.WriteFile(s.path("desk-secret"), b, 0o600)
	}
	return signature.Secret(b), err
}

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

func splitPort(address string) (host string, port int, err error) {
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, err
	}
	port, err = strconv.Atoi(text)
	return host, port, err
}
