package render

import (
	"text/template"
	"text/template/parse"
)

// The functions that a guard puts into a template. Nobody can call them there,
// because they are not known while it is parsed.
const (
	printGuard  = "output"     // what an action prints
	tickGuard   = "tick"       // in each round of a loop
	lookupGuard = "lookup"     // a field that may be missing
	indexGuard  = "indexIfAny" // an index that may be missing
)

func (s *set) guards() template.FuncMap {
	return template.FuncMap{
		printGuard:  scalar,
		tickGuard:   func() (string, error) { return "", s.ctx.Err() },
		lookupGuard: lookupOptional,
		indexGuard:  indexOptional,
	}
}

// A guard changes a parsed template so that package text/template, which would
// print "<no value>", "map[a:1]" or loop for ever, makes an error of it:
//
//   - what {{x}} prints goes through printGuard, which takes scalars only;
//   - each round of a range goes through tickGuard, which sees the deadline;
//   - {{template "x" y}} is {{include "x" y}}, which reads files and counts depth;
//   - the value that exists and default look at may be missing.
type guard struct {
	included []string // the names that include and template have as constants
}

func (g *guard) list(l *parse.ListNode) {
	if l == nil {
		return
	}
	for i, n := range l.Nodes {
		switch n := n.(type) {
		case *parse.ActionNode:
			g.action(n)
		case *parse.IfNode:
			g.branch(&n.BranchNode)
		case *parse.WithNode:
			g.branch(&n.BranchNode)
		case *parse.RangeNode:
			g.branch(&n.BranchNode)
			tick := &parse.ActionNode{NodeType: parse.NodeAction, Pos: n.Pos, Pipe: pipe(n.Pos, tickGuard)}
			n.List.Nodes = append([]parse.Node{tick}, n.List.Nodes...)
		case *parse.TemplateNode:
			l.Nodes[i] = g.include(n)
		}
	}
}

func (g *guard) branch(b *parse.BranchNode) {
	g.pipeline(b.Pipe)
	g.list(b.List)
	g.list(b.ElseList)
}

func (g *guard) action(n *parse.ActionNode) {
	where := n.Pipe.String()
	g.pipeline(n.Pipe)
	if len(n.Pipe.Decl) == 0 {
		n.Pipe.Cmds = append(n.Pipe.Cmds, command(n.Pos, printGuard, text(n.Pos, where)))
	}
}

func (g *guard) include(n *parse.TemplateNode) *parse.ActionNode {
	var data parse.Node = &parse.NilNode{NodeType: parse.NodeNil, Pos: n.Pos}
	if n.Pipe != nil {
		g.pipeline(n.Pipe)
		data = n.Pipe
	}
	g.included = append(g.included, n.Name)
	return &parse.ActionNode{NodeType: parse.NodeAction, Pos: n.Pos, Pipe: pipe(n.Pos, "include", text(n.Pos, n.Name), data)}
}

func (g *guard) pipeline(p *parse.PipeNode) {
	for i, cmd := range p.Cmds {
		for _, arg := range cmd.Args {
			g.argument(arg)
		}
		f, ok := cmd.Args[0].(*parse.IdentifierNode)
		if !ok {
			continue
		}
		var last int // the argument they look at, or else what the pipe brings
		switch f.Ident {
		case "include":
			if name, ok := cmd.Args[min(1, len(cmd.Args)-1)].(*parse.StringNode); ok {
				g.included = append(g.included, name.Text)
			}
			continue
		case "exists":
			last = 1
		case "default":
			last = 2
		default:
			continue
		}
		if len(cmd.Args) > last {
			cmd.Args[last] = optional(cmd.Args[last])
		} else if i > 0 {
			optionalCommand(p.Cmds[i-1])
		}
	}
}

func (g *guard) argument(n parse.Node) {
	switch n := n.(type) {
	case *parse.PipeNode:
		g.pipeline(n)
	case *parse.ChainNode:
		g.argument(n.Node)
	}
}

// optionalCommand lets the value of a command be missing.
func optionalCommand(cmd *parse.CommandNode) {
	if f, ok := cmd.Args[0].(*parse.IdentifierNode); ok && f.Ident == "index" {
		cmd.Args[0] = identifier(f.Pos, indexGuard)
	} else if len(cmd.Args) == 1 {
		cmd.Args[0] = optional(cmd.Args[0])
	}
}

// optional returns n with its fields, .a.b or $x.a.b, allowed to be missing.
func optional(n parse.Node) parse.Node {
	switch n := n.(type) {
	case *parse.FieldNode:
		return lookup(&parse.DotNode{NodeType: parse.NodeDot, Pos: n.Pos}, n.Ident)
	case *parse.VariableNode:
		if len(n.Ident) > 1 {
			return lookup(&parse.VariableNode{NodeType: parse.NodeVariable, Pos: n.Pos, Ident: n.Ident[:1]}, n.Ident[1:])
		}
	case *parse.ChainNode:
		return lookup(optional(n.Node), n.Field)
	case *parse.PipeNode:
		optionalCommand(n.Cmds[len(n.Cmds)-1])
	}
	return n
}

func lookup(in parse.Node, fields []string) parse.Node {
	pos := in.Position()
	args := []parse.Node{in}
	for _, f := range fields {
		args = append(args, text(pos, f))
	}
	return pipe(pos, lookupGuard, args...)
}
