package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"dualbank/inspect"
	"dualbank/results"
	"dualbank/results/compare"
	"dualbank/results/page"
)

var updateJSON = flag.Bool("update-json", false, "write docs/json.md")

// jsonOf is what the commands print with --json.
var jsonOf = map[string]any{
	"run": page.Brief{}, "update": page.Brief{}, "report": page.Brief{},
	"crash": campaignJSON{}, "replay": replayJSON{}, "minimize": minimizeJSON{}, "findings": results.Finding{},
	"plan": results.Plan{}, "layout": layoutJSON{}, "inspect": inspect.Report{}, "compare": compare.Comparison{},
	"native check": nativeJSON{}, "parts": partsJSON{}, "version": versionJSON{},
}

// noResult says of the other commands why they have no --json.
var noResult = map[string]string{
	"worker": "works until Ctrl-C", "open": "works until Ctrl-C", "native print": "the text of a header",
	"help": "text for people", "completion": "text for a shell", "man": "text for groff",
}

// TestJSONEverywhere: every command that prints a result has --json, and its fields are those of docs/json.md, which is
// made of the types that are printed. A field that has another name is a change that users notice.
func TestJSONEverywhere(t *testing.T) {
	for name, n := range leaves(t) {
		has := slices.ContainsFunc(shownFlags(n), func(f *kong.Flag) bool { return f.Name == "json" })
		if want := jsonOf[name] != nil; has != want || want == (noResult[name] != "") {
			t.Errorf("%s: --json %t, documented %t, reason for none %q", name, has, want, noResult[name])
		}
	}
	got := jsonPage(t)
	if *updateJSON {
		if err := os.WriteFile("../../docs/json.md", []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile("../../docs/json.md")
	if err != nil {
		t.Fatal(err)
	}
	if string(text) != got {
		t.Error("docs/json.md is not of these types: go test ./cmd/dualbank -run TestJSONEverywhere -update-json")
	}
}

// jsonPage is docs/json.md.
func jsonPage(t *testing.T) string {
	var b strings.Builder
	b.WriteString(`# JSON

Every command that prints a result prints it as JSON with ` + "`--json`" + `, and nothing else on standard output. Fields keep
their names and their meaning; there may be more of them in a later version. Exit codes are those without the flag.
Addresses and sizes are numbers, in bytes. Times are seconds, unless the field says otherwise. A list that is empty may be
null, a field that says nothing may be missing.

| command | prints |
|---|---|
`)
	var types []reflect.Type
	for _, name := range slices.Sorted(maps.Keys(jsonOf)) {
		of := reflect.TypeOf(jsonOf[name])
		fmt.Fprintf(&b, "| `dualbank %s --json` | %s |\n", name, jsonType(t, of, &types))
	}
	b.WriteString("\nWith `--exec`, `dualbank plan` prints a [brief](#brief), too.\n")
	for i := 0; i < len(types); i++ { // it grows
		of := types[i]
		doc, fields := declared(t, of)
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n| field | is | |\n|---|---|---|\n", jsonName(of), doc)
		for _, f := range reflect.VisibleFields(of) {
			if f.Anonymous || !f.IsExported() {
				continue
			}
			tag, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if tag == "-" || tag == "film" { // which are for the page alone
				continue
			}
			if tag == "" {
				t.Errorf("%v.%s: has no name in JSON", of, f.Name)
			}
			words := fields[f.Name]
			if len(f.Index) > 1 { // of a type that is embedded
				_, embedded := declared(t, of.FieldByIndex(f.Index[:len(f.Index)-1]).Type)
				words = embedded[f.Name]
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s |\n", tag, jsonType(t, f.Type, &types), strings.ReplaceAll(words, "|", "\\|"))
		}
	}
	return b.String()
}

// jsonType is a type in words; one with fields is added to types.
func jsonType(t *testing.T, of reflect.Type, types *[]reflect.Type) string {
	switch of.Kind() {
	case reflect.Pointer:
		return jsonType(t, of.Elem(), types) + " or null"
	case reflect.Slice, reflect.Array:
		return "list: " + jsonType(t, of.Elem(), types)
	case reflect.Map:
		return "by name: " + jsonType(t, of.Elem(), types)
	case reflect.Struct:
		if !slices.Contains(*types, of) {
			for _, other := range *types {
				if jsonName(other) == jsonName(of) {
					t.Errorf("%v and %v have one name", other, of)
				}
			}
			*types = append(*types, of)
		}
		return fmt.Sprintf("[%s](#%s)", jsonName(of), strings.ReplaceAll(jsonName(of), " ", "-"))
	case reflect.String:
		return "text"
	case reflect.Bool:
		return "true or false"
	case reflect.Float64:
		return "number"
	case reflect.Int, reflect.Int64, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "whole number"
	}
	t.Errorf("%v: no type of JSON", of)
	return ""
}

// jsonName is the name of a type as the page has it. What packages call alike has the package before it.
func jsonName(of reflect.Type) string {
	words := strings.TrimSuffix(of.Name(), "JSON")
	if pkg := filepath.Base(of.PkgPath()); pkg == "inspect" || pkg == "compare" || pkg == "boot" {
		words = pkg + words
	}
	var b strings.Builder
	for i, c := range words {
		if c >= 'A' && c <= 'Z' && i > 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(c)
	}
	return strings.ToLower(b.String())
}

// declared is the comment of a type, and those of its fields, as its source has them.
func declared(t *testing.T, of reflect.Type) (doc string, fields map[string]string) {
	t.Helper()
	dir := "."
	if pkg := of.PkgPath(); strings.Contains(pkg, "/") && !strings.HasPrefix(pkg, "dualbank/cmd/") {
		dir = filepath.Join("../..", strings.TrimPrefix(pkg, "dualbank/"))
	}
	sources, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil || len(sources) == 0 {
		t.Fatalf("%v: %d sources, %v", of, len(sources), err)
	}
	flat := func(text string) string { return strings.Join(strings.Fields(text), " ") }
	for _, source := range sources {
		file, err := parser.ParseFile(token.NewFileSet(), source, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			gen, ok := d.(*ast.GenDecl)
			if !ok {
				continue
			}
			for _, spec := range gen.Specs {
				typ, ok := spec.(*ast.TypeSpec)
				if !ok || typ.Name.Name != of.Name() {
					continue
				}
				fields = map[string]string{}
				for _, f := range typ.Type.(*ast.StructType).Fields.List {
					for _, name := range f.Names {
						fields[name.Name] = flat(f.Doc.Text() + " " + f.Comment.Text())
					}
				}
				name := jsonName(of)
				return strings.ToUpper(name[:1]) + name[1:] + strings.TrimPrefix(flat(gen.Doc.Text()), of.Name()), fields
			}
		}
	}
	t.Fatalf("%v: no source in %s", of, dir)
	return "", nil
}

// TestJSONPrinted: what the commands print with --json is of the types that docs/json.md describes.
func TestJSONPrinted(t *testing.T) {
	dir := docsFolder(t, "")
	t.Chdir(dir)
	finding, err := goodFinding().Text()
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"f.json": string(finding), "a.txt": "Unit sec/op better=lower\nBenchmarkX 1 3 sec/op\n", "b.txt": "Unit sec/op better=lower\nBenchmarkX 1 4 sec/op\n",
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	seed := "fuzz/testdata/fuzz/FuzzKV/sizes-wrap"
	for _, c := range []struct {
		args string
		code int
	}{
		{"version", 0},
		{"parts", 0},
		{"parts stm32f429zi", 0},
		{"parts --check", 0},
		{"layout --target NUCLEO_F429ZI bootloader_app.json mbed_app.json", 0},
		{"layout --target NUCLEO_F429ZI --strategy swap bootloader_app.json mbed_app.json", 0},
		{"inspect dump.hex --board nucleo-f429zi", 0},
		{"compare a.txt b.txt", 0},
		{"findings f.json", 0},
		{"replay f.json", 0},
		{"crash --input " + seed + " --out o", 0},
		{"crash --input " + seed + " --out o --fail-on-findings", exitFinding},
		{"replay o/findings/*.json", exitFinding},
		{"minimize o/findings/*.json --tries 1", 0},
		{"layout --target NOPE bootloader_app.json", exitBadInput},
	} {
		words := strings.Fields(c.args)
		if len(words) > 1 && strings.Contains(words[1], "*") {
			found, err := filepath.Glob(words[1])
			if err != nil || len(found) != 1 {
				t.Fatal(found, err)
			}
			words[1] = found[0]
		}
		var out, errs bytes.Buffer
		if code := run(append(words, "--json"), &out, &errs); code != c.code {
			t.Errorf("%s: exit code %d, want %d: %s", c.args, code, c.code, &errs)
			continue
		}
		to := reflect.New(reflect.TypeOf(jsonOf[words[0]]))
		dec := json.NewDecoder(&out)
		dec.DisallowUnknownFields()
		if err := dec.Decode(to.Interface()); err != nil || dec.More() {
			t.Errorf("%s: %v, more behind it: %t", c.args, err, dec.More())
		}
		if to.Elem().IsZero() {
			t.Errorf("%s: nothing", c.args)
		}
	}
}
