package reach

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strconv"
	"unicode"
)

// Table says through which address another one is reached, where the worker
// sits behind address translation: "ip:port" to "host:port". The ip is as the
// records have it, v6 in brackets.
type Table map[string]string

const (
	maxTable   = 1 << 20 // bytes of a file
	maxEntries = 10_000
	maxHost    = 253 // bytes of a host name (RFC 1035)
)

// ReadTable reads a table from a file: one JSON object.
func ReadTable(path string) (Table, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	body, err := io.ReadAll(io.LimitReader(file, maxTable+1))
	switch {
	case err != nil:
		return nil, err
	case len(body) > maxTable:
		return nil, fmt.Errorf("%s is larger than %d KiB: it can not be the right file", path, maxTable>>10)
	}
	var t Table
	if err := json.Unmarshal(body, &t); err != nil {
		return nil, fmt.Errorf(`%s is not written as {"192.0.2.1:22": "gate.example:2201"}: %w`, path, err)
	}
	return t.normal()
}

// normal returns the table with its keys as netip writes them, so that an
// address is found however it was spelled.
func (t Table) normal() (Table, error) {
	if len(t) > maxEntries {
		return nil, fmt.Errorf("there are %d addresses, more than %d", len(t), maxEntries)
	}
	normal := make(Table, len(t))
	for from, to := range t {
		at, err := netip.ParseAddrPort(from)
		if err != nil || at.Port() == 0 {
			return nil, fmt.Errorf("%.80q is not written as ip:port", from)
		}
		at = netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
		if err := checkHostPort(to); err != nil {
			return nil, fmt.Errorf("%s leads to %.80q: %w", at, to, err)
		}
		if _, twice := normal[at.String()]; twice {
			return nil, fmt.Errorf("%s stands there twice", at)
		}
		normal[at.String()] = to
	}
	return normal, nil
}

var errHostPort = errors.New("write it as host:port")

func checkHostPort(s string) error {
	host, port, err := net.SplitHostPort(s)
	if err != nil || host == "" || len(host) > maxHost {
		return errHostPort
	}
	for _, r := range host {
		if !unicode.IsPrint(r) || r == ' ' {
			return errHostPort
		}
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return errHostPort
	}
	return nil
}
