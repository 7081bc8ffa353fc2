package settings

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
)

// To returns a Set that stores the value as it is.
func To[T ~string](target *T) func(string) error {
	return func(v string) error { *target = T(v); return nil }
}

// List returns a Set that splits the value at commas. Empty parts are left out;
// a list of nothing else is refused, and so is one that names a thing twice.
// The values are not quoted in errors.
func List[T ~string](target *[]T) func(string) error {
	return func(v string) error {
		var list []T
		for part := range strings.SplitSeq(v, ",") {
			part := T(strings.TrimSpace(part))
			switch {
			case part == "":
			case slices.Contains(list, part):
				return errors.New("it names the same thing twice")
			default:
				list = append(list, part)
			}
		}
		if len(list) == 0 {
			return errors.New("it lists nothing")
		}
		*target = list
		return nil
	}
}

// Bool returns a Set that takes true or false.
func Bool(target *bool) func(string) error {
	return func(v string) error {
		if v != "true" && v != "false" {
			return errors.New("write true or false")
		}
		*target = v == "true"
		return nil
	}
}

// Int returns a Set that takes a whole number between two bounds, inclusive.
func Int(target *int, least, most int) func(string) error {
	return func(v string) error {
		n, err := strconv.Atoi(v)
		if err != nil || n < least || n > most {
			return fmt.Errorf("write a number from %d to %d", least, most)
		}
		*target = n
		return nil
	}
}

// OneOf returns a Set that takes one of the values.
func OneOf[T ~string](target *T, values ...T) func(string) error {
	return func(v string) error {
		if !slices.Contains(values, T(v)) {
			return fmt.Errorf("write one of %v", values)
		}
		*target = T(v)
		return nil
	}
}

// Address returns a Set that takes host:port to listen on. An empty host is
// every interface, port 0 a free one.
func Address(target *string) func(string) error {
	return func(v string) error {
		_, port, err := net.SplitHostPort(v)
		if err == nil {
			_, err = strconv.ParseUint(port, 10, 16)
		}
		if err != nil {
			return errors.New("write it as host:port, for instance 127.0.0.1:8080")
		}
		*target = v
		return nil
	}
}

// File returns a Set that takes a path and stores the content of the file, up
// to 1 MiB.
func File(target *string) func(string) error {
	return func(v string) error {
		content, err := readFile(v)
		if err == nil {
			*target = content
		}
		return err
	}
}
