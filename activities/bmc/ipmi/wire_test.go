package ipmi

import (
	"testing"

	"github.com/bougou/go-ipmi/pkg/crypto"
	"github.com/bougou/go-ipmi/pkg/types"
)

// inSession is a connection whose session has known keys.
func inSession() *guardedConn {
	return &guardedConn{
		asked:     suite{types.AuthAlg_HMAC_SHA256, types.IntegrityAlg_HMAC_SHA256_128, types.CryptAlg_AES_CBC_128},
		consoleID: 0xa0a1a2a3, k1: make([]byte, 32), k2: make([]byte, 32),
	}
}

// sealed is a datagram as a BMC with the session's keys makes it.
func sealed(t testing.TB, g *guardedConn, body []byte) []byte {
	t.Helper()
	d := append([]byte{6, 0, 0xff, 7, 6, 0xc0, 0xa3, 0xa2, 0xa1, 0xa0, 1, 0, 0, 0, byte(len(body)), byte(len(body) >> 8)}, body...)
	pad := types.IntegrityPadLen(sessionHeaderLen, len(body))
	for range pad {
		d = append(d, 0xff)
	}
	d = append(d, byte(pad), 7)
	code, err := crypto.SessionIntegrityAuthCode(g.asked.integrity, d[rmcpHeaderLen:], g.k1, "")
	if err != nil {
		t.Fatal(err)
	}
	return append(d, code...)
}

func encrypted(t testing.TB, g *guardedConn, plain []byte) []byte {
	t.Helper()
	body, err := crypto.EncryptAESPayload(plain, g.k2, make([]byte, blockLen))
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func TestGuard_LetsThrough(t *testing.T) {
	t.Parallel()
	g := inSession()
	good := sealed(t, g, encrypted(t, g, make([]byte, 12)))
	if !g.fits(good) {
		t.Fatal("an answer with the session's keys is dropped")
	}
	flipped := func(i int) []byte {
		d := append([]byte(nil), good...)
		d[i] ^= 1
		return d
	}
	badPad, err := crypto.EncryptAES(append(make([]byte, 15), 0xff), g.k2[:16], make([]byte, blockLen))
	if err != nil {
		t.Fatal(err)
	}
	for name, d := range map[string][]byte{
		"other session":             flipped(6),
		"changed payload":           flipped(20),
		"changed code":              flipped(len(good) - 1),
		"not encrypted":             flipped(5),
		"cut":                       good[:len(good)-1],
		"padding beyond its length": sealed(t, g, append(make([]byte, blockLen), badPad...)),
		"no message in it":          sealed(t, g, encrypted(t, g, nil)),
		"half a block":              sealed(t, g, make([]byte, 24)),
		"no block":                  sealed(t, g, nil),
	} {
		if g.fits(d) {
			t.Errorf("%s: let through", name)
		}
	}
}

// FuzzDatagram: whatever comes in is judged without breaking, and what is let
// through decrypts without breaking too.
func FuzzDatagram(f *testing.F) {
	g := inSession()
	f.Add(sealed(f, g, encrypted(f, g, make([]byte, 12))), byte(0))
	f.Add([]byte{6, 0, 0xff, 7, 6, 0x11, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 4}, byte(types.PayloadTypeRmcpOpenSessionRequest))
	f.Add([]byte{6, 0, 0xff, 7, 6, 0x13, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, byte(types.PayloadTypeRAKPMessage1))
	f.Fuzz(func(t *testing.T, d []byte, sent byte) {
		g := inSession()
		g.sent = types.PayloadType(sent)
		if !g.fits(d) {
			return
		}
		buf := make([]byte, 4096)
		n := fillRefusal(buf, copy(buf, d))
		var rmcp types.Rmcp
		if err := rmcp.Unpack(buf[:n]); err != nil {
			t.Logf("go-ipmi refuses it: %v", err)
		}
	})
}
