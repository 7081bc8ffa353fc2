package gateway_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/handrail/handrail/activities/desk/signature"
	"github.com/handrail/handrail/starter/gateway"
	"github.com/handrail/handrail/starter/internal/frontend"
)

func marshal(t *testing.T, m proto.Message) []byte {
	t.Helper()
	b, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestNew_refuses(t *testing.T) {
	t.Parallel()
	good := []signature.Secret{secret}
	for want, c := range map[string]gateway.Config{
		"no secret for the ticket desk": {},
		"has 5 bytes":                   {DeskSecrets: []signature.Secret{secret, "short"}},
		"give both or none":             {DeskSecrets: good, CertFile: "cert.pem"},
	} {
		_, err := gateway.New(c, nil, slog.New(slog.DiscardHandler))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "short") {
			t.Errorf("%v; want %s", err, want)
		}
	}
}

func TestStart_refuses(t *testing.T) {
	t.Parallel()
	taken, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for want, c := range map[string]gateway.Config{
		"is another one running?":   {Listen: taken.Addr().String()},
		"the gateway's certificate": {Listen: "127.0.0.1:0", CertFile: "/nowhere/cert.pem", KeyFile: "/nowhere/key.pem"},
	} {
		c.DeskSecrets = []signature.Secret{secret}
		g, err := gateway.New(c, nil, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		if err := g.Serve(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v; want %s", err, want)
		}
	}
}

// serving is a gateway that listens by itself until stop is called.
func serving(t *testing.T, c gateway.Config, f *frontend.Frontend) (address string, stop func(), done <-chan error) {
	t.Helper()
	c.Listen, c.DeskSecrets = "127.0.0.1:0", []signature.Secret{secret}
	g, err := gateway.New(c, f.Dial(t), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	address, done, err = g.Start(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return address, stop, done
}

// A delivery that is under way when the gateway stops is still answered, and
// only then everything has stopped.
func TestStart_stopsAfterTheLastDelivery(t *testing.T) {
	t.Parallel()
	f := frontend.Start(t)
	address, stop, done := serving(t, gateway.Config{}, f)
	reached, release := make(chan struct{}), make(chan struct{})
	f.Fail(func(method string) error {
		if method == "SignalWithStartWorkflowExecution" {
			close(reached)
			<-release
		}
		return nil
	})
	body := delivery(nil)
	status := make(chan int, 1)
	go func() {
		request, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), http.MethodPost, "http://"+address+"/hooks/desk", bytes.NewReader(body))
		if err != nil {
			t.Error(err)
		}
		request.Header = signature.Sign(secret, time.Now(), "last", body)
		resp, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Error(err)
			close(status)
			return
		}
		resp.Body.Close()
		status <- resp.StatusCode
	}()
	<-reached
	stop()
	select {
	case err := <-done:
		t.Errorf("stopped in the middle of a delivery: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	close(release)
	if got := <-status; got != http.StatusOK {
		t.Errorf("status %d", got)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	if conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address); err == nil {
		conn.Close()
		t.Error("it still listens")
	}
}

// Who sends its headers and no end of them is cut off.
func TestStart_boundsHeaders(t *testing.T) {
	t.Parallel()
	address, stop, done := serving(t, gateway.Config{}, frontend.Start(t))
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	go io.WriteString(conn, "POST /hooks/desk HTTP/1.1\r\nHost: x\r\nA: "+strings.Repeat("a", 1<<20)) //nolint:errcheck // it is cut off
	answer := make([]byte, 64)
	n, _ := io.ReadFull(conn, answer)
	if !strings.Contains(string(answer[:n]), "431") {
		t.Errorf("%q", answer[:n])
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestStart_tls(t *testing.T) {
	t.Parallel()
	c, roots := certificate(t)
	address, stop, done := serving(t, c, frontend.Start(t))
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}}
	defer client.CloseIdleConnections()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+address+"/healthz", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK || resp.TLS == nil {
		t.Errorf("%d", resp.StatusCode)
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// certificate makes one for 127.0.0.1.
func certificate(t *testing.T) (gateway.Config, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	c := gateway.Config{CertFile: filepath.Join(dir, "cert.pem"), KeyFile: filepath.Join(dir, "key.pem")}
	for path, block := range map[string]*pem.Block{c.CertFile: {Type: "CERTIFICATE", Bytes: der}, c.KeyFile: {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	roots := x509.NewCertPool()
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots.AddCert(parsed)
	return c, roots
}
