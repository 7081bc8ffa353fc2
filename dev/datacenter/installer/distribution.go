package installer

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/handrail/handrail/hosting"
)

// hooks are what an answer file has its installer run: before the disks are
// touched, and after the system is on them.
type hooks struct{ before, after string }

var (
	scriptURL  = regexp.MustCompile(`https?://[^\s"']+/t/[A-Za-z0-9_-]{16,}/script\b`)
	scriptRuns = regexp.MustCompile(`\bsh \S+\.sh (start|erase|finish|failed)\b`)
	takesDisks = regexp.MustCompile(`(?s)\ntake_disks\(\) \{\n(.*?)\n\}\n`)
	serialList = regexp.MustCompile(`(?m)^\s*for \w+ in ([A-Za-z0-9._:+/ -]+); do$`)
	diskCount  = regexp.MustCompile(`"\$count" -eq ([0-9]{1,2}) \]`)
	scriptSend = regexp.MustCompile(`\bsend [0-9]+ (begin|progress|hostkey|done|failed)\b`)
	heredoc    = regexp.MustCompile(`(?s)<<'KEYS'\n(.*?)\nKEYS\n`)
)

// follow fetches the script that the hooks run and reads what it would do.
func (c Client) follow(ctx context.Context, a Answer, h hooks) (Answer, error) {
	address := scriptURL.FindString(h.before)
	if address == "" {
		return a, errors.New("the answer file does not fetch the script that asks for permission")
	}
	base := strings.TrimSuffix(address, "/script")
	a.to = calls{base: base, has: make(map[string]bool)}
	script, err := c.fetch(ctx, address)
	if err != nil {
		return a, err
	}
	if !strings.HasPrefix(script, "#!/bin/sh\n") || !strings.Contains(script, base) {
		return a, errors.New("the script of the answer file is none, or another boot's")
	}
	runs := func(hook, word string) bool {
		return slices.ContainsFunc(scriptRuns.FindAllStringSubmatch(hook, -1), func(m []string) bool { return m[1] == word })
	}
	for _, m := range scriptSend.FindAllStringSubmatch(script, -1) {
		a.to.has[m[1]] = true
	}
	a.to.has["begin"] = a.to.has["begin"] && runs(h.before, "erase")
	for _, end := range []string{"hostkey", "done"} {
		a.to.has[end] = a.to.has[end] && runs(h.after, "finish")
	}
	if a.Disks, a.Count = disksIn(script); a.Count == 0 {
		return a, errors.New("the script of the answer file does not say which disks it takes")
	}
	if m := heredoc.FindStringSubmatch(script); m != nil {
		a.Keys = append(a.Keys, nonEmptyLines(m[1])...)
	}
	return a, nil
}

// disksIn returns the serial numbers of the disks that a script takes, or how
// many it takes.
func disksIn(script string) (serials []string, count int) {
	body := takesDisks.FindString(script)
	if m := serialList.FindStringSubmatch(body); m != nil {
		serials = strings.Fields(m[1])
		return serials, len(serials)
	}
	if m := diskCount.FindStringSubmatch(body); m != nil {
		count, _ = strconv.Atoi(m[1]) // two digits
	}
	return nil, count
}

var directive = regexp.MustCompile(`(?m)^\S+[ \t]+([a-z0-9/_-]+)[ \t]+(?:string|select|multiselect|boolean|password|note)(?:[ \t]+(.*))?$`)

// preseed is Debian's. Its installer takes the address that the machine booted
// from for that of its answers, and prefers it to the one on its command line.
func (c Client) preseed(ctx context.Context, line arguments, _ string) (Answer, error) {
	status, text, err := c.ask(ctx, tries, line.bootFile, nil)
	if err != nil {
		return Answer{}, err
	}
	answers := directives(text)
	if status != http.StatusOK || len(answers) == 0 {
		return Answer{}, errors.New("failed to process the preconfiguration file: the address of the boot script answers with none")
	}
	if include := answers["preseed/include_command"]; include != "" {
		word := includedFrom(include)
		value, _ := line.value(word)
		if value == "" {
			return Answer{}, fmt.Errorf("the preconfiguration file includes what the command line does not name: %s", include)
		}
		if text, err = c.fetch(ctx, value); err != nil {
			return Answer{}, err
		}
		answers = directives(text)
	}
	a := Answer{Format: hosting.AnswerPreseed, HostName: answers["netcfg/hostname"]}
	if domain := answers["netcfg/get_domain"]; domain != "" {
		a.HostName += "." + domain
	}
	return c.follow(ctx, a, hooks{
		before: answers["preseed/early_command"] + "\n" + answers["partman/early_command"], after: answers["preseed/late_command"],
	})
}

var kernelWord = regexp.MustCompile(`[a-z]+(?:\.|\[\.\])[a-z]+=`)

// includedFrom is the argument of the kernel that an include command prints.
func includedFrom(command string) string {
	word := kernelWord.FindString(command)
	return strings.TrimSuffix(strings.ReplaceAll(word, "[.]", "."), "=")
}

func directives(text string) map[string]string {
	answers := make(map[string]string)
	for _, m := range directive.FindAllStringSubmatch(strings.ReplaceAll(text, "\\\n", " "), -1) {
		answers[m[1]] = strings.TrimSpace(m[2])
	}
	return answers
}

// userData is what is needed of Ubuntu's answers.
type userData struct {
	Autoinstall struct {
		Version       int      `yaml:"version"`
		EarlyCommands []string `yaml:"early-commands"`
		LateCommands  []string `yaml:"late-commands"`
		UserData      struct {
			HostName string `yaml:"hostname"`
			FQDN     string `yaml:"fqdn"`
			Users    []struct {
				Keys []string `yaml:"ssh_authorized_keys"`
			} `yaml:"users"`
		} `yaml:"user-data"`
	} `yaml:"autoinstall"`
}

// autoinstall is Ubuntu's: a seed of cloud-init, of which vendor-data may be
// missing.
func (c Client) autoinstall(ctx context.Context, line arguments, value string) (Answer, error) {
	parts := strings.Split(value, ";")
	seed := ""
	for _, p := range parts[1:] {
		if key, v, _ := strings.Cut(p, "="); key == "s" || key == "seedfrom" {
			seed = v
		}
	}
	if parts[0] != "nocloud" && parts[0] != "nocloud-net" || seed == "" {
		return Answer{}, fmt.Errorf("cloud-init has no data source: ds=%s", value)
	}
	if _, err := c.fetch(ctx, seed+"meta-data"); err != nil {
		return Answer{}, err
	}
	text, err := c.fetch(ctx, seed+"user-data")
	if err != nil {
		return Answer{}, err
	}
	var d userData
	switch err := yaml.Unmarshal([]byte(text), &d); {
	case !strings.HasPrefix(text, "#cloud-config\n"):
		return Answer{}, errors.New("the user-data is no cloud-config")
	case err != nil:
		return Answer{}, fmt.Errorf("the user-data can not be read: %w", err)
	case d.Autoinstall.Version != 1:
		return Answer{}, errors.New("the user-data has no autoinstall of version 1")
	case !line.has("autoinstall"):
		return Answer{}, errors.New("the kernel's command line lacks the word autoinstall, so the installer waits for a confirmation")
	}
	in := d.Autoinstall
	a := Answer{Format: hosting.AnswerAutoinstall, HostName: in.UserData.HostName}
	if in.UserData.FQDN != "" {
		a.HostName = in.UserData.FQDN
	}
	for _, u := range in.UserData.Users {
		a.Keys = append(a.Keys, u.Keys...)
	}
	return c.follow(ctx, a, hooks{before: strings.Join(in.EarlyCommands, "\n"), after: strings.Join(in.LateCommands, "\n")})
}

var (
	ksHost = regexp.MustCompile(`(?m)^network\b.*--hostname=(\S+)`)
	ksKey  = regexp.MustCompile(`(?m)^sshkey\b.*"(.+)"$`)
)

// kickstart is that of Rocky and Alma.
func (c Client) kickstart(ctx context.Context, _ arguments, value string) (Answer, error) {
	text, err := c.fetch(ctx, value)
	if err != nil {
		return Answer{}, err
	}
	commands, sections, err := sectionsOf(text)
	if err != nil {
		return Answer{}, err
	}
	a := Answer{Format: hosting.AnswerKickstart}
	if m := ksHost.FindStringSubmatch(commands); m != nil {
		a.HostName = m[1]
	}
	for _, m := range ksKey.FindAllStringSubmatch(commands, -1) {
		a.Keys = append(a.Keys, m[1])
	}
	return c.follow(ctx, a, hooks{before: sections["%pre"], after: sections["%post"]})
}

// sectionsOf separates the commands of a kickstart from its sections, which end
// with %end.
func sectionsOf(text string) (commands string, sections map[string]string, err error) {
	sections = make(map[string]string)
	inside := ""
	for line := range strings.Lines(text) {
		word, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch {
		case inside != "" && word == "%end":
			inside = ""
		case inside != "":
			sections[inside] += line
		case word == "%end":
			return "", nil, errors.New("the kickstart ends a section that it did not begin")
		case strings.HasPrefix(word, "%") && word != "%include":
			inside = word
		default:
			commands += line
		}
	}
	if inside != "" {
		return "", nil, fmt.Errorf("the kickstart does not end its section %s", inside)
	}
	return commands, sections, nil
}
