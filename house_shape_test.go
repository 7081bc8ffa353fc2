package handrail_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strings"
)

// maxLines is the length beyond which a file is two things.
const maxLines = 400

// sayNothing are names that tell nobody what a package is about.
var sayNothing = []string{"util", "utils", "common", "helper", "helpers", "misc"}

var shapeRules = []rule{
	{
		says: "a package is named for one thing",
		breaks: func(p pkg) []string {
			if !slices.Contains(sayNothing, p.Name) {
				return nil
			}
			return []string{"the name " + p.Name + " says nothing"}
		},
		sample: pkg{ImportPath: module + "/hosting/util", Name: "util"},
	},
	{
		says:   "a file over 400 lines is two things",
		breaks: tooLong,
		sample: pkg{Name: "long", sources: []source{{"long.go", strings.Repeat("\n", maxLines+1)}}},
	},
	{
		says:   "an exported name has a comment",
		breaks: uncommented,
		sample: pkg{Name: "bare", sources: []source{{"bare.go", "package bare\n\nfunc Bare() {}\n"}}},
	},
	{
		says:   "a package says what it is",
		breaks: unintroduced,
		sample: pkg{Name: "bare", sources: []source{{"bare.go", "package bare\n"}}},
	},
}

func tooLong(p pkg) (found []string) {
	for _, s := range p.sources {
		if n := strings.Count(s.text, "\n"); n > maxLines {
			found = append(found, fmt.Sprintf("%s has %d lines", s.name, n))
		}
	}
	return found
}

func unintroduced(p pkg) []string {
	if len(p.sources) == 0 {
		return nil
	}
	for _, s := range p.sources {
		file, err := parser.ParseFile(token.NewFileSet(), s.name, s.text, parser.ParseComments|parser.PackageClauseOnly)
		if err == nil && file.Doc != nil {
			return nil
		}
	}
	return []string{"no file has a comment on the package"}
}

func uncommented(p pkg) (found []string) {
	for _, s := range p.sources {
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, s.name, s.text, parser.ParseComments)
		if err != nil {
			found = append(found, err.Error())
			continue
		}
		for _, d := range file.Decls {
			for _, name := range bareNames(d) {
				found = append(found, fmt.Sprintf("%s: %s has no comment", fset.Position(name.Pos()), name.Name))
			}
		}
	}
	return found
}

// bareNames are the exported names that a declaration introduces without a
// comment. The comment on a group of constants or variables holds for all.
func bareNames(d ast.Decl) (bare []*ast.Ident) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Doc == nil && d.Name.IsExported() && reachable(d.Recv) {
			bare = append(bare, d.Name)
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				if s.Name.IsExported() && d.Doc == nil && s.Doc == nil && s.Comment == nil {
					bare = append(bare, s.Name)
				}
			case *ast.ValueSpec:
				if d.Doc == nil && s.Doc == nil && s.Comment == nil {
					bare = append(bare, exported(s.Names)...)
				}
			}
		}
	}
	return bare
}

// reachable reports whether others can call the methods of a receiver.
func reachable(receiver *ast.FieldList) bool {
	if receiver == nil {
		return true
	}
	t := receiver.List[0].Type
	for {
		switch inner := t.(type) {
		case *ast.StarExpr:
			t = inner.X
		case *ast.IndexExpr:
			t = inner.X
		case *ast.IndexListExpr:
			t = inner.X
		case *ast.Ident:
			return inner.IsExported()
		default:
			return true
		}
	}
}

func exported(names []*ast.Ident) []*ast.Ident {
	return slices.DeleteFunc(slices.Clone(names), func(n *ast.Ident) bool { return !n.IsExported() })
}
