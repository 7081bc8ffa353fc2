package ipxe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

func (r *run) script(ctx context.Context, at *url.URL) (text string, err error) {
	err = r.get(ctx, at, func(body io.Reader) error {
		raw, err := io.ReadAll(io.LimitReader(body, maxScript+1))
		if len(raw) > maxScript {
			err = errors.Join(err, fmt.Errorf("it is longer than %d bytes", maxScript))
		}
		text = string(raw)
		return err
	})
	return text, err
}

// download fetches a file and forgets it: what counts is that it is there.
func (r *run) download(ctx context.Context, at *url.URL) error {
	return r.get(ctx, at, func(body io.Reader) error {
		n, err := io.Copy(io.Discard, io.LimitReader(body, maxFile))
		if err == nil && n == 0 {
			err = errors.New("it is empty (exec format error)")
		}
		return err
	})
}

func (r *run) get(ctx context.Context, at *url.URL, read func(io.Reader) error) error {
	if at.Scheme != "http" && at.Scheme != "https" {
		return fmt.Errorf("%s: operation not supported", at)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return err
	}
	request.Header.Set("User-Agent", UserAgent)
	response, err := r.HTTP.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: the server answered %s", at, response.Status)
	}
	if err := read(response.Body); err != nil {
		return fmt.Errorf("%s: %w", at, err)
	}
	return nil
}
