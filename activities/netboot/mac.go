package netboot

import (
	"encoding/base64"
	"encoding/hex"
	"strings"
)

// parseMAC reads an Ethernet address as boot loaders, switches and people write
// it (52:54:00:12:34:56, 52-54-00-12-34-56, 5254.0012.3456, 525400123456, and
// with PXE's 01- before it) and returns it in lower case with colons. What can
// be no network card's (all zero, multicast) is none.
func parseMAC(text string) (string, bool) {
	if len(text) == len("01-52-54-00-12-34-56") {
		text = strings.TrimPrefix(strings.TrimPrefix(text, "01-"), "01:")
	}
	digits, ok := "", false
	for separator, width := range map[string]int{":": 2, "-": 2, ".": 4, "": 12} {
		if d, fits := ungroup(text, separator, width); fits {
			digits, ok = d, true
		}
	}
	if !ok {
		return "", false
	}
	raw, err := hex.DecodeString(digits)
	if err != nil || raw[0]&1 == 1 || digits == strings.Repeat("0", 12) {
		return "", false
	}
	var groups []string
	for i := range raw {
		groups = append(groups, hex.EncodeToString(raw[i:i+1]))
	}
	return strings.Join(groups, ":"), true
}

// ungroup takes the separators out of 12 digits in groups of one width.
func ungroup(text, separator string, width int) (string, bool) {
	groups := []string{text}
	if separator != "" {
		groups = strings.Split(text, separator)
	}
	if len(groups)*width != 12 {
		return "", false
	}
	for _, g := range groups {
		if len(g) != width {
			return "", false
		}
	}
	return strings.Join(groups, ""), true
}

// tokenBytes is the length of a token before it is encoded.
const tokenBytes = 32

var tokenEncoding = base64.RawURLEncoding.Strict()

func parseToken(text string) ([]byte, bool) {
	if len(text) != tokenEncoding.EncodedLen(tokenBytes) {
		return nil, false
	}
	raw, err := tokenEncoding.DecodeString(text)
	return raw, err == nil
}
