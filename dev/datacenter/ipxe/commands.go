package ipxe

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// call is a command with its arguments, expanded.
type call struct {
	at      *url.URL // of the script
	args    []string
	options map[string]string
	depth   int
}

// commands are those of iPXE that are known here, and the options that each
// takes; true where the option has a value.
var commands map[string]struct {
	options map[string]bool
	do      func(*run, context.Context, call) error
}

func init() { // chain calls scripts, which call commands
	image := map[string]bool{"--name": true, "-n": true, "--timeout": true, "-t": true, "--autofree": false, "-a": false, "--replace": false, "-r": false}
	none := map[string]bool{}
	commands = map[string]struct {
		options map[string]bool
		do      func(*run, context.Context, call) error
	}{
		"kernel":  {image, (*run).doKernel},
		"initrd":  {image, (*run).doInitrd},
		"imgargs": {none, (*run).doArguments},
		"imgfree": {none, (*run).doFree},
		"boot":    {image, (*run).doBoot},
		"chain":   {image, (*run).doChain},
		"exit":    {none, (*run).doExit},
		"goto":    {none, (*run).doGoto},
		"iseq":    {none, (*run).doEqual},
		"isset":   {none, (*run).doIsSet},
		"sanboot": {map[string]bool{"--no-describe": false, "--keep": false, "--drive": true, "-d": true}, (*run).doSANBoot},
		"set":     {none, (*run).doSet},
		"echo":    {map[string]bool{"-n": false}, func(*run, context.Context, call) error { return nil }},
		"sleep":   {none, (*run).doSleep},
		"dhcp":    {none, func(*run, context.Context, call) error { return nil }}, // the network is up already
	}
}

func (r *run) command(ctx context.Context, at *url.URL, words []string, depth int) error {
	if r.steps++; r.steps > maxSteps {
		return fmt.Errorf("more than %d commands: the scripts do not come to an end", maxSteps)
	}
	name := words[0]
	c, known := commands[name]
	if !known {
		return fmt.Errorf("%s: command not found", name)
	}
	args := make([]string, len(words)-1)
	for i, w := range words[1:] {
		args[i] = r.expand(w)
	}
	// Options stand before what they are about; behind it they belong to a kernel.
	options := make(map[string]string)
	for len(args) > 0 && strings.HasPrefix(args[0], "-") && len(args[0]) > 1 {
		option, value, given := strings.Cut(args[0], "=")
		takes, known := c.options[option]
		switch {
		case !known:
			return fmt.Errorf("%s: unrecognized option %s", name, option)
		case takes && !given && len(args) < 2:
			return fmt.Errorf("%s: option %s needs a value", name, option)
		case takes && !given:
			value, args = args[1], args[1:]
		}
		options[option], args = value, args[1:]
	}
	if err := c.do(r, ctx, call{at: at, args: args, options: options, depth: depth}); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// maxValue bounds what settings can grow to by being made of each other.
const maxValue = 4096

var setting = regexp.MustCompile(`\$\{([^${}]*)\}`)

// expand puts in settings; what is not set is empty, as in iPXE. The innermost
// come first.
func (r *run) expand(word string) string {
	for range 64 {
		next := setting.ReplaceAllStringFunc(word, func(s string) string { return r.settings[s[2:len(s)-1]] })
		if next == word || len(next) > maxValue {
			break
		}
		word = next
	}
	return word
}

// target is the address of an image, its name and the arguments behind it.
func (c call) target() (at *url.URL, name string, rest []string, err error) {
	if len(c.args) == 0 {
		return nil, "", nil, fmt.Errorf("an address is missing")
	}
	if at, err = c.at.Parse(c.args[0]); err != nil {
		return nil, "", nil, err
	}
	return at, cmp.Or(c.options["--name"], c.options["-n"], path.Base(at.Path)), c.args[1:], nil
}

func (r *run) doKernel(ctx context.Context, c call) error {
	at, name, rest, err := c.target()
	if err != nil {
		return err
	}
	if err := r.download(ctx, at); err != nil {
		return err
	}
	r.kernel = &image{url: at.String(), name: name, arguments: strings.Join(rest, " ")}
	return nil
}

func (r *run) doInitrd(ctx context.Context, c call) error {
	at, _, _, err := c.target()
	if err != nil {
		return err
	}
	if err := r.download(ctx, at); err != nil {
		return err
	}
	r.initrds = append(r.initrds, at.String())
	return nil
}

func (r *run) doArguments(_ context.Context, c call) error {
	if len(c.args) == 0 || r.kernel == nil || r.kernel.name != c.args[0] {
		return fmt.Errorf("no such image")
	}
	r.kernel.arguments = strings.Join(c.args[1:], " ")
	return nil
}

func (r *run) doFree(context.Context, call) error {
	r.kernel, r.initrds = nil, nil
	return nil
}

func (r *run) doBoot(ctx context.Context, c call) error {
	if len(c.args) > 0 && (r.kernel == nil || r.kernel.name != c.args[0]) {
		if err := r.doKernel(ctx, c); err != nil {
			return err
		}
	}
	if r.kernel == nil {
		return fmt.Errorf("no image is selected")
	}
	r.booted = true
	return nil
}

func (r *run) doChain(ctx context.Context, c call) error {
	at, _, _, err := c.target()
	if err != nil {
		return err
	}
	return r.chain(ctx, at, c.depth+1)
}

func (r *run) doExit(_ context.Context, c call) error {
	if len(c.args) > 0 && c.args[0] != "0" {
		return fmt.Errorf("status %s", c.args[0])
	}
	return errExit
}

func (r *run) doGoto(_ context.Context, c call) error {
	if len(c.args) != 1 {
		return fmt.Errorf("one label is needed")
	}
	return jump(c.args[0])
}

var errFalse = errors.New("it is not")

func (r *run) doEqual(_ context.Context, c call) error {
	if len(c.args) != 2 || c.args[0] != c.args[1] {
		return errFalse
	}
	return nil
}

func (r *run) doIsSet(_ context.Context, c call) error {
	if len(c.args) == 0 || c.args[0] == "" {
		return errFalse
	}
	return nil
}

// doSANBoot starts the first disk, which a firmware with UEFI knows by no drive
// number.
func (r *run) doSANBoot(_ context.Context, c call) error {
	switch {
	case len(c.args) > 0:
		return fmt.Errorf("there is no SAN")
	case r.UEFI:
		return fmt.Errorf("the local disks have no drive number with UEFI: no such device")
	}
	r.booted, r.disk = true, true
	return nil
}

func (r *run) doSet(_ context.Context, c call) error {
	if len(c.args) == 0 {
		return fmt.Errorf("a setting is missing")
	}
	value := strings.Join(c.args[1:], " ")
	r.settings[c.args[0]] = value[:min(len(value), maxValue)]
	return nil
}

const maxSleep = 10 * time.Minute

func (r *run) doSleep(ctx context.Context, c call) error {
	if len(c.args) != 1 {
		return fmt.Errorf("one number of seconds is needed")
	}
	seconds, err := strconv.Atoi(c.args[0])
	if err != nil || seconds < 0 {
		return fmt.Errorf("%q is no number of seconds", c.args[0])
	}
	return r.Sleep(ctx, min(time.Duration(seconds)*time.Second, maxSleep))
}
