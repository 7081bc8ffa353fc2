// Package login logs in to a machine that was just installed, as its customer would:
// with a key of its own, and only where the host key is one that was reported.
package login

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// NewKey makes a key, and returns it with its line for authorized_keys.
func NewKey() (ssh.Signer, string, error) {
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		return nil, "", err
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		return nil, "", err
	}
	return signer, strings.TrimSpace(string(ssh.MarshalAuthorizedKey(signer.PublicKey()))), nil
}

// Await waits for an SSH server with one of the host keys and logs in as root.
// A server with another host key is waited for no longer.
func Await(ctx context.Context, address string, key ssh.Signer, hostKeys []string) (*ssh.Client, error) {
	var other error
	config := &ssh.ClientConfig{
		User: "root", Auth: []ssh.AuthMethod{ssh.PublicKeys(key)}, Timeout: 20 * time.Second,
		HostKeyAlgorithms: []string{ssh.KeyAlgoED25519},
		HostKeyCallback: func(_ string, _ net.Addr, shown ssh.PublicKey) error {
			if line := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(shown))); !slices.Contains(hostKeys, line) {
				other = fmt.Errorf("the host key %s is none of those that were reported", line)
				return other
			}
			return nil
		},
	}
	for {
		client, err := dial(ctx, address, config)
		if err == nil {
			return client, nil
		}
		if other != nil {
			return nil, other
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), err)
		case <-time.After(3 * time.Second):
		}
	}
}

// dial gives up on a server that accepts the connection and then says nothing,
// as the emulated network does while the guest boots.
func dial(ctx context.Context, address string, config *ssh.ClientConfig) (*ssh.Client, error) {
	conn, err := (&net.Dialer{Timeout: config.Timeout}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	if err := conn.SetDeadline(time.Now().Add(config.Timeout)); err != nil {
		return nil, err
	}
	c, channels, requests, err := ssh.NewClientConn(conn, address, config)
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	if err := conn.SetDeadline(time.Time{}); err != nil {
		return nil, err
	}
	return ssh.NewClient(c, channels, requests), nil
}

// Command runs a command line and returns what it wrote, to both of its outputs.
func Command(client *ssh.Client, line string) (string, error) {
	session, err := client.NewSession()
	if err != nil {
		return "", err
	}
	defer session.Close() //nolint:errcheck // it has ended
	out, err := session.CombinedOutput(line)
	return string(out), err
}
