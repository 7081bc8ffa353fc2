package letters

import (
	"fmt"
	htmltemplate "html/template"
	"maps"
	"reflect"
	"slices"
	"strings"
	"text/template"
	"text/template/parse"

	"github.com/handrail/handrail/hosting"
)

// The names of templates that have a meaning of their own: the line above a
// text, and the text of the ticket as a mail includes it.
const (
	subjectTemplate = "subject"
	ticketTemplate  = "ticket"
)

var letterType = reflect.TypeFor[hosting.Letter]()

// editor compiles the templates of one language.
type editor struct {
	language hosting.Language
	texts    map[string]string
	funcs    template.FuncMap
	// used are the phrases that some letter includes.
	used map[string]bool
}

func newEditor(l hosting.Language, texts map[string]string) *editor {
	return &editor{language: l, texts: texts, funcs: vocabularies[l].funcs(l), used: map[string]bool{}}
}

// text compiles a template for plain text.
func (e *editor) text(s source) (*template.Template, error) {
	trees, err := e.compile(s)
	if err != nil {
		return nil, err
	}
	if trees[subjectTemplate] == nil {
		return nil, hosting.Invalid("", s.main+` defines no "subject"`, `add {{define "subject"}}...{{end}}`)
	}
	t := template.New(s.main).Funcs(e.funcs).Option("missingkey=error")
	for name, tree := range trees {
		if _, err := t.AddParseTree(name, tree); err != nil {
			return nil, fmt.Errorf("add template %q of %s: %w", name, s.main, err)
		}
	}
	return t.Lookup(s.main), nil
}

// html compiles a template for HTML; everything it is filled with is escaped.
func (e *editor) html(s source) (*htmltemplate.Template, error) {
	trees, err := e.compile(s)
	if err != nil {
		return nil, err
	}
	t := htmltemplate.New(s.main).Funcs(e.funcs).Option("missingkey=error")
	for name, tree := range trees {
		if _, err := t.AddParseTree(name, tree); err != nil {
			return nil, fmt.Errorf("add template %q of %s: %w", name, s.main, err)
		}
	}
	return t.Lookup(s.main), nil
}

// compile parses the files of a source and checks every template that its main
// file reaches or defines. The trees are the caller's to change.
func (e *editor) compile(s source) (map[string]*parse.Tree, error) {
	trees := map[string]*parse.Tree{}
	for _, file := range s.shared {
		shared, err := e.parse(file)
		if err != nil {
			return nil, err
		}
		delete(shared, file) // what stands between the definitions is for the reader
		maps.Copy(trees, shared)
	}
	if s.ticket != "" {
		ticket, err := e.parse(s.ticket)
		if err != nil {
			return nil, err
		}
		trees[ticketTemplate] = ticket[s.ticket]
		delete(ticket, s.ticket)
		maps.Copy(trees, ticket)
	}
	main, err := e.parse(s.main)
	if err != nil {
		return nil, err
	}
	maps.Copy(trees, main)

	c := newChecker(trees, e.funcs)
	entries := []string{s.main}
	if trees[subjectTemplate] != nil {
		entries = append(entries, subjectTemplate)
	}
	if err := c.rest(slices.Values(entries), letterType); err != nil {
		return nil, err
	}
	if err := c.rest(maps.Keys(main), letterType); err != nil {
		return nil, err
	}
	maps.Copy(e.used, c.reached)
	return trees, nil
}

// checkUnused checks the phrases that no letter includes. What they would be
// given is not known, so their fields are not checked until some letter does.
func (e *editor) checkUnused() error {
	trees := map[string]*parse.Tree{}
	for _, file := range []string{layoutFile, phrasesFile(e.language)} {
		shared, err := e.parse(file)
		if err != nil {
			return err
		}
		maps.Copy(trees, shared)
	}
	unused := maps.Clone(trees)
	maps.DeleteFunc(unused, func(name string, _ *parse.Tree) bool { return e.used[name] })
	return newChecker(trees, e.funcs).rest(maps.Keys(unused), nil)
}

// parse returns the trees of one file: its own, by the file's name, and those
// that it defines.
func (e *editor) parse(file string) (map[string]*parse.Tree, error) {
	trees, err := parse.Parse(file, e.texts[file], "", "", e.funcs, builtins)
	if err != nil {
		return nil, hosting.Invalid("", strings.TrimPrefix(err.Error(), "template: "),
			fmt.Sprintf("correct the template; functions: %s; fields of a letter: %s",
				functionNames(e.funcs), fieldNames(letterType)))
	}
	return trees, nil
}
