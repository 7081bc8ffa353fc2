package installer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"
)

// Client is how an installer talks to the gateway.
type Client struct {
	HTTP *http.Client
	// Sleep waits, or returns the error of the context; Pause is how long before
	// it tries again.
	Sleep func(context.Context, time.Duration) error
	Pause time.Duration
}

// How often something is tried while the gateway does not answer or is not well.
const (
	tries      = 60
	beginTries = 12
	stageTries = 3
)

const (
	maxAnswer = 1 << 20
	maxReason = 300
)

// ask sends a request until the gateway answers something else than that it is
// not well. A nil form is a GET.
func (c Client) ask(ctx context.Context, tries int, address string, form url.Values) (status int, body string, err error) {
	for try := 1; ; try++ {
		status, body, err = c.once(ctx, address, form)
		if err == nil && status < 500 && status != http.StatusTooManyRequests || try >= tries {
			return status, body, err
		}
		if err := c.Sleep(ctx, c.Pause); err != nil {
			return 0, "", err
		}
	}
}

func (c Client) once(ctx context.Context, address string, form url.Values) (int, string, error) {
	method, body := http.MethodGet, io.Reader(nil)
	if form != nil {
		method, body = http.MethodPost, strings.NewReader(form.Encode())
	}
	r, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return 0, "", err
	}
	r.Header.Set("User-Agent", "installer")
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := c.HTTP.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if len(raw) > maxAnswer {
		err = errors.Join(err, fmt.Errorf("the answer is longer than %d bytes", maxAnswer))
	}
	return resp.StatusCode, string(raw), err
}

// fetch returns what stands at an address.
func (c Client) fetch(ctx context.Context, address string) (string, error) {
	status, body, err := c.ask(ctx, tries, address, nil)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("the gateway answered %d when asked for %s", status, path.Base(address))
	}
	return body, err
}

// verifyImage fetches a file and compares its checksum.
func (c Client) verifyImage(ctx context.Context, address, want string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	resp, err := c.HTTP.Do(r)
	if err != nil {
		return fmt.Errorf("the image can not be fetched: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the image %s can not be fetched: %s", address, resp.Status)
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, resp.Body); err != nil {
		return fmt.Errorf("the image can not be fetched: %w", err)
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != want {
		return fmt.Errorf("the image is not the one of the order: its SHA-256 is %s", got)
	}
	return nil
}

// calls are the addresses below which an installer reports, as far as its
// answer file has them.
type calls struct {
	base string
	has  map[string]bool
}

var reports = []string{"begin", "progress", "hostkey", "done", "failed"}

// callsTo has all of them.
func callsTo(base string) calls {
	c := calls{base: strings.TrimSuffix(base, "/"), has: make(map[string]bool)}
	for _, r := range reports {
		c.has[r] = true
	}
	return c
}

// token is that of the boot, which is the last part of the base.
func (c calls) token() string { return path.Base(c.base) }

func (c Client) report(ctx context.Context, tries int, to calls, what string, form url.Values) (status int, body string, err error) {
	if !to.has[what] {
		return http.StatusNoContent, "", nil
	}
	return c.ask(ctx, tries, to.base+"/"+what, form)
}
