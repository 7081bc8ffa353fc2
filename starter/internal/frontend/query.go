package frontend

import (
	"fmt"
	"regexp"
	"strings"
)

// The forms of a condition, and what their strings are made of.
const literal = `'((?:[^'\\]|\\.)*)'`

var (
	equal   = regexp.MustCompile(`^(\w+) (=|!=) ` + literal + `$`)
	oneOf   = regexp.MustCompile(`^(\w+) IN \((.*)\)$`)
	strung  = regexp.MustCompile(literal)
	either  = regexp.MustCompile(`^\((.*)\)$`)
	escaped = regexp.MustCompile(`\\(.)`)
)

// parse reads the part of the query language that Handrail uses: conditions
// joined by AND, a group of them joined by OR, and no string with AND or OR in
// it.
func parse(query string) (func(*Workflow) bool, error) {
	var all []func(*Workflow) bool
	for part := range strings.SplitSeq(query, " AND ") {
		match, err := condition(part)
		if err != nil {
			return nil, err
		}
		all = append(all, match)
	}
	return func(w *Workflow) bool {
		for _, match := range all {
			if !match(w) {
				return false
			}
		}
		return true
	}, nil
}

func condition(text string) (func(*Workflow) bool, error) {
	if m := equal.FindStringSubmatch(text); m != nil {
		return func(w *Workflow) bool { return (w.field(m[1]) == unquote(m[3])) == (m[2] == "=") }, nil
	}
	if m := oneOf.FindStringSubmatch(text); m != nil {
		wanted := map[string]bool{}
		for _, s := range strung.FindAllStringSubmatch(m[2], -1) {
			wanted[unquote(s[1])] = true
		}
		return func(w *Workflow) bool { return wanted[w.field(m[1])] }, nil
	}
	if m := either.FindStringSubmatch(text); m != nil {
		var alternatives []func(*Workflow) bool
		for part := range strings.SplitSeq(m[1], " OR ") {
			match, err := condition(part)
			if err != nil {
				return nil, err
			}
			alternatives = append(alternatives, match)
		}
		return func(w *Workflow) bool {
			for _, match := range alternatives {
				if match(w) {
					return true
				}
			}
			return false
		}, nil
	}
	return nil, fmt.Errorf("not understood: %s", text)
}

func unquote(s string) string { return escaped.ReplaceAllString(s, "$1") }

func (w *Workflow) field(name string) string {
	switch name {
	case "WorkflowType":
		return w.Type
	case "ExecutionStatus":
		return w.Status.String()
	case "WorkflowId":
		return w.ID
	}
	s, _ := w.Attributes[name].(string)
	return s
}
