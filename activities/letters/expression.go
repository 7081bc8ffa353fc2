package letters

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"text/template"
	"text/template/parse"
)

// argument is a value in an expression; its type is nil where it is not known.
type argument struct {
	node parse.Node
	typ  reflect.Type
}

// builtins are those of the template language's own functions that letters may
// use. The escaping ones are left out: mails are escaped by html/template,
// tickets are plain text.
var builtins = map[string]any{
	"and": builtin{}, "or": builtin{}, "index": builtin{},
	"not": yields[bool](), "eq": yields[bool](), "ne": yields[bool](),
	"lt": yields[bool](), "le": yields[bool](), "gt": yields[bool](), "ge": yields[bool](),
	"len":   yields[int](),
	"print": yields[string](), "printf": yields[string](),
}

// builtin is a function of the template language; result is nil where it
// depends on the arguments.
type builtin struct{ result reflect.Type }

func yields[T any]() builtin { return builtin{reflect.TypeFor[T]()} }

// command returns the type of one command of a pipeline. piped is the value of
// the command before it, nil for the first.
func (s *scope) command(cmd *parse.CommandNode, piped *argument) (reflect.Type, error) {
	if name, ok := cmd.Args[0].(*parse.IdentifierNode); ok {
		return s.function(name, cmd.Args[1:], piped)
	}
	t, err := s.value(cmd.Args[0])
	if err != nil {
		return nil, err
	}
	for _, arg := range cmd.Args[1:] { // a method's
		if _, err := s.value(arg); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// value returns the type of anything that can stand as an argument.
func (s *scope) value(n parse.Node) (reflect.Type, error) {
	switch n := n.(type) {
	case *parse.DotNode:
		return s.dot, nil
	case *parse.FieldNode:
		return s.fields(n, s.dot, n.Ident)
	case *parse.VariableNode:
		return s.fields(n, s.variable(n.Ident[0]), n.Ident[1:])
	case *parse.ChainNode:
		t, err := s.value(n.Node)
		if err != nil {
			return nil, err
		}
		return s.fields(n, t, n.Field)
	case *parse.PipeNode:
		return s.pipe(n)
	case *parse.IdentifierNode:
		return s.function(n, nil, nil)
	case *parse.StringNode:
		return reflect.TypeFor[string](), nil
	case *parse.BoolNode:
		return reflect.TypeFor[bool](), nil
	}
	return nil, nil // numbers take the type that is wanted
}

func (s *scope) variable(name string) reflect.Type {
	for _, v := range slices.Backward(s.vars) {
		if v.name == name {
			return v.typ
		}
	}
	return nil
}

// fields returns the type at the end of a chain of fields and methods.
func (s *scope) fields(n parse.Node, t reflect.Type, names []string) (reflect.Type, error) {
	for _, name := range names {
		if t == nil || t.Kind() == reflect.Interface {
			return nil, nil
		}
		next, ok := member(t, name)
		if !ok {
			return nil, s.refuse(n, fmt.Sprintf("%s has no field .%s", typeName(t), name), "use one of "+fieldNames(t))
		}
		t = next
	}
	return t, nil
}

// member returns the type of a field, or of what a method returns.
func member(t reflect.Type, name string) (reflect.Type, bool) {
	base := indirect(t)
	if m, ok := reflect.PointerTo(base).MethodByName(name); ok && m.Type.NumOut() > 0 {
		return m.Type.Out(0), true
	}
	switch base.Kind() {
	case reflect.Struct:
		if f, ok := base.FieldByName(name); ok && f.IsExported() {
			return f.Type, true
		}
	case reflect.Map:
		return base.Elem(), true
	}
	return nil, false
}

// function checks a call and returns the type of its result.
func (s *scope) function(n *parse.IdentifierNode, args []parse.Node, piped *argument) (reflect.Type, error) {
	var given []argument
	for _, arg := range args {
		t, err := s.value(arg)
		if err != nil {
			return nil, err
		}
		given = append(given, argument{arg, t})
	}
	if piped != nil {
		given = append(given, *piped)
	}
	if b, ok := builtins[n.Ident].(builtin); ok {
		return b.result, nil
	}
	fn := reflect.TypeOf(s.funcs[n.Ident])
	if len(given) != fn.NumIn() {
		return nil, s.refuse(n, fmt.Sprintf("%s takes %d arguments, not %d", n.Ident, fn.NumIn(), len(given)), "write it as "+signature(n.Ident, fn))
	}
	for i, arg := range given {
		if !fits(arg, fn.In(i)) {
			return nil, s.refuse(n, fmt.Sprintf("%s is a %s, and %s takes a %s", arg.node, typeName(arg.typ), n.Ident, typeName(fn.In(i))),
				"write it as "+signature(n.Ident, fn))
		}
	}
	return fn.Out(0), nil
}

// fits reports whether text/template can pass a value as a parameter: as it is,
// with a pointer followed or taken, or as a constant of the kind.
func fits(arg argument, param reflect.Type) bool {
	switch t := arg.typ; {
	case t == nil || t.Kind() == reflect.Interface || param.Kind() == reflect.Interface || t.AssignableTo(param):
		return true
	case t.Kind() == reflect.Pointer && t.Elem().AssignableTo(param):
		return true
	case param.Kind() == reflect.Pointer && t.AssignableTo(param.Elem()):
		return true
	default:
		_, constant := arg.node.(*parse.StringNode)
		return constant && param.Kind() == reflect.String
	}
}

// fieldNames lists what a template can name of a value, each with its dot.
func fieldNames(t reflect.Type) string {
	base := indirect(t)
	if base.Kind() != reflect.Struct {
		return "the value itself, which is a " + typeName(t)
	}
	var names []string
	for f := range base.Fields() {
		if f.IsExported() {
			names = append(names, "."+f.Name)
		}
	}
	return strings.Join(names, ", ")
}

func functionNames(funcs template.FuncMap) string {
	names := slices.Collect(maps.Keys(funcs))
	names = slices.AppendSeq(names, maps.Keys(builtins))
	slices.Sort(names)
	return strings.Join(names, ", ")
}

func signature(name string, fn reflect.Type) string {
	parts := []string{name}
	for in := range fn.Ins() {
		parts = append(parts, typeName(in))
	}
	return "{{" + strings.Join(parts, " ") + "}}"
}

func typeName(t reflect.Type) string {
	t = indirect(t)
	if t.Kind() == reflect.Slice {
		return "list of " + typeName(t.Elem())
	}
	return t.Name()
}
