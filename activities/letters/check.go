package letters

import (
	"fmt"
	"iter"
	"maps"
	"reflect"
	"slices"
	"strings"
	"text/template"
	"text/template/parse"

	"github.com/handrail/handrail/hosting"
)

// checker follows the types through a set of templates, so that a name that
// does not exist is found even where no sample letter leads (H24).
type checker struct {
	trees map[string]*parse.Tree
	funcs template.FuncMap
	// seen are the templates checked, with the type of what they are given;
	// reached are their names.
	seen    map[call]bool
	reached map[string]bool
}

type call struct {
	name string
	dot  reflect.Type
}

func newChecker(trees map[string]*parse.Tree, funcs template.FuncMap) *checker {
	return &checker{trees: trees, funcs: funcs, seen: map[call]bool{}, reached: map[string]bool{}}
}

// template checks one template when it is given a value of type dot; nil is a
// type that is not known.
func (c *checker) template(name string, dot reflect.Type) error {
	if c.seen[call{name, dot}] {
		return nil
	}
	c.seen[call{name, dot}], c.reached[name] = true, true
	tree := c.trees[name]
	s := &scope{checker: c, tree: tree, dot: dot, vars: []variable{{"$", dot}}}
	return s.list(tree.Root)
}

// rest checks those of the named templates that were not reached, as ones that
// are given a value of type dot.
func (c *checker) rest(names iter.Seq[string], dot reflect.Type) error {
	for _, name := range slices.Sorted(names) {
		if c.reached[name] {
			continue
		}
		if err := c.template(name, dot); err != nil {
			return err
		}
	}
	return nil
}

// scope is a place in a template: what the dot and the variables are there.
type scope struct {
	*checker
	tree *parse.Tree
	dot  reflect.Type
	vars []variable
}

type variable struct {
	name string
	typ  reflect.Type
}

// inner is the scope of a block. Variables declared in it end with it.
func (s *scope) inner(dot reflect.Type) *scope {
	return &scope{checker: s.checker, tree: s.tree, dot: dot, vars: slices.Clip(s.vars)}
}

func (s *scope) list(l *parse.ListNode) error {
	if l == nil {
		return nil
	}
	for _, n := range l.Nodes {
		if err := s.node(n); err != nil {
			return err
		}
	}
	return nil
}

func (s *scope) node(n parse.Node) error {
	switch n := n.(type) {
	case *parse.ActionNode:
		_, err := s.pipe(n.Pipe)
		return err
	case *parse.IfNode:
		return s.branch(&n.BranchNode, func(in *scope) (reflect.Type, error) {
			_, err := in.pipe(n.Pipe)
			return s.dot, err
		})
	case *parse.WithNode:
		return s.branch(&n.BranchNode, func(in *scope) (reflect.Type, error) { return in.pipe(n.Pipe) })
	case *parse.RangeNode:
		return s.branch(&n.BranchNode, func(in *scope) (reflect.Type, error) { return in.ranged(n) })
	case *parse.TemplateNode:
		return s.include(n)
	}
	return nil // text, comment, break, continue
}

// branch checks if, with and range: they differ in what the dot is inside.
func (s *scope) branch(n *parse.BranchNode, enter func(*scope) (reflect.Type, error)) error {
	in := s.inner(s.dot)
	dot, err := enter(in)
	if err != nil {
		return err
	}
	otherwise := in.inner(s.dot)
	in.dot = dot
	if err := in.list(n.List); err != nil {
		return err
	}
	return otherwise.list(n.ElseList)
}

// ranged returns the type of the elements that a range goes over, and gives
// the range's variables their types.
func (s *scope) ranged(n *parse.RangeNode) (reflect.Type, error) {
	t, err := s.commands(n.Pipe)
	if err != nil {
		return nil, err
	}
	var key, elem reflect.Type
	if t != nil {
		t = indirect(t)
		switch t.Kind() {
		case reflect.Slice, reflect.Array:
			key, elem = reflect.TypeFor[int](), t.Elem()
		case reflect.Map:
			key, elem = t.Key(), t.Elem()
		case reflect.Int:
			key, elem = t, t
		case reflect.Interface:
		default:
			return nil, s.refuse(n, fmt.Sprintf("%s is a single %s, not a list", n.Pipe, t.Name()), "use {{with}} or {{if}} instead of {{range}}")
		}
	}
	types := []reflect.Type{elem}
	if len(n.Pipe.Decl) == 2 {
		types = []reflect.Type{key, elem}
	}
	for i, v := range n.Pipe.Decl {
		s.set(v, types[i], n.Pipe.IsAssign)
	}
	return elem, nil
}

func (s *scope) include(n *parse.TemplateNode) error {
	if s.trees[n.Name] == nil {
		return s.refuse(n, fmt.Sprintf("there is no template %q", n.Name),
			"define it, or include one of "+strings.Join(slices.Sorted(maps.Keys(s.trees)), ", "))
	}
	var dot reflect.Type
	if n.Pipe != nil {
		t, err := s.pipe(n.Pipe)
		if err != nil {
			return err
		}
		dot = t
	}
	return s.checker.template(n.Name, dot)
}

// pipe returns the type of a pipeline's value, and declares its variables.
func (s *scope) pipe(p *parse.PipeNode) (reflect.Type, error) {
	t, err := s.commands(p)
	if err != nil {
		return nil, err
	}
	for _, v := range p.Decl {
		s.set(v, t, p.IsAssign)
	}
	return t, nil
}

func (s *scope) commands(p *parse.PipeNode) (t reflect.Type, err error) {
	var last *argument
	for _, cmd := range p.Cmds {
		if t, err = s.command(cmd, last); err != nil {
			return nil, err
		}
		last = &argument{node: cmd, typ: t}
	}
	return t, nil
}

// set declares a variable. One that is assigned another type than it had could
// be of either from then on, so it is not known.
func (s *scope) set(v *parse.VariableNode, t reflect.Type, assign bool) {
	if assign && s.variable(v.Ident[0]) != t {
		t = nil
	}
	s.vars = append(s.vars, variable{v.Ident[0], t})
}

// refuse is the error for a node: file, line and column, what, what to do.
func (s *scope) refuse(n parse.Node, what, do string) error {
	where, _ := s.tree.ErrorContext(n)
	return hosting.Invalid("", where+": "+what, do)
}

func indirect(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t
}
