// Package ipmisim runs OpenIPMI's ipmi_sim, an IPMI 2.0 BMC that nobody here
// wrote, as a private process of a test.
package ipmisim

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// User and Password are what the BMC accepts.
const (
	User     = "operator"
	Password = "correct-horse"
)

// Sim is a running BMC. Its chassis is a folder that a script reads and writes.
type Sim struct {
	Address string
	dir     string
}

const lanConf = `name "handrail"
set_working_mc 0x20
startlan 1
  addr 127.0.0.1 %[1]d
  priv_limit admin
  allowed_auths_operator md5
  allowed_auths_admin md5
  guid a123456789abcdefa123456789abcdef
endlan
chassis_control "%[2]s/chassis"
user 2 true %[3]q %[4]q admin 10 md5
`

// The chassis: what is asked for is noted in "log". A soft shutdown moves the
// machine only where the file "acpi" exists, and no command does where "stuck"
// exists, while the BMC reports success as real ones do.
const chassis = `#!/bin/sh
cd %q
echo "$@" >>log
verb=$1; shift
while [ $# -gt 0 ]; do
  case $verb.$1 in
  get.power) echo power:$(cat power) ;;
  get.boot) echo boot:$(cat boot) ;;
  set.power) [ -e stuck ] || echo $2 >power; shift ;;
  set.shutdown) [ ! -e acpi ] || echo 0 >power; shift ;;
  set.boot) echo $2 >boot; shift ;;
  set.*) shift ;;
  esac
  shift
done
`

const mc = `mc_setbmc 0x20
mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr
%s
mc_enable 0x20
`

// Start runs a BMC whose machine is on. Commands of ipmi_sim(5) may add to it.
// Where ipmi_sim is not installed the test is skipped, or fails where CI is set.
func Start(t testing.TB, commands ...string) *Sim {
	t.Helper()
	program, err := exec.LookPath("ipmi_sim")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("ipmi_sim is not installed (Debian package openipmi)")
		}
		t.Skip("ipmi_sim is not installed (Debian package openipmi)")
	}
	for range 5 {
		if s := start(t, program, commands); s != nil {
			return s
		}
	}
	t.Fatal("ipmi_sim does not start, or finds no free port")
	return nil
}

// start runs ipmi_sim on some port; nil if the process ends, as it does where
// the port was taken meanwhile.
func start(t testing.TB, program string, commands []string) *Sim {
	t.Helper()
	dir := t.TempDir()
	port := freePort()
	s := &Sim{Address: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), dir: dir}
	write := func(name, content string, mode os.FileMode) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), mode); err != nil {
			t.Fatal(err)
		}
	}
	write("lan.conf", fmt.Sprintf(lanConf, port, dir, User, Password), 0o600)
	write("mc.emu", fmt.Sprintf(mc, strings.Join(commands, "\n")), 0o600)
	write("chassis", fmt.Sprintf(chassis, dir), 0o700)
	write("power", "1\n", 0o600)
	write("boot", "none\n", 0o600)
	write("log", "", 0o600)
	if err := os.Mkdir(filepath.Join(dir, "state"), 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "-c", filepath.Join(dir, "lan.conf"), "-f", filepath.Join(dir, "mc.emu"), "-s", filepath.Join(dir, "state"), "-n")
	cmd.Dir = dir
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
	})
	if !s.awaitAnswer(t, ended) {
		return nil
	}
	return s
}

// freePort is a port that is free now, below those that the system gives to
// other tests' clients.
func freePort() int {
	for {
		port := 20000 + rand.IntN(12000)
		conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
		if err == nil {
			conn.Close()
			return port
		}
	}
}

// openSession is an RMCP+ open session request for cipher suite 17, which
// ipmi_sim refuses: any answer tells that it runs.
var openSession = append([]byte{
	0x06, 0x00, 0xff, 0x07, 0x06, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 32, 0,
	0, 0, 0, 0, 1, 2, 3, 4,
}, []byte{0, 0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 8, 4, 0, 0, 0, 2, 0, 0, 8, 1, 0, 0, 0}...)

// awaitAnswer waits until the BMC answers; false if the process ended.
func (s *Sim) awaitAnswer(t testing.TB, ended <-chan struct{}) bool {
	t.Helper()
	conn, err := net.Dial("udp4", s.Address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	buf := make([]byte, 512)
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		select {
		case <-ended:
			return false
		default:
		}
		_, _ = conn.Write(openSession)
		_ = conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		if _, err := conn.Read(buf); err == nil {
			return true
		}
		time.Sleep(5 * time.Millisecond) // a closed port answers at once
	}
	t.Fatal("ipmi_sim does not answer after 10s")
	return false
}

// Read returns a file of the chassis: power, boot or log.
func (s *Sim) Read(t testing.TB, name string) string {
	t.Helper()
	body, err := os.ReadFile(filepath.Join(s.dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(body))
}

// Put creates or changes a file of the chassis: power, acpi or stuck.
func (s *Sim) Put(t testing.TB, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Commands lists what was set on the chassis, in order.
func (s *Sim) Commands(t testing.TB) []string {
	t.Helper()
	var set []string
	for line := range strings.Lines(s.Read(t, "log")) {
		if rest, ok := strings.CutPrefix(strings.TrimSpace(line), "set "); ok {
			set = append(set, rest)
		}
	}
	return set
}
