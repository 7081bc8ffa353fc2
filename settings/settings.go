// Package settings reads a program's configuration from the environment: a
// table of settings, each with its help, checked all at once, so that a wrong
// configuration is one clear message and not a series of them.
package settings

import (
	"cmp"
	"errors"
	"fmt"
	"io"
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
	// the value. No error quotes it.
	Secret bool
	// Set takes the value, which is never empty: the words of its error follow
	// "NAME=value is not usable: ".
	Set func(value string) error
}

// Read sets every setting of the table from the environment, or returns one
// error that names all that is missing or wrong, one problem to a line.
func Read(lookup func(string) (string, bool), table []Setting) error {
	var errs []error
	for _, s := range table {
		if err := s.read(lookup); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func (s Setting) read(lookup func(string) (string, bool)) error {
	value, err := s.find(lookup)
	if err != nil {
		return err
	}
	value = cmp.Or(value, s.Default)
	if value == "" {
		if s.Required {
			return fmt.Errorf("%s is not set: %s", s.names(), s.Help)
		}
		return nil
	}
	err = s.Set(value)
	switch {
	case err == nil:
		return nil
	case s.Secret: // the error may quote the value, or a part of it
		return fmt.Errorf("%s is not usable: %s", s.names(), s.Help)
	default:
		return fmt.Errorf("%s=%q is not usable: %w", s.Name, value, err)
	}
}

// find returns the value without the white space around it; of a secret only
// line ends go, because a password may begin or end with a space.
func (s Setting) find(lookup func(string) (string, bool)) (string, error) {
	value, _ := lookup(s.Name)
	if !s.Secret {
		return strings.TrimSpace(value), nil
	}
	path, _ := lookup(s.Name + "_FILE")
	switch {
	case path == "":
		return strings.TrimRight(value, "\r\n"), nil
	case value != "":
		return "", fmt.Errorf("both %s and %s_FILE are set: leave one out", s.Name, s.Name)
	}
	content, err := readFile(path)
	if err != nil {
		return "", fmt.Errorf("%s_FILE: %w", s.Name, err)
	}
	content = strings.TrimRight(content, "\r\n")
	if content == "" {
		return "", fmt.Errorf("%s_FILE: %s is empty", s.Name, path)
	}
	return content, nil
}

// fileLimit is the size of a file in bytes beyond which it is refused: it is
// not the one that was meant.
const fileLimit = 1 << 20

func readFile(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, fileLimit+1))
	if err != nil {
		return "", err
	}
	if len(content) > fileLimit {
		return "", fmt.Errorf("%s is larger than %d KiB: it can not be the right file", path, fileLimit>>10)
	}
	return string(content), nil
}

func (s Setting) names() string {
	if s.Secret {
		return s.Name + " (or " + s.Name + "_FILE)"
	}
	return s.Name
}

// Help describes the table for a program's help text, one setting after
// another, indented by two blanks.
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
