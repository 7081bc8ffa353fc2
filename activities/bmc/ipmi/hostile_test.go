package ipmi_test

import (
	"context"
	"crypto/rand"
	"net"
	"testing"
	"time"

	"github.com/handrail/handrail/activities/bmc/board"
	"github.com/handrail/handrail/activities/bmc/internal/ipmisim"
	"github.com/handrail/handrail/activities/bmc/ipmi"
	"github.com/handrail/handrail/hosting"
)

// listen runs a UDP service that answers with what reply returns.
func listen(t *testing.T, reply func(request []byte) [][]byte) string {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go func() {
		buf := make([]byte, 4096)
		for {
			n, from, err := conn.ReadFromUDP(buf)
			if err != nil {
				return
			}
			for _, answer := range reply(buf[:n]) {
				_, _ = conn.WriteToUDP(answer, from)
			}
		}
	}()
	return conn.LocalAddr().String()
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return b
}

// rmcpPlus is a datagram of a payload type (with its flags) in a session.
func rmcpPlus(kind byte, session [4]byte, body []byte) []byte {
	head := []byte{6, 0, 0xff, 7, 6, kind, session[0], session[1], session[2], session[3], 0, 0, 0, 0, byte(len(body)), byte(len(body) >> 8)}
	return append(head, body...)
}

var outside = [4]byte{}

func TestHostile_Answers(t *testing.T) {
	t.Parallel()
	limits := ipmi.Limits{Request: 2 * time.Second, Datagram: 150 * time.Millisecond, Repeats: 1}
	cases := map[string]func([]byte) [][]byte{
		"silence":     func([]byte) [][]byte { return nil },
		"empty":       func([]byte) [][]byte { return [][]byte{{}} },
		"noise":       func([]byte) [][]byte { return [][]byte{random(1), random(20), random(1400)} },
		"echo":        func(request []byte) [][]byte { return [][]byte{request} },
		"header only": func([]byte) [][]byte { return [][]byte{{6, 0, 0xff, 7}} },
		"ASF pong":    func([]byte) [][]byte { return [][]byte{{6, 0, 0xff, 6, 0, 0, 0x11, 0xbe, 0x40, 0, 0, 16}} },
		"length too long": func([]byte) [][]byte {
			d := rmcpPlus(0x11, outside, random(36))
			d[14], d[15] = 0xff, 0xff
			return [][]byte{d}
		},
		"no algorithms":   func([]byte) [][]byte { return [][]byte{rmcpPlus(0x11, outside, make([]byte, 36))} },
		"short open":      func([]byte) [][]byte { return [][]byte{rmcpPlus(0x11, outside, make([]byte, 9))} },
		"odd status":      func([]byte) [][]byte { return [][]byte{rmcpPlus(0x11, outside, []byte{0, 0xee})} },
		"encrypted noise": func([]byte) [][]byte { return [][]byte{rmcpPlus(0xc0, [4]byte{0xa3, 0xa2, 0xa1, 0xa0}, random(32))} },
		"open, then noise": func(request []byte) [][]byte {
			if request[5] == 0x10 { // takes what was asked for
				body := make([]byte, 36)
				copy(body[4:8], request[20:24])
				copy(body[12:36], request[24:48])
				return [][]byte{rmcpPlus(0x11, outside, body)}
			}
			return [][]byte{rmcpPlus(0x13, outside, random(60)), rmcpPlus(0x13, outside, append([]byte{0, 0}, random(70)...))}
		},
		"session table full": func([]byte) [][]byte { return [][]byte{rmcpPlus(0x11, outside, []byte{0, 1, 0, 0, 0, 0, 0, 0})} },
	}
	for name, reply := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := ipmi.New(ipmi.Config{Server: "srv-1", Address: listen(t, reply), Login: board.Login{User: "u", Password: "p"}, Limits: limits})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			start := time.Now()
			_, err = c.ReadPower(t.Context())
			if kind := hosting.KindOf(err); kind != hosting.FaultUnreachable && kind != hosting.FaultUnsupported {
				t.Errorf("ReadPower = %v, want Unreachable or Unsupported", err)
			}
			if took := time.Since(start); took > limits.Request+time.Second {
				t.Errorf("took %s", took)
			}
		})
	}
}

func TestHostile_NobodyListens(t *testing.T) {
	t.Parallel()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	address := conn.LocalAddr().String()
	conn.Close()
	c, err := ipmi.New(ipmi.Config{Server: "srv-1", Address: address, Login: board.Login{User: "u", Password: "p"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.ReadPower(t.Context()); hosting.KindOf(err) != hosting.FaultUnreachable {
		t.Errorf("ReadPower = %v", err)
	}
}

// Somebody beside the BMC sends what would break or deceive go-ipmi: noise in
// encrypted form, and forged answers that say "off" in the clear.
func TestHostile_ForgedDatagrams(t *testing.T) {
	t.Parallel()
	sim := ipmisim.Start(t)
	to, err := net.ResolveUDPAddr("udp4", sim.Address)
	if err != nil {
		t.Fatal(err)
	}
	real, err := net.DialUDP("udp4", nil, to)
	if err != nil {
		t.Fatal(err)
	}
	defer real.Close()
	session := [4]byte{0xa3, 0xa2, 0xa1, 0xa0} // go-ipmi's, always
	address := listen(t, func(request []byte) [][]byte {
		var answers [][]byte
		if request[5]&0x3f == 0 { // in the session
			for seq := range byte(64) {
				forged := []byte{0x81, 0x04, 0x7b, 0x20, seq << 2, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00}
				answers = append(answers, rmcpPlus(0x00, session, forged), rmcpPlus(0x40, session, append(forged, random(20)...)))
			}
			for range 20 {
				answers = append(answers, rmcpPlus(0xc0, session, random(32)), rmcpPlus(0xc0, session, random(7)))
			}
		}
		_, _ = real.Write(request)
		buf := make([]byte, 4096)
		_ = real.SetReadDeadline(time.Now().Add(time.Second))
		if n, err := real.Read(buf); err == nil {
			answers = append(answers, buf[:n])
		}
		return answers
	})
	c, err := ipmi.New(ipmi.Config{Server: "srv-1", Address: address, Login: board.Login{User: ipmisim.User, Password: ipmisim.Password}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for range 5 {
		if got, err := c.ReadPower(t.Context()); err != nil || got.State != hosting.PowerOn {
			t.Fatalf("ReadPower = %+v, %v; the machine is on", got, err)
		}
	}
}

// A BMC that stops answering in the middle of a session: a request that was
// sent is unclear, and it was sent once.
func TestHostile_SilentAfterConnect(t *testing.T) {
	t.Parallel()
	sim := ipmisim.Start(t)
	to, err := net.ResolveUDPAddr("udp4", sim.Address)
	if err != nil {
		t.Fatal(err)
	}
	real, err := net.DialUDP("udp4", nil, to)
	if err != nil {
		t.Fatal(err)
	}
	defer real.Close()
	inSession := 0
	address := listen(t, func(request []byte) [][]byte {
		_, _ = real.Write(request)
		buf := make([]byte, 4096)
		_ = real.SetReadDeadline(time.Now().Add(time.Second))
		n, err := real.Read(buf)
		if request[5]&0x3f == 0 {
			if inSession++; inSession > 2 { // privilege and one look
				return nil
			}
		}
		if err != nil {
			return nil
		}
		return [][]byte{buf[:n]}
	})
	c, err := ipmi.New(ipmi.Config{
		Server: "srv-1", Address: address, Login: board.Login{User: ipmisim.User, Password: ipmisim.Password},
		Limits: ipmi.Limits{Request: 3 * time.Second, Datagram: 300 * time.Millisecond, Repeats: 2},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.ReadPower(t.Context()); err != nil {
		t.Fatal(err)
	}
	err = c.SendReset(context.WithoutCancel(t.Context()), "chassis power down")
	sent, ok := err.(*board.SendError)
	if !ok || sent.Fate != board.Unclear {
		t.Errorf("SendReset = %v, want unclear", err)
	}
	if got := sim.Commands(t); len(got) != 1 {
		t.Errorf("the chassis got %v, want one command", got)
	}
}
