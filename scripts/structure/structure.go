// Package structure looks at the project's own packages: their sizes, and which of their files refer to
// which. Its tests hold the rules that docs/architecture.md states.
//
//  1. Load reads packages of this module with their types.
//  2. Package.Refers says for each file which other files of the package declare what it uses.
//  3. Package.Circle finds files that refer to each other in a circle.
//
// A package whose files refer one way can be read from top to bottom: nothing that a file uses is explained
// in a file that builds on it.
package structure

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"maps"
	"path/filepath"
	"slices"

	"golang.org/x/tools/go/packages"
)

// Package is one package without its tests.
type Package struct {
	Path  string
	Files []string // names, without folders
	Lines int      // of all files

	loaded *packages.Package
}

// Load reads the packages that match patterns, in the folder dir of this module.
func Load(dir string, patterns ...string) ([]*Package, error) {
	const need = packages.NeedName | packages.NeedFiles | packages.NeedSyntax | packages.NeedTypes | packages.NeedTypesInfo | packages.NeedImports | packages.NeedExportFile
	all, err := packages.Load(&packages.Config{Mode: need, Dir: dir}, patterns...)
	if err != nil {
		return nil, err
	}
	var list []*Package
	for _, p := range all {
		if len(p.Errors) > 0 {
			return nil, fmt.Errorf("%s: %w", p.PkgPath, p.Errors[0])
		}
		n := &Package{Path: p.PkgPath, loaded: p}
		for _, f := range p.Syntax {
			file := p.Fset.File(f.Pos())
			n.Files = append(n.Files, filepath.Base(file.Name()))
			n.Lines += file.LineCount()
		}
		list = append(list, n)
	}
	return list, nil
}

// Refers returns, by file, the other files that declare what it uses, sorted.
func (p *Package) Refers() map[string][]string {
	fset := p.loaded.Fset
	name := func(at token.Pos) string { return filepath.Base(fset.File(at).Name()) }
	uses := map[string]map[string]bool{}
	for _, f := range p.loaded.Syntax {
		from := name(f.Pos())
		uses[from] = map[string]bool{}
		ast.Inspect(f, func(n ast.Node) bool {
			id, ok := n.(*ast.Ident)
			if !ok {
				return true
			}
			obj := p.loaded.TypesInfo.Uses[id]
			if obj == nil || obj.Pkg() != p.loaded.Types || !obj.Pos().IsValid() || local(obj) {
				return true
			}
			if to := name(obj.Pos()); to != from {
				uses[from][to] = true
			}
			return true
		})
	}
	out := map[string][]string{}
	for from, to := range uses {
		out[from] = slices.Sorted(maps.Keys(to))
	}
	return out
}

// local reports whether an object belongs to a function.
func local(obj types.Object) bool {
	v, ok := obj.(*types.Var)
	if ok && v.IsField() {
		return false
	}
	if f, ok := obj.(*types.Func); ok && f.Signature().Recv() != nil {
		return false
	}
	return obj.Parent() != obj.Pkg().Scope()
}

// Circle returns files that refer to each other in a circle, in the order of the references; nil: there are
// none.
func (p *Package) Circle() []string {
	refers := p.Refers()
	done, path := map[string]bool{}, []string{}
	var visit func(file string) []string
	visit = func(file string) []string {
		if i := slices.Index(path, file); i >= 0 {
			return append(slices.Clone(path[i:]), file)
		}
		if done[file] {
			return nil
		}
		path = append(path, file)
		for _, to := range refers[file] {
			if c := visit(to); c != nil {
				return c
			}
		}
		path = path[:len(path)-1]
		done[file] = true
		return nil
	}
	for _, file := range slices.Sorted(maps.Keys(refers)) {
		if c := visit(file); c != nil {
			return c
		}
	}
	return nil
}
