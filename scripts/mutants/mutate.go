package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// mutant is one change of one source file.
type mutant struct {
	target   *target
	file     string // below the module's root, with slashes
	line     int
	column   int
	change   string // in words
	from, to int    // offsets of the bytes that text replaces
	text     string
	in       *function // nil: it is in none
}

// function is a function declaration around mutants.
type function struct {
	decl *ast.FuncDecl
	set  *token.FileSet
}

// key names a mutant in lists. It stays the same until its line moves.
func (m *mutant) key() string {
	return fmt.Sprintf("%s:%d:%d: %s", m.file, m.line, m.column, m.change)
}

// apply returns the source with the change.
func (m *mutant) apply(source []byte) []byte {
	return slices.Concat(source[:m.from], []byte(m.text), source[m.to:])
}

// swapped are the comparisons and connectives, with what stands in their place: another boundary, or the opposite.
var swapped = map[token.Token][]token.Token{
	token.LSS:  {token.LEQ, token.GEQ},
	token.LEQ:  {token.LSS, token.GTR},
	token.GTR:  {token.GEQ, token.LEQ},
	token.GEQ:  {token.GTR, token.LSS},
	token.EQL:  {token.NEQ},
	token.NEQ:  {token.EQL},
	token.LAND: {token.LOR},
	token.LOR:  {token.LAND},
}

// leftOut are functions without mutants, by file and name, and why: what they do has no right and no wrong.
var leftOut = map[string]string{
	"fuzz/kv/walk.go visited":     "numbers for where the search has been: they choose inputs and judge none",
	"fuzz/update/walk.go visited": "numbers for where the search has been: they choose inputs and judge none",
	"fuzz/update/input.go decode": "any bytes are an input: another reading of them is as good",
}

// mutants lists the mutants of a package's sources, tests left out, in the order of the files.
func (t *target) mutants(root string) (all []mutant, err error) {
	files, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(t.dir), "*.go"))
	if err != nil {
		return nil, err
	}
	for _, path := range files {
		// A planted defect is a bug already: whether tests see it is the catalogue's matter.
		if strings.HasSuffix(path, "_test.go") || filepath.Base(path) == "defects.go" {
			continue
		}
		source, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		some, err := mutate(t.dir+"/"+filepath.Base(path), source)
		if err != nil {
			return nil, err
		}
		for i := range some {
			some[i].target = t
		}
		all = append(all, some...)
	}
	return all, nil
}

// mutate lists the mutants of one file.
func mutate(name string, source []byte) ([]mutant, error) {
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, name, source, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	m := &mutator{set: set, name: name, source: source, unread: map[ast.Node]bool{}}
	for _, d := range file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if ok && (f.Name.Name == "String" || f.Name.Name == "Error" || leftOut[name+" "+f.Name.Name] != "") {
			continue // words for people, or what has no right value
		}
		if m.in = nil; ok {
			m.in = &function{f, set}
		}
		ast.Walk(m, d)
	}
	return m.found, nil
}

// mutator is an ast.Visitor that collects mutants.
type mutator struct {
	set    *token.FileSet
	name   string
	source []byte
	fails  []bool // for each function around: whether its last result is an error
	stack  []ast.Node
	unread map[ast.Node]bool // numbers beside an error, which callers do not read
	in     *function
	found  []mutant
}

func (m *mutator) add(from, to token.Pos, text, change string, args ...any) {
	at := m.set.Position(from)
	m.found = append(m.found, mutant{
		file: m.name, line: at.Line, column: at.Column, change: fmt.Sprintf(change, args...),
		from: at.Offset, to: m.set.Position(to).Offset, text: text, in: m.in,
	})
}

// Visit implements ast.Visitor.
func (m *mutator) Visit(n ast.Node) ast.Visitor {
	if n == nil {
		switch m.stack[len(m.stack)-1].(type) {
		case *ast.FuncDecl, *ast.FuncLit:
			m.fails = m.fails[:len(m.fails)-1]
		}
		m.stack = m.stack[:len(m.stack)-1]
		return nil
	}
	switch n := n.(type) {
	case *ast.ImportSpec:
		return nil
	case *ast.Field:
		return nil // types and tags
	case *ast.BasicLit:
		if m.unread[n] {
			return nil
		}
	case *ast.CallExpr:
		if talks(n) {
			return nil
		}
		if id, ok := n.Fun.(*ast.Ident); ok && id.Name == "make" && len(n.Args) == 3 {
			return nil // a capacity
		}
	}
	m.node(n)
	m.stack = append(m.stack, n)
	return m
}

// talks reports whether a call makes an error or a text for people: what it says is not judged.
func talks(c *ast.CallExpr) bool {
	switch f := c.Fun.(type) {
	case *ast.Ident:
		return f.Name == "panic" || f.Name == "badKey"
	case *ast.SelectorExpr:
		if x, ok := f.X.(*ast.SelectorExpr); ok && (x.Sel.Name == "cam" || x.Sel.Name == "Film") {
			return true // a scene of a film
		}
		x, ok := f.X.(*ast.Ident)
		return ok && (x.Name == "fmt" || x.Name == "cam" || x.Name == "errors" && f.Sel.Name == "New")
	}
	return false
}

// node adds the mutants of one node.
func (m *mutator) node(n ast.Node) {
	switch n := n.(type) {
	case *ast.FuncDecl:
		m.fails = append(m.fails, fails(n.Type))
	case *ast.FuncLit:
		m.fails = append(m.fails, fails(n.Type))
	case *ast.BinaryExpr:
		for _, with := range swapped[n.Op] {
			m.add(n.OpPos, n.OpPos+token.Pos(len(n.Op.String())), with.String(), "%s becomes %s", n.Op, with)
		}
	case *ast.IfStmt:
		m.negate(n.Cond)
	case *ast.ForStmt:
		if n.Cond != nil {
			m.negate(n.Cond)
		}
	case *ast.BasicLit:
		if v, err := strconv.ParseInt(n.Value, 0, 63); n.Kind == token.INT && err == nil {
			m.add(n.Pos(), n.End(), strconv.FormatInt(v+1, 10), "%s becomes %d", n.Value, v+1)
			if v > 0 {
				m.add(n.Pos(), n.End(), strconv.FormatInt(v-1, 10), "%s becomes %d", n.Value, v-1)
			}
		}
	case *ast.ExprStmt:
		if c, ok := n.X.(*ast.CallExpr); !ok || !talks(c) {
			m.remove(n)
		}
	case *ast.IncDecStmt:
		m.remove(n)
	case *ast.AssignStmt:
		if n.Tok != token.DEFINE {
			m.remove(n)
		}
	case *ast.ReturnStmt:
		if k := len(n.Results); k > 0 && len(m.fails) > 0 && m.fails[len(m.fails)-1] {
			last := n.Results[k-1]
			if id, ok := last.(*ast.Ident); !ok || id.Name != "nil" {
				m.add(last.Pos(), last.End(), "nil", "no error: %s", m.words(last))
			}
			if m.isError(last) {
				for _, r := range n.Results[:k-1] {
					m.unread[r] = true
				}
			}
		}
	}
}

// isError reports whether the last result of a return is an error whatever happens: one that is made there, a sentinel by
// its name, or a variable in the body of an if that asks whether it is not nil.
func (m *mutator) isError(last ast.Expr) bool {
	switch x := last.(type) {
	case *ast.CallExpr:
		f, ok := x.Fun.(*ast.SelectorExpr)
		return ok && talks(x) && (f.Sel.Name == "Errorf" || f.Sel.Name == "New")
	case *ast.SelectorExpr:
		return strings.HasPrefix(x.Sel.Name, "Err")
	case *ast.Ident:
		if strings.HasPrefix(x.Name, "Err") {
			return true
		}
		if len(m.stack) < 2 {
			return false
		}
		around, ok := m.stack[len(m.stack)-2].(*ast.IfStmt)
		if !ok || around.Body != m.stack[len(m.stack)-1] {
			return false
		}
		c, ok := around.Cond.(*ast.BinaryExpr)
		if !ok || c.Op != token.NEQ || !names(c.X, x.Name) || !names(c.Y, "nil") {
			return false
		}
		for _, s := range around.Body.List {
			if _, ok := s.(*ast.ReturnStmt); !ok {
				return false // it may set the variable
			}
		}
		return true
	}
	return false
}

// names reports whether an expression is a name.
func names(x ast.Expr, name string) bool {
	id, ok := x.(*ast.Ident)
	return ok && id.Name == name
}

// negate adds the mutant in which a condition is the opposite. A comparison has one already.
func (m *mutator) negate(cond ast.Expr) {
	if b, ok := cond.(*ast.BinaryExpr); ok && swapped[b.Op] != nil && b.Op != token.LAND && b.Op != token.LOR {
		return
	}
	text := string(m.source[m.set.Position(cond.Pos()).Offset:m.set.Position(cond.End()).Offset])
	m.add(cond.Pos(), cond.End(), "!("+text+")", "not: %s", m.words(cond))
}

// remove adds the mutant without a statement, where statements stand one below the other.
func (m *mutator) remove(s ast.Stmt) {
	if len(m.stack) == 0 {
		return
	}
	switch m.stack[len(m.stack)-1].(type) {
	case *ast.BlockStmt, *ast.CaseClause:
		m.add(s.Pos(), s.End(), "", "removed: %s", m.words(s))
	}
}

// words is the source of a node on one short line.
func (m *mutator) words(n ast.Node) string {
	text := strings.Join(strings.Fields(string(m.source[m.set.Position(n.Pos()).Offset:m.set.Position(n.End()).Offset])), " ")
	if r := []rune(text); len(r) > 60 {
		text = string(r[:60]) + "..."
	}
	return text
}

// fails reports whether a function's last result is an error.
func fails(t *ast.FuncType) bool {
	if t.Results == nil || len(t.Results.List) == 0 {
		return false
	}
	id, ok := t.Results.List[len(t.Results.List)-1].Type.(*ast.Ident)
	return ok && id.Name == "error"
}
