// Package policy reads the policy file: one TOML file with every duration,
// reminder and switch of the procedures. What it leaves out is as in
// hosting.DefaultPolicy. policy.toml in this package is a commented example.
package policy

import (
	"context"
	"fmt"
	"io"
	"net/mail"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/handrail/handrail/hosting"
)

// File is a policy file on disk. It is read anew for every operation that
// starts, so that a change holds for the next one without a restart.
type File struct {
	// Path is the file's; empty means that the defaults hold.
	Path string
}

// fileLimit is the size of a policy file in bytes beyond which it is refused.
const fileLimit = 1 << 20

// ReadPolicy returns the policy that holds for an operation that starts now. A
// file that can not be read or understood, a key that is not known and a value
// that can not be meant are InvalidRequest.
func (f *File) ReadPolicy(context.Context) (hosting.Policy, error) {
	policy := hosting.DefaultPolicy()
	if f.Path == "" {
		return policy, nil
	}
	text, err := f.text()
	if err != nil {
		return hosting.Policy{}, err
	}
	meta, err := toml.Decode(text, &policy)
	if err != nil {
		return hosting.Policy{}, f.refused("it is not understood", "correct the file").Because(err)
	}
	if unknown := unknownKeys(meta); len(unknown) > 0 {
		return hosting.Policy{}, f.refused("unknown key "+strings.Join(unknown, ", "),
			"use the known ones: "+strings.Join(keys, ", "))
	}
	if err := validate(policy); err != nil {
		return hosting.Policy{}, fmt.Errorf("policy file %s: %w", f.Path, err)
	}
	return policy, nil
}

func (f *File) text() (string, error) {
	file, err := os.Open(f.Path)
	if err != nil {
		return "", f.refused("it can not be opened", "check the path in the worker's configuration").Because(err)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, fileLimit+1))
	if err != nil {
		return "", f.refused("it can not be read", "check the path in the worker's configuration").Because(err)
	}
	if len(text) > fileLimit {
		return "", f.refused(fmt.Sprintf("it is larger than %d KiB", fileLimit>>10), "check that it is the right file")
	}
	return string(text), nil
}

func (f *File) refused(what, do string) *hosting.Fault {
	return hosting.Invalid("", fmt.Sprintf("the policy file %s is refused: %s", f.Path, what), do)
}

// validate checks a policy as a whole, and what only a file can get wrong.
func validate(p hosting.Policy) error {
	if err := p.Validate(); err != nil {
		return err
	}
	if _, err := mail.ParseAddress(p.Duty); err != nil {
		return hosting.Invalid("", fmt.Sprintf("the policy's duty %q is not an e-mail address", p.Duty), "set duty to one address").Because(err)
	}
	for step, estimate := range p.Estimates {
		if estimate <= 0 {
			return hosting.Invalid("", fmt.Sprintf("the policy's estimate for %q is not longer than nothing", step), "write it like 15m")
		}
	}
	return nil
}

// keys are the known keys, in the order of the file. A name in angle brackets
// stands for any.
var keys = tomlKeys(reflect.TypeFor[hosting.Policy](), "")

func tomlKeys(t reflect.Type, prefix string) []string {
	var names []string
	for f := range t.Fields() {
		name := prefix + f.Tag.Get("toml")
		switch f.Type.Kind() {
		case reflect.Struct:
			names = append(names, tomlKeys(f.Type, name+".")...)
		case reflect.Map:
			names = append(names, name+".<step>")
		default:
			names = append(names, name)
		}
	}
	return names
}

// unknownKeys returns the keys of a file that are not known exactly as they are
// written. The decoder takes them in any letter case, so that two could set one
// value, and which of them wins would be chance.
func unknownKeys(meta toml.MetaData) []string {
	var unknown []string
	for _, key := range meta.Keys() {
		if !known(key) {
			unknown = append(unknown, key.String())
		}
	}
	return unknown
}

func known(key toml.Key) bool {
	name := key.String()
	return slices.ContainsFunc(keys, func(k string) bool {
		table, open := strings.CutSuffix(k, ".<step>")
		return k == name || strings.HasPrefix(k, name+".") || open && len(key) == 2 && key[0] == table
	})
}
