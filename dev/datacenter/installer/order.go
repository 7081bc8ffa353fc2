package installer

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/handrail/handrail/hosting"
)

// orderKeys are what an order can say, and how each line of it looks.
var orderKeys = map[string]*regexp.Regexp{
	"PURPOSE":       regexp.MustCompile(`^(install|rescue)$`),
	"HOSTNAME":      regexp.MustCompile(`^[a-z0-9.-]{1,200}$`),
	"DISKS":         regexp.MustCompile(`^([A-Za-z0-9._:+/-]+( [A-Za-z0-9._:+/-]+)*)?$`),
	"RAID":          regexp.MustCompile(`^(none|0|1|5|6|10)$`),
	"RAID_DISKS":    regexp.MustCompile(`^[0-9]{1,2}$`),
	"PARTITIONS":    regexp.MustCompile(`^(swap|/[a-z0-9._/-]*) [0-9]{1,10} (ext4|xfs|swap)$`),
	"FIRMWARE":      regexp.MustCompile(`^(uefi|legacy)$`),
	"IMAGE":         regexp.MustCompile(`^https?://[A-Za-z0-9.:-]+/[A-Za-z0-9._/-]+$`),
	"IMAGE_SHA256":  regexp.MustCompile(`^[0-9a-f]{64}$`),
	"SSH_KEYS":      regexp.MustCompile(`^[a-z0-9@.-]+ [A-Za-z0-9+/]+=*( .*)?$`),
	"PASSWORD_HASH": regexp.MustCompile(`^\$[a-z0-9]+\$[A-Za-z0-9./$=,]+$`),
	"MACS":          regexp.MustCompile(`^[0-9a-f:]{17}([ ,]+[0-9a-f:]{17})*$`),
}

// needed are the keys that an installation can not do without.
var needed = []string{"PURPOSE", "HOSTNAME", "RAID", "RAID_DISKS", "PARTITIONS", "FIRMWARE", "IMAGE", "IMAGE_SHA256"}

// readOrder reads what our rescue system reads.
func readOrder(text string) (Answer, error) {
	order, err := takeApart(text)
	if err != nil {
		return Answer{}, err
	}
	for key, value := range order {
		for line := range strings.Lines(value) {
			if line = strings.TrimSuffix(line, "\n"); line != "" && orderKeys[key] != nil && !orderKeys[key].MatchString(line) {
				return Answer{}, fmt.Errorf("the order's %s can not be meant: %q", key, line)
			}
		}
	}
	a := Answer{
		Format: hosting.AnswerOrder, HostName: order["HOSTNAME"], Disks: strings.Fields(order["DISKS"]), Keys: nonEmptyLines(order["SSH_KEYS"]),
		MACs: strings.Fields(strings.ReplaceAll(order["MACS"], ",", " ")), Image: order["IMAGE"], ImageSHA256: order["IMAGE_SHA256"],
	}
	if a.Rescue = order["PURPOSE"] == "rescue"; a.Rescue {
		if len(a.Keys) == 0 {
			return a, fmt.Errorf("the order has no SSH key, so nobody could log in")
		}
		return a, nil
	}
	for _, key := range needed {
		if order[key] == "" {
			return a, fmt.Errorf("the order has no %s", key)
		}
	}
	a.System = strings.TrimSuffix(path.Base(a.Image), ".tar.zst")
	a.Count, err = strconv.Atoi(order["RAID_DISKS"])
	switch {
	case err != nil || a.Count < 1:
		return a, fmt.Errorf("the order is for %q disks", order["RAID_DISKS"])
	case len(a.Disks) > 0 && len(a.Disks) != a.Count:
		return a, fmt.Errorf("the order is for %d disks and names %d", a.Count, len(a.Disks))
	case len(a.Keys) == 0 && order["PASSWORD_HASH"] == "":
		return a, fmt.Errorf("the order has neither an SSH key nor a password, so nobody could log in")
	}
	return a, nil
}

var orderStart = regexp.MustCompile(`^([A-Z][A-Z0-9_]*)='`)

// takeApart reads lines KEY='value'. A value may have several lines, and a quote
// in it is written '\”.
func takeApart(text string) (map[string]string, error) {
	order := make(map[string]string)
	for text != "" {
		if line, rest, _ := strings.Cut(text, "\n"); line == "" || line[0] == '#' {
			text = rest
			continue
		}
		m := orderStart.FindStringSubmatch(text)
		if m == nil {
			line, _, _ := strings.Cut(text, "\n")
			return nil, fmt.Errorf("a line of the order is none: %q", line)
		}
		value, rest, ok := cutQuoted(text[len(m[0]):])
		if !ok {
			return nil, fmt.Errorf("the order's %s does not end, or not with its line", m[1])
		}
		order[m[1]], text = strings.TrimSuffix(value, "\n"), rest
	}
	return order, nil
}

// cutQuoted returns what stands before the closing quote, and the lines behind it.
func cutQuoted(text string) (value, rest string, ok bool) {
	const quote = `'\''`
	var b strings.Builder
	for {
		i := strings.IndexByte(text, '\'')
		switch {
		case i < 0:
			return "", "", false
		case strings.HasPrefix(text[i:], quote):
			b.WriteString(text[:i] + "'")
			text = text[i+len(quote):]
		default:
			b.WriteString(text[:i])
			rest, ok = strings.CutPrefix(text[i+1:], "\n")
			return b.String(), rest, ok || rest == ""
		}
	}
}

func nonEmptyLines(text string) []string {
	return slices.DeleteFunc(strings.Split(text, "\n"), func(l string) bool { return strings.TrimSpace(l) == "" })
}
