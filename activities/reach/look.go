package reach

import (
	"cmp"
	"context"
	"errors"
	"net"
	"slices"
	"time"

	"golang.org/x/crypto/ssh"
)

// look is what came of asking a system for its keys.
type look struct {
	where  place
	keys   []ssh.PublicKey
	banner string
	// err is why it ended before all that was asked for.
	err error
}

// look asks for a key of each family in turn, each over a connection of its own,
// until one is enough.
func (a *Activities) look(ctx context.Context, where place, asked [][]string, enough func(ssh.PublicKey) bool) look {
	l := look{where: where}
	for _, algorithms := range asked {
		key, banner, err := a.shake(ctx, where, algorithms)
		l.banner = cmp.Or(l.banner, banner)
		switch {
		case errors.Is(err, errNoneOfThem):
			continue
		case err != nil:
			l.err = err
			return l
		}
		l.keys = append(l.keys, key)
		if enough(key) {
			return l
		}
	}
	return l
}

func (l look) seen(keys []ssh.PublicKey) Seen {
	s := Seen{Banner: l.banner, Partial: l.err != nil, At: time.Now().UTC()}
	for _, k := range keys {
		s.Keys = append(s.Keys, authorized(k))
	}
	return s
}

func (l look) fault() error {
	if l.err != nil {
		return l.err
	}
	return l.where.unreachable("the SSH server at %s has no host key of a usual kind (ed25519, ecdsa, rsa)", nil)
}

var (
	// errNoneOfThem is a server without a key of the kinds that were asked for.
	errNoneOfThem = errors.New("no host key of these kinds")
	// errShown ends a handshake where all that is wanted is known.
	errShown = errors.New("the host key is shown")
)

// keyExchanges are those that are safe, without the one in which the server
// chooses numbers for us to calculate with.
var keyExchanges = slices.DeleteFunc(ssh.SupportedAlgorithms().KeyExchanges, func(k string) bool { return k == ssh.KeyExchangeDHGEXSHA256 })

// shake begins an SSH handshake and ends it when the server has shown a host key
// of one of the algorithms and proved, by its signature under the key exchange,
// that it holds it. Nobody logs in. The error is errNoneOfThem or a fault.
func (a *Activities) shake(ctx context.Context, where place, algorithms []string) (key ssh.PublicKey, banner string, err error) {
	conn, err := a.dial(ctx, "tcp", where.dial)
	if err != nil {
		return nil, "", where.notConnected(err, a.config.Timeout)
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return nil, "", where.notConnected(err, a.config.Timeout)
		}
	}
	shown := make(chan ssh.PublicKey, 1)
	heard := &ear{Conn: conn}
	_, _, _, err = ssh.NewClientConn(heard, where.dial, &ssh.ClientConfig{
		Config:            ssh.Config{KeyExchanges: keyExchanges},
		ClientVersion:     "SSH-2.0-Handrail",
		HostKeyAlgorithms: algorithms,
		HostKeyCallback: func(_ string, _ net.Addr, key ssh.PublicKey) error {
			select {
			case shown <- key:
			default:
			}
			return errShown
		},
	})
	select {
	case key := <-shown:
		return key, heard.banner(), nil
	default:
	}
	if n, ok := errors.AsType[*ssh.AlgorithmNegotiationError](err); ok && n.What == "host key" {
		return nil, heard.banner(), errNoneOfThem
	}
	return nil, heard.banner(), where.notShown(ctx, heard, err, a.config.Timeout)
}
