package qemu

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// medium fetches the image of a virtual medium, as a BMC does: from the network
// that its machine is in.
type medium struct{ folder string }

const (
	maxMedium    = 8 << 30 // bytes
	mediumWithin = 10 * time.Minute
)

// HostSeenFromGuest is the host's loopback in the guest's network.
const HostSeenFromGuest = "10.0.2.2"

func dialFromGuest(ctx context.Context, network, address string) (net.Conn, error) {
	if host, port, err := net.SplitHostPort(address); err == nil && host == HostSeenFromGuest {
		address = net.JoinHostPort("127.0.0.1", port)
	}
	return new(net.Dialer).DialContext(ctx, network, address)
}

// fetch returns the path of the image. It is fetched anew each time.
func (m medium) fetch(ctx context.Context, url string) (path string, err error) {
	if !urlShape.MatchString(url) {
		return "", fmt.Errorf("the medium %q is no plain URL", url)
	}
	ctx, cancel := context.WithTimeout(ctx, mediumWithin)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	client := http.Client{Transport: &http.Transport{DialContext: dialFromGuest, DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return "", fmt.Errorf("fetching the medium: %w", err)
	}
	defer response.Body.Close() //nolint:errcheck // it was only read
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("fetching the medium %s: %s", url, response.Status)
	}
	path = filepath.Join(m.folder, "medium.iso")
	file, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return "", err
	}
	n, err := io.Copy(file, io.LimitReader(response.Body, maxMedium+1))
	if n > maxMedium {
		err = errors.Join(err, fmt.Errorf("the medium %s is larger than %d bytes", url, int64(maxMedium)))
	}
	return path, errors.Join(err, file.Close())
}
