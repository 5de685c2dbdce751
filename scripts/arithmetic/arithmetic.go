// Arithmetic looks for sums that may differ from one machine to another:
//
//	go run ./scripts/arithmetic
//
// It is one pass over the sources:
//
//  1. The packages that make figures are loaded with their types.
//  2. Each expression of them is held against the two rules below.
//  3. What breaks one is printed with its place. The exit code is 1 then. The tests run the same check.
//
// The figures of a run are the same on every machine only if two rules hold in the packages that make them:
//
//   - A number of 64 bits, such as cycles or steps, is not converted to int: where int has 32 bits it loses its
//     upper half. min(x, math.MaxInt32) and a mask keep it in range.
//   - A product of floats that goes into a sum is rounded by a conversion, float64(x*y)+z. Without it the language
//     lets arm64 and others fuse both into one operation, with another last digit.
package main

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"os"
	"strings"

	"golang.org/x/tools/go/packages"
)

// deciding are the packages that make figures and verdicts.
var deciding = []string{
	"./model/...", "./kvstore/...", "./boot/...", "./bench/...", "./results", "./results/unit", "./results/compare",
	"./fuzz/explore/...", "./fuzz/kv/...", "./fuzz/update/...", "./fuzz/layout/...",
}

func main() {
	found, err := check(".", deciding...)
	if err != nil {
		fmt.Fprintln(os.Stderr, "arithmetic:", err)
		os.Exit(2)
	}
	for _, f := range found {
		fmt.Println(f)
	}
	if len(found) > 0 {
		os.Exit(1)
	}
}

// check returns what breaks a rule in the packages that the patterns name, as lines FILE:LINE: WHAT. Tests are not
// looked at.
func check(dir string, patterns ...string) ([]string, error) {
	pkgs, err := packages.Load(&packages.Config{
		Dir: dir, Mode: packages.NeedName | packages.NeedSyntax | packages.NeedTypes | packages.NeedTypesInfo | packages.NeedFiles | packages.NeedImports | packages.NeedExportFile,
	}, patterns...)
	if err != nil {
		return nil, err
	}
	var found []string
	for _, p := range pkgs {
		if len(p.Errors) > 0 {
			return nil, p.Errors[0]
		}
		for _, file := range p.Syntax {
			if name := p.Fset.Position(file.Pos()).Filename; strings.HasSuffix(name, "_test.go") {
				continue
			}
			l := look{p.TypesInfo, p.Fset, &found}
			ast.Inspect(file, l.node)
		}
	}
	return found, nil
}

// look is the check of one file.
type look struct {
	info  *types.Info
	fset  *token.FileSet
	found *[]string
}

func (l look) report(at token.Pos, what string) {
	*l.found = append(*l.found, fmt.Sprintf("%s: %s", l.fset.Position(at), what))
}

func (l look) node(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.BinaryExpr:
		if (n.Op == token.ADD || n.Op == token.SUB) && (l.product(n.X) || l.product(n.Y)) {
			l.report(n.Pos(), "a product of floats in a sum: round it first, float64(x*y)+z")
		}
	case *ast.AssignStmt:
		if (n.Tok == token.ADD_ASSIGN || n.Tok == token.SUB_ASSIGN) && l.product(n.Rhs[0]) {
			l.report(n.Pos(), "a product of floats in a sum: round it first, float64(x*y)+z")
		}
	case *ast.CallExpr:
		if l.narrows(n) {
			l.report(n.Pos(), "64 bits become an int: keep them, or bound them with min")
		}
	}
	return true
}

// product reports whether e is a product of floats that is not rounded and not a constant.
func (l look) product(e ast.Expr) bool {
	for {
		switch x := e.(type) {
		case *ast.ParenExpr:
			e = x.X
			continue
		case *ast.UnaryExpr:
			e = x.X
			continue
		}
		break
	}
	b, ok := e.(*ast.BinaryExpr)
	if !ok || b.Op != token.MUL {
		return false
	}
	tv := l.info.Types[b]
	basic, ok := tv.Type.Underlying().(*types.Basic)
	return ok && tv.Value == nil && basic.Info()&types.IsFloat != 0
}

// narrows reports whether the call converts a number of 64 bits to int without a bound.
func (l look) narrows(call *ast.CallExpr) bool {
	fun := l.info.Types[call.Fun]
	if !fun.IsType() || len(call.Args) != 1 {
		return false
	}
	to, ok := fun.Type.Underlying().(*types.Basic)
	if !ok || to.Kind() != types.Int && to.Kind() != types.Uint {
		return false
	}
	arg := l.info.Types[call.Args[0]]
	from, ok := arg.Type.Underlying().(*types.Basic)
	if !ok || arg.Value != nil || from.Kind() != types.Uint64 && from.Kind() != types.Int64 {
		return false
	}
	return !l.bounded(call.Args[0])
}

// bounded reports whether e is seen to be small: a min with a constant, a mask, or a remainder by one.
func (l look) bounded(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.ParenExpr:
		return l.bounded(e.X)
	case *ast.CallExpr:
		name, ok := e.Fun.(*ast.Ident)
		if !ok || name.Name != "min" {
			return false
		}
		for _, a := range e.Args {
			if l.info.Types[a].Value != nil || l.short(a) {
				return true
			}
		}
	case *ast.BinaryExpr:
		return (e.Op == token.AND || e.Op == token.REM) && (l.info.Types[e.X].Value != nil || l.info.Types[e.Y].Value != nil)
	}
	return false
}

// short reports whether e is the conversion of an int or of 32 bits: uint64(len(x)).
func (l look) short(e ast.Expr) bool {
	conv, ok := e.(*ast.CallExpr)
	if !ok || len(conv.Args) != 1 || !l.info.Types[conv.Fun].IsType() {
		return false
	}
	from, ok := l.info.Types[conv.Args[0]].Type.Underlying().(*types.Basic)
	return ok && from.Kind() != types.Uint64 && from.Kind() != types.Int64
}
