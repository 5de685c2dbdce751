package layout

import (
	"bytes"
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"sync"

	"dualbank/boot/layout/cexpr"
	"dualbank/internal/input"
)

// Source is a configuration file: an application's mbed_app.json, the bootloader's, a library's
// mbed_lib.json, or a targets.json.
type Source struct {
	Name string // as messages name it
	Text []byte
	Dir  string // where the files that it names are looked for; "" where there are none
}

// maxFile bounds a configuration file in bytes. Mbed OS' targets.json has 0.4 MB.
const maxFile = input.Config

// maxValues bounds the commas and brackets in a configuration file, and so its values. Mbed OS' targets.json has a
// tenth of them.
const maxValues = 200_000

//go:embed defaults.json
var defaultsJSON []byte

// file is a configuration file as read.
type file struct {
	src       Source
	module    string // "app", or the library's name in its canonical form
	library   bool
	closed    bool // every option that there is is in it
	options   []option
	macros    []macroDef
	overrides []targetBlock
	targets   *value // of a targets.json
	custom    *value // "custom_targets" of an application
	lines     []int  // offsets of the line ends; nil: they are counted
}

// option is an entry of "config".
type option struct {
	name     string // canonical
	macro    string
	required bool
	value    value
	at       int
}

// macroDef is NAME or NAME=TEXT.
type macroDef struct {
	name, text string
	at         int
}

// targetBlock is what "target_overrides" has for one target.
type targetBlock struct {
	target string
	at     int
	keys   []member
}

// canonical returns the form of a key or a module's name in which both spellings agree.
func canonical(s string) string { return strings.ReplaceAll(strings.ToLower(s), "_", "-") }

// confMacro returns the macro of an option without a macro_name.
func confMacro(module, name string) string {
	up := func(s string) string {
		return strings.Map(func(r rune) rune {
			if r < 0x80 && cexpr.IsWord(byte(r)) {
				return r
			}
			return '_'
		}, strings.ToUpper(s))
	}
	return "MBED_CONF_" + up(module) + "_" + up(name)
}

// problem returns a Problem at an offset of the file.
func (f *file) problem(at int, key, text, remedy string) Problem {
	p := Problem{File: f.src.Name, Key: oneLine(key), Text: oneLine(text), Remedy: oneLine(remedy)}
	switch {
	case at < 0 || at > len(f.src.Text):
	case f.lines != nil:
		n, _ := slices.BinarySearch(f.lines, at)
		p.Line, p.Column = 1+n, at+1
		if n > 0 {
			p.Column = at - f.lines[n-1]
		}
	default:
		before := f.src.Text[:at]
		p.Line = 1 + bytes.Count(before, []byte("\n"))
		p.Column = at - bytes.LastIndexByte(before, '\n')
	}
	return p
}

// oneLine returns s with control characters, which a key may hold, replaced by spaces.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7F || r == 0x2028 || r == 0x2029 {
			return ' '
		}
		return r
	}, s)
}

// topLevel are the keys that Mbed knows at the top of a configuration file.
var topLevel = []string{"name", "config", "macros", "target_overrides", "requires", "overrides", "artifact_name", "custom_targets", "closed"}

// parseFile reads a configuration file. It returns nil where nothing of it can be used.
func parseFile(src Source) (*file, Problems) {
	f := &file{src: src, module: "app"}
	if len(src.Text) > maxFile {
		return nil, Problems{f.problem(-1, "", fmt.Sprintf("%d bytes are too many for a configuration file",
			len(src.Text)), "give a file of at most 4 MiB")}
	}
	if n := bytes.Count(src.Text, []byte(",")) + bytes.Count(src.Text, []byte("[")) + bytes.Count(src.Text, []byte("{")); n > maxValues {
		return nil, Problems{f.problem(-1, "", fmt.Sprintf("%d commas and brackets are too many for a configuration file", n),
			fmt.Sprintf("give a file with at most %d", maxValues))}
	}
	root, at, err := parseJSON(src.Text)
	if err != nil {
		return nil, Problems{f.problem(at, "", "not JSON: "+err.Error(), "correct the syntax here")}
	}
	f.lines = []int{}
	for i, c := range src.Text {
		if c == '\n' {
			f.lines = append(f.lines, i)
		}
	}
	return f.read(&root)
}

// read fills f from the file's root value.
func (f *file) read(root *value) (*file, Problems) {
	if root.kind != 'o' {
		return nil, Problems{f.problem(root.at, "", "not a configuration file: the top level is no object", "give an mbed_app.json, an mbed_lib.json or a targets.json")}
	}
	if isTargets(root) {
		f.targets = root
		return f, nil
	}
	var ps Problems
	bad := func(m *member, want string) {
		ps = append(ps, f.problem(m.at, m.name, "is no "+want, "write it as Mbed's configuration system wants it"))
	}
	if m := root.find("name"); m != nil && m.kind == 's' && m.text != "" {
		f.module, f.library = canonical(m.text), true
	}
	for i := range root.members {
		m := &root.members[i]
		if root.find(m.name) != m {
			ps = append(ps, f.twice(m))
			continue
		}
		switch m.name {
		case "name":
			if !f.library {
				bad(m, "string")
			}
		case "custom_targets":
			if m.kind == 'o' {
				f.custom = &m.value
			}
		case "closed":
			f.closed = true
		case "config":
			if m.kind != 'o' {
				bad(m, "object")
				continue
			}
			ps = append(ps, f.readOptions(m)...)
		case "macros":
			if m.kind != 'a' {
				bad(m, "list of strings")
				continue
			}
			ps = append(ps, f.readMacros(m.name, m.items)...)
		case "target_overrides":
			if m.kind != 'o' {
				bad(m, "object")
				continue
			}
			ps = append(ps, f.readOverrides(m)...)
		default:
			if !slices.Contains(topLevel, m.name) {
				p := f.problem(m.at, m.name, "unknown key, left out of account", "remove it"+orNearest(m.name, topLevel))
				p.Warning = true
				ps = append(ps, p)
			}
		}
	}
	return f, ps
}

// isTargets reports whether root is a targets.json: objects only, and no key of a configuration file.
func isTargets(root *value) bool {
	for _, m := range root.members {
		if m.kind != 'o' || slices.Contains(topLevel, m.name) {
			return false
		}
	}
	return len(root.members) > 0
}

func (f *file) twice(m *member) Problem {
	p := f.problem(m.at, m.name, "is there twice, the later one counts", "remove one of them")
	p.Warning = true
	return p
}

func (f *file) readOptions(config *member) (ps Problems) {
	for i := range config.members {
		m := &config.members[i]
		if config.find(m.name) != m {
			ps = append(ps, f.twice(m))
			continue
		}
		o := option{name: canonical(m.name), value: m.value, at: m.at}
		o.macro = confMacro(f.module, m.name)
		if m.kind == 'o' {
			o.value = value{kind: '0', at: m.value.at}
			if v := m.find("value"); v != nil {
				o.value = v.value
			}
			if v := m.find("macro_name"); v != nil {
				if v.kind != 's' || v.text == "" || cexpr.WordLen(v.text) != len(v.text) {
					ps = append(ps, f.problem(v.at, m.name, "macro_name is no name of a macro", "use letters, digits and _"))
				} else {
					o.macro = v.text
				}
			}
			v := m.find("required")
			o.required = v != nil && v.kind == 'b' && v.text == "true"
		}
		f.options = append(f.options, o)
	}
	return ps
}

func (f *file) readMacros(key string, items []value) (ps Problems) {
	for _, v := range items {
		name, text, valued := strings.Cut(v.text, "=")
		name = strings.TrimSpace(name)
		if v.kind != 's' || name == "" || cexpr.WordLen(name) != len(name) {
			ps = append(ps, f.problem(v.at, key, "a macro is a string NAME or NAME=VALUE, not "+quote(v.text), "correct it"))
			continue
		}
		if !valued {
			text = "1" // as -DNAME does
		}
		f.macros = append(f.macros, macroDef{name, text, v.at})
	}
	return ps
}

func (f *file) readOverrides(all *member) (ps Problems) {
	for i := range all.members {
		block := &all.members[i]
		if block.kind != 'o' {
			ps = append(ps, f.problem(block.at, block.name, "the overrides of a target are no object", "write {\"key\": value, ...}"))
			continue
		}
		if all.find(block.name) != block {
			ps = append(ps, f.twice(block))
			continue
		}
		for k := range block.members {
			if m := &block.members[k]; block.find(m.name) != m {
				ps = append(ps, f.twice(m))
			}
		}
		f.overrides = append(f.overrides, targetBlock{block.name, block.at, block.members})
	}
	return ps
}

// builtin returns the built-in defaults of libraries. They are parsed once and never changed.
var builtin = sync.OnceValue(func() []*file {
	root, _, err := parseJSON(defaultsJSON)
	if err != nil {
		panic(err) // embedded, and read by every test of the package
	}
	var libs []*file
	for i := range root.items {
		f, ps := (&file{src: Source{Name: "built-in defaults", Text: defaultsJSON}}).read(&root.items[i])
		if len(ps) > 0 {
			panic(ps)
		}
		libs = append(libs, f)
	}
	return libs
})

// orNearest returns " or write NAME" for the name that is closest to s, or "" if none is close.
func orNearest(s string, names []string) string {
	best, least := "", len(s)/3+1
	for _, n := range names {
		if d := distance(s, n); d < least || d == least && best != "" && n < best {
			best, least = n, d
		}
	}
	if best == "" {
		return ""
	}
	return " or write " + best
}

// distance returns the edit distance between a and b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
