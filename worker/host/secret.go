package host

import (
	"context"
	"fmt"
	"io"
	"log/slog"
)

const hidden = "[secret]"

// Password is a secret store with one entry: what the environment, or the file
// that it names, holds. Whatever prints it prints "[secret]".
type Password string

// Secret returns the one secret there is.
func (p Password) Secret(context.Context, string) (string, error) { return string(p), nil }

// Format hides the password, whatever the verb.
func (Password) Format(f fmt.State, _ rune) {
	io.WriteString(f, hidden) //nolint:errcheck,gosec // there is nobody to tell
}

// MarshalText hides the password.
func (Password) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// LogValue hides the password.
func (Password) LogValue() slog.Value { return slog.StringValue(hidden) }

// printed is a Config that is printed field by field.
type printed Config

// harmless is a copy without secrets; the database's URL has a password in it.
func (c Config) harmless() printed {
	if c.DatabaseURL != "" {
		c.DatabaseURL = hidden
	}
	if c.DeskSecret != "" {
		c.DeskSecret = hidden // it would hide itself, but not from every verb
	}
	return printed(c)
}

// Format prints the configuration without its secrets.
func (c Config) Format(f fmt.State, verb rune) {
	fmt.Fprintf(f, fmt.FormatString(f, verb), c.harmless())
}

// LogValue is the configuration without its secrets.
func (c Config) LogValue() slog.Value { return slog.AnyValue(c.harmless()) }
