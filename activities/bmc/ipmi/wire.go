package ipmi

import (
	"crypto/subtle"
	"encoding/binary"
	"net"
	"sync"
	"time"

	"github.com/bougou/go-ipmi/pkg/crypto"
	"github.com/bougou/go-ipmi/pkg/types"
)

// dialer gives go-ipmi a connection that lets through only datagrams that
// belong to the exchange under way. go-ipmi itself takes any datagram: it does
// not verify the integrity code of what it receives, and it decrypts in a
// goroutine of its own, where a wrong length or padding ends the whole process.
type dialer struct {
	address, user, password string
	timeout                 time.Duration
}

// Dial connects to the BMC; go-ipmi's idea of the address is not used, as it
// can not write one of IPv6.
func (d *dialer) Dial(_, _ string) (net.Conn, error) {
	conn, err := net.DialTimeout("udp", d.address, d.timeout)
	if err != nil {
		return nil, err
	}
	return &guardedConn{Conn: conn, user: d.user, password: d.password}, nil
}

// Offsets and sizes of IPMI v2.0, sections 13.6, 13.17 to 13.24 and 13.28.4.
const (
	rmcpHeaderLen    = 4
	sessionHeaderLen = 12
	payloadStart     = rmcpHeaderLen + sessionHeaderLen
	rmcpClassIPMI    = 0x07
	flagEncrypted    = 0x80
	flagAuthentic    = 0x40
	payloadTypeMask  = 0x3f
	blockLen         = 16
	minIPMIMessage   = 8
	refusalLen       = 8 // tables 13-15, 13-18 and 13-20
)

// answers tells which payload answers which request of the set-up of a session.
var answers = map[types.PayloadType]types.PayloadType{
	types.PayloadTypeRmcpOpenSessionRequest: types.PayloadTypeRmcpOpenSessionResponse,
	types.PayloadTypeRAKPMessage1:           types.PayloadTypeRAKPMessage2,
	types.PayloadTypeRAKPMessage3:           types.PayloadTypeRAKPMessage4,
}

// suite is what a session was asked for.
type suite struct {
	auth      types.AuthAlg
	integrity types.IntegrityAlg
	crypt     types.CryptAlg
}

// guardedConn follows the set-up of a session in both directions, so that it
// has the session's keys and can verify what comes in.
type guardedConn struct {
	net.Conn
	user, password string

	mu          sync.Mutex
	sent        types.PayloadType // of the last request
	asked       suite
	consoleID   uint32
	consoleRand []byte
	role        byte
	k1, k2      []byte
}

// Write notes what the request starts and sends it.
func (g *guardedConn) Write(p []byte) (int, error) {
	g.mu.Lock()
	g.follow(p)
	g.mu.Unlock()
	return g.Conn.Write(p)
}

// Read returns the next datagram that fits; others are dropped. It ends, as
// always, at the deadline of the connection.
func (g *guardedConn) Read(p []byte) (int, error) {
	for {
		n, err := g.Conn.Read(p)
		if err != nil {
			return n, err
		}
		g.mu.Lock()
		fits := g.fits(p[:n])
		g.mu.Unlock()
		if fits {
			return fillRefusal(p, n), nil
		}
	}
}

// fillRefusal brings a refusal of a session to the length that it should have:
// ipmi_sim cuts it after the status, which go-ipmi does not read then.
func fillRefusal(p []byte, n int) int {
	d, _ := parse(p[:n])
	if d.payload == types.PayloadTypeIPMI || len(d.body) >= refusalLen || len(p) < payloadStart+refusalLen {
		return n
	}
	clear(p[payloadStart+len(d.body) : payloadStart+refusalLen])
	binary.LittleEndian.PutUint16(p[payloadStart-2:], refusalLen)
	return payloadStart + refusalLen
}

// datagram is a parsed RMCP+ datagram.
type datagram struct {
	flags     byte
	payload   types.PayloadType
	sessionID uint32
	body      []byte // the payload
	session   []byte // from the session header on, trailer included
}

func parse(p []byte) (datagram, bool) {
	if len(p) < payloadStart || p[0] != types.RmcpVersion || p[3] != rmcpClassIPMI || p[rmcpHeaderLen] != byte(types.AuthTypeRMCPPlus) {
		return datagram{}, false
	}
	kind := p[rmcpHeaderLen+1]
	length := int(binary.LittleEndian.Uint16(p[payloadStart-2:]))
	if len(p) < payloadStart+length {
		return datagram{}, false
	}
	return datagram{
		flags:     kind &^ payloadTypeMask,
		payload:   types.PayloadType(kind & payloadTypeMask),
		sessionID: binary.LittleEndian.Uint32(p[rmcpHeaderLen+2:]),
		body:      p[payloadStart : payloadStart+length],
		session:   p[rmcpHeaderLen:],
	}, true
}

// follow notes a request of ours. They are well formed.
func (g *guardedConn) follow(p []byte) {
	d, ok := parse(p)
	if !ok {
		return
	}
	g.sent = d.payload
	switch d.payload {
	case types.PayloadTypeRmcpOpenSessionRequest:
		g.k1, g.k2 = nil, nil
		g.consoleID = binary.LittleEndian.Uint32(d.body[4:])
		g.asked = suite{types.AuthAlg(d.body[12]), types.IntegrityAlg(d.body[20]), types.CryptAlg(d.body[28])}
	case types.PayloadTypeRAKPMessage1:
		g.consoleRand = append([]byte(nil), d.body[8:24]...)
		g.role = d.body[24]
	}
}

// fits reports whether a datagram answers the last request.
func (g *guardedConn) fits(p []byte) bool {
	d, ok := parse(p)
	if !ok {
		return false
	}
	if wanted, settingUp := answers[g.sent]; settingUp {
		return d.payload == wanted && d.flags == 0 && d.sessionID == 0 && g.fitsSetUp(d)
	}
	return d.payload == types.PayloadTypeIPMI && d.sessionID == g.consoleID && g.authentic(d) && g.decryptable(d)
}

// fitsSetUp checks a message of the set-up and derives the keys on the way.
// Who answers with weaker algorithms than were asked for is not answered.
func (g *guardedConn) fitsSetUp(d datagram) bool {
	if len(d.body) < 2 {
		return false
	}
	if types.RmcpStatusCode(d.body[1]) != types.RmcpStatusCodeNoErrors {
		return true
	}
	switch d.payload {
	case types.PayloadTypeRmcpOpenSessionResponse:
		return len(d.body) >= 36 && g.asked == suite{types.AuthAlg(d.body[16]), types.IntegrityAlg(d.body[24]), types.CryptAlg(d.body[32])}
	case types.PayloadTypeRAKPMessage2:
		if len(d.body) < 40 {
			return false
		}
		var err error
		_, g.k1, g.k2, err = crypto.DeriveSessionKeys(g.asked.auth, g.consoleRand, d.body[8:24], g.role, g.user, crypto.PadPassword20([]byte(g.password)))
		return err == nil
	}
	return len(d.body) >= refusalLen
}

// authentic verifies the integrity code over everything before it.
func (g *guardedConn) authentic(d datagram) bool {
	codeLen, ok := crypto.IntegrityAuthCodeLen(g.asked.integrity)
	if !ok || codeLen == 0 || g.k1 == nil || d.flags != flagEncrypted|flagAuthentic {
		return false
	}
	covered := sessionHeaderLen + len(d.body)
	covered += types.IntegrityPadLen(sessionHeaderLen, len(d.body)) + 2 // pad length, next header
	if len(d.session) < covered+codeLen {
		return false
	}
	code, err := crypto.SessionIntegrityAuthCode(g.asked.integrity, d.session[:covered], g.k1, "")
	return err == nil && subtle.ConstantTimeCompare(code, d.session[covered:covered+codeLen]) == 1
}

// decryptable tells whether the payload decrypts to a message, so that even a
// BMC that knows the keys can not send one that breaks go-ipmi.
func (g *guardedConn) decryptable(d datagram) bool {
	if g.asked.crypt != types.CryptAlg_AES_CBC_128 || len(d.body) < 2*blockLen || len(d.body)%blockLen != 0 {
		return false
	}
	plain, err := crypto.DecryptAESPayload(d.body, g.k2)
	return err == nil && len(plain) >= minIPMIMessage
}
