// Package settings reads a program's configuration from the environment: a
// table of settings, each with its help, checked all at once, so that a wrong
// configuration is one clear message and not a series of them.
package settings

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"strings"
)

// Setting is one environment variable.
type Setting struct {
	Name     string
	Help     string
	Default  string
	Required bool
	// Secret may be given as NAME_FILE instead: the path of a file that holds
	// the value. Errors never show it.
	Secret bool
	// Set takes the value, which is never empty.
	Set func(value string) error
}

// To returns a Set that stores the value in a string.
func To(target *string) func(string) error {
	return func(v string) error { *target = v; return nil }
}

// List returns a Set that splits the value at commas.
func List(target *[]string) func(string) error {
	return func(v string) error {
		for part := range strings.SplitSeq(v, ",") {
			if part = strings.TrimSpace(part); part != "" {
				*target = append(*target, part)
			}
		}
		return nil
	}
}

// Read sets every setting of the table from the environment, or returns one
// error that names all that is missing or wrong.
func Read(lookup func(string) (string, bool), table []Setting) error {
	var errs []error
	for _, s := range table {
		if err := read(lookup, s); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func read(lookup func(string) (string, bool), s Setting) error {
	value, err := find(lookup, s)
	if err != nil {
		return err
	}
	value = cmp.Or(strings.TrimSpace(value), s.Default)
	if value == "" {
		if s.Required {
			return fmt.Errorf("%s is not set: %s", s.names(), s.Help)
		}
		return nil
	}
	if err := s.Set(value); err != nil {
		if s.Secret {
			return fmt.Errorf("%s is not usable: %w", s.Name, err)
		}
		return fmt.Errorf("%s=%q is not usable: %w", s.Name, value, err)
	}
	return nil
}

func find(lookup func(string) (string, bool), s Setting) (string, error) {
	value, _ := lookup(s.Name)
	if !s.Secret {
		return value, nil
	}
	path, ok := lookup(s.Name + "_FILE")
	switch {
	case !ok || path == "":
		return value, nil
	case value != "":
		return "", fmt.Errorf("both %s and %s_FILE are set: leave one out", s.Name, s.Name)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("%s_FILE: %w", s.Name, err)
	}
	return string(b), nil
}

func (s Setting) names() string {
	if s.Secret {
		return s.Name + " (or " + s.Name + "_FILE)"
	}
	return s.Name
}

// Help describes the table for a program's help text.
func Help(table []Setting) string {
	var b strings.Builder
	for _, s := range table {
		fmt.Fprintf(&b, "  %s", s.names())
		switch {
		case s.Required:
			b.WriteString(", required")
		case s.Default != "":
			fmt.Fprintf(&b, ", default %s", s.Default)
		}
		fmt.Fprintf(&b, "\n      %s\n", s.Help)
	}
	return b.String()
}
