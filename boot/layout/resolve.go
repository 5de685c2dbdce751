package layout

import (
	"fmt"
	"slices"
	"sort"
	"strings"
)

// The two images of a device, each built with its own configuration.
const (
	bootloaderImage  = "bootloader"
	applicationImage = "application"
)

// setting is an option with the value that it has for one image and target.
type setting struct {
	name     string // canonical: module.option
	key      string // as spelled where the value is set
	macro    string
	value    value
	file     *file
	at       int
	given    bool // set by a file of the user's, not by a built-in default
	required bool
	app      *file // the image's own file
}

// problem returns a Problem at the place where the setting got its value.
func (s *setting) problem(text, remedy string) Problem {
	if s == nil {
		return Problem{Text: text, Remedy: remedy}
	}
	if !s.given {
		return Problem{File: s.app.src.Name, Key: s.name, Text: text, Remedy: remedy}
	}
	return s.file.problem(s.at, s.key, text, remedy)
}

// image is one image's configuration, resolved for a target.
type image struct {
	kind     string
	app      *file
	settings map[string]*setting
	macros   map[string]macroText
	bad      map[string]bool // settings whose problem is reported
	said     map[string]bool // causes that are
	problems Problems
}

// macroText is a macro with where it comes from: a "macros" entry, or the option with that key. The
// build's own macros have no file.
type macroText struct {
	text string
	file *file
	at   int
	key  string
}

// resolve applies the libraries and then the image's own file, each first with its defaults, then
// with its overrides for "*", the target's parents and the target, in this order.
func resolve(kind string, app *file, libs []*file, labels []string) *image {
	im := &image{kind: kind, app: app, settings: map[string]*setting{}, macros: map[string]macroText{}, bad: map[string]bool{}, said: map[string]bool{}}
	files := append(slices.Clone(libs), app)
	for _, f := range files {
		for _, o := range f.options {
			im.settings[f.module+"."+o.name] = &setting{
				name: f.module + "." + o.name, key: o.name, macro: o.macro, value: o.value, file: f, at: o.at,
				given: !isBuiltin(f), required: o.required, app: app,
			}
		}
		for _, m := range f.macros {
			im.macros[m.name] = macroText{m.text, f, m.at, m.name}
		}
	}
	for _, f := range files {
		for _, label := range labels {
			for _, b := range f.overrides {
				if b.target == label {
					im.override(f, b, files)
				}
			}
		}
	}
	for _, name := range sortedKeys(im.settings) {
		s := im.settings[name]
		if s.required && s.value.kind == '0' && (s.given || kind == bootloaderImage) {
			im.report(s, "must have a value", fmt.Sprintf("set it in target_overrides for %s", labels[len(labels)-1]))
		}
	}
	for _, name := range sortedKeys(im.settings) {
		s := im.settings[name]
		if s.macro == "" || strings.HasPrefix(name, "target.") {
			continue
		}
		if text, ok := s.value.macroText(); ok {
			im.macros[s.macro] = macroText{text, s.file, s.at, s.key}
		}
	}
	return im
}

func isBuiltin(f *file) bool { return f.src.Name == "built-in defaults" }

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

// macroText returns the value as the text of a macro. null and lists have none.
func (v *value) macroText() (string, bool) {
	switch v.kind {
	case 's', 'n':
		return v.text, true
	case 'b':
		if v.text == "true" {
			return "1", true
		}
		return "0", true
	}
	return "", false
}

// override applies a file's overrides for one target.
func (im *image) override(f *file, b targetBlock, files []*file) {
	for i := range b.keys {
		m := &b.keys[i]
		module, option, dotted := strings.Cut(canonical(m.name), ".")
		if !dotted {
			module, option = f.module, module
		}
		name := module + "." + option
		if name == "target.macros-add" || name == "target.macros" {
			im.addMacros(f, m)
			continue
		}
		if name == "target.macros-remove" {
			for _, v := range m.items {
				delete(im.macros, v.text)
			}
			continue
		}
		s, known := im.settings[name]
		if !known {
			s = &setting{name: name, macro: confMacro(module, option)}
			im.settings[name] = s
			im.unknown(f, m, module, option, files)
		}
		*s = setting{name: name, key: m.name, macro: s.macro, value: m.value, file: f, at: m.at, given: true, required: s.required, app: im.app}
	}
}

func (im *image) addMacros(f *file, m *member) {
	tmp := &file{src: f.src}
	im.problems = append(im.problems, tmp.readMacros(m.name, m.items)...)
	for _, d := range tmp.macros {
		im.macros[d.name] = macroText{d.text, f, d.at, d.name}
	}
}

// unknown reports an override of an option that its module does not have. Overrides of unknown modules are
// accepted.
func (im *image) unknown(f *file, m *member, module, option string, files []*file) {
	for _, lib := range files {
		if lib.module != module || !lib.library && module != "app" || isBuiltin(lib) && !lib.closed {
			continue
		}
		var names []string
		for _, o := range lib.options {
			names = append(names, o.name)
		}
		text := fmt.Sprintf("%s has no option %s", module, option)
		remedy := "remove it" + orNearest(option, names)
		if module == "app" {
			text = "no such option in the file's \"config\""
			remedy = "add it there, or put the module in front: module." + option
		}
		p := f.problem(m.at, m.name, text, remedy)
		p.Warning = isBuiltin(lib) // another version of the library may have it
		im.problems = append(im.problems, p)
		return
	}
}

// define sets a macro that the build defines by itself.
func (im *image) define(name string, v uint64) {
	im.macros[name] = macroText{text: fmt.Sprintf("0x%X", v)}
}

// is returns the setting if it has a value, and reports whether a given file set it.
func (im *image) is(name string) (s *setting, given bool) {
	if im == nil {
		return nil, false
	}
	s = im.settings[name]
	if s == nil || s.value.kind == '0' {
		return nil, false
	}
	return s, s.given
}

// number returns the value of a setting as a number. ok is false if it has none; errors in its expression
// are reported once.
func (im *image) number(name string) (n number, s *setting, ok bool) {
	s, _ = im.is(name)
	if s == nil || im.bad[name] {
		return number{}, s, false
	}
	text, isText := s.value.macroText()
	if !isText {
		im.report(s, "is neither a number nor an expression", "give it a number")
		return number{}, s, false
	}
	n, err := evaluate(text, func(m string) (string, bool) {
		t, ok := im.macros[m]
		return t.text, ok
	})
	if err != nil {
		im.fault(s, text, err)
		return number{}, s, false
	}
	return n, s, true
}

// fault reports what is wrong with the expression of s, once, at the macro that it comes from.
func (im *image) fault(s *setting, text string, err *exprError) {
	im.bad[s.name] = true
	remedy := err.remedy
	p := s.problem(err.text, remedy)
	if len(err.via) > 0 {
		m := im.macros[err.via[0]]
		if m.file != nil && !isBuiltin(m.file) {
			text = m.text
			p = m.file.problem(m.at, m.key, err.text, remedy)
		}
		p.Text += " (for " + s.name + ")"
	}
	if p.Remedy == "" {
		p.Remedy = "correct the expression " + quote(text)
	}
	cause := err.text
	if err.cycle {
		names := slices.Clone(err.via)
		slices.Sort(names)
		cause = fmt.Sprint(slices.Compact(names))
	} else if len(err.via) > 0 {
		cause += " in " + err.via[0]
	} else {
		cause += " in " + s.name
	}
	if !im.said[cause] {
		im.said[cause] = true
		im.problems = append(im.problems, p)
	}
}

// size is number for sizes and addresses, which must fit 32 bits.
func (im *image) size(name string) (v uint32, s *setting, ok bool) {
	n, s, ok := im.number(name)
	if !ok {
		return 0, s, false
	}
	if n.v < 0 || n.v > 0xFFFFFFFF {
		what := fmt.Sprintf("is %d: more than 32 bits", n.v)
		if n.v < 0 {
			what = fmt.Sprintf("is %d: less than nothing", n.v)
		}
		text, _ := s.value.macroText()
		im.report(s, what, "correct the expression "+quote(text)+" or what it is made of")
		return 0, s, false
	}
	return uint32(n.v), s, true
}

func (im *image) report(s *setting, text, remedy string) {
	if !im.bad[s.name] {
		im.bad[s.name] = true
		im.problems = append(im.problems, s.problem(text, remedy))
	}
}

// text returns the value of a setting as text.
func (im *image) text(name string) string {
	s, _ := im.is(name)
	if s == nil {
		return ""
	}
	t, _ := s.value.macroText()
	return t
}
