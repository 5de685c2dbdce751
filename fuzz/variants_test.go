package fuzz

import (
	"bytes"
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// bugEnv is the number of the patch that a program with all of them shows, from 1 on; "" or 0: none.
const bugEnv = "DUALBANK_BUG"

// bugSource is the file that each package with patches gets.
const bugSource = `package %s

import (
	"os"
	"strconv"
)

var plantedBug = func() int { n, _ := strconv.Atoi(os.Getenv("` + bugEnv + `")); return n }()
`

// body is the body of a function, without its braces.
type body struct {
	from, to int // offsets in the file
	results  bool
	labels   []string
}

// edit replaces the bytes from one offset to another.
type edit struct {
	from, to int
	text     string
}

// variants returns the files of a program with all patches, of which the environment switches one on: in front of the
// body of each function that a patch changes stands the changed one, under the condition that its number is asked for.
// What a patch adds outside of functions is there always.
func variants(patches []patch) (map[string][]byte, error) {
	var sources []string
	for i := range patches {
		for _, c := range patches[i].changes {
			sources = append(sources, c.file)
		}
	}
	slices.Sort(sources)
	files := map[string][]byte{}
	for _, file := range slices.Compact(sources) {
		text, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			return nil, err
		}
		set := token.NewFileSet()
		parsed, err := parser.ParseFile(set, file, text, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		edits, err := variantsIn(file, text, bodies(set, parsed), patches)
		if err != nil {
			return nil, err
		}
		slices.SortStableFunc(edits, func(a, b edit) int { return cmp.Compare(b.from, a.from) })
		for _, e := range edits {
			text = slices.Concat(text[:e.from], []byte(e.text), text[e.to:])
		}
		files[file] = text
		files[path.Join(path.Dir(file), "plantedbug.go")] = fmt.Appendf(nil, bugSource, parsed.Name.Name)
	}
	return files, nil
}

// bodies are those of the functions of a file.
func bodies(set *token.FileSet, f *ast.File) (all []body) {
	at := func(p token.Pos) int { return set.Position(p).Offset }
	for _, d := range f.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || fn.Body == nil {
			continue
		}
		b := body{from: at(fn.Body.Lbrace) + 1, to: at(fn.Body.Rbrace), results: fn.Type.Results != nil}
		ast.Inspect(fn, func(n ast.Node) bool {
			if l, ok := n.(*ast.LabeledStmt); ok {
				b.labels = append(b.labels, l.Label.Name)
			}
			return true
		})
		all = append(all, b)
	}
	return all
}

// variantsIn are the edits of a file.
func variantsIn(file string, text []byte, all []body, patches []patch) (edits []edit, err error) {
	for n := range patches {
		changed := make([]string, len(all))
		for _, c := range patches[n].changes {
			if c.file != file {
				continue
			}
			at := bytes.Index(text, []byte(c.old))
			i := slices.IndexFunc(all, func(b body) bool { return at >= b.from && at+len(c.old) <= b.to })
			if at < 0 || i < 0 && !strings.Contains(c.new, c.old) {
				return nil, fmt.Errorf("%s: %q is not within a function of %s", patches[n].name, c.old, file)
			}
			if i < 0 {
				edits = append(edits, edit{at, at + len(c.old), c.new})
				continue
			}
			changed[i] = strings.Replace(cmp.Or(changed[i], string(text[all[i].from:all[i].to])), c.old, c.new, 1)
		}
		for i, s := range changed {
			if s == "" {
				continue
			}
			for _, l := range all[i].labels { // a function has each once
				s = regexp.MustCompile(`(?m)^\s*`+l+`:|\b(continue|break|goto) `+l+`\b`).ReplaceAllStringFunc(s, func(s string) string {
					return strings.Replace(s, l, fmt.Sprintf("%s%d", l, n+1), 1)
				})
			}
			end := "\nreturn\n}\n"
			if all[i].results {
				end = "\n}\n"
			}
			edits = append(edits, edit{all[i].from, all[i].from, fmt.Sprintf("\nif plantedBug == %d {", n+1) + s + end})
		}
	}
	return edits, nil
}
