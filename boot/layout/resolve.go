package layout

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"dualbank/boot/layout/cexpr"
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
	given    bool // set by a file of the user's: neither a built-in default nor a library's own one
	required bool
	app      *file // the image's own file
}

// problem returns a Problem at the place where the setting got its value.
func (s *setting) problem(text, remedy string) Problem {
	if s == nil {
		return Problem{Text: text, Remedy: remedy}
	}
	if isBuiltin(s.file) {
		return Problem{File: s.app.src.Name, Key: s.name, Text: text, Remedy: remedy}
	}
	return s.file.problem(s.at, s.key, text, remedy)
}

// image is one image's configuration, resolved for a target.
type image struct {
	kind       string
	app        *file
	settings   map[string]*setting
	macros     map[string]macroText
	components []string        // target.components_add without target.components_remove
	bad        map[string]bool // settings whose problem is reported
	said       map[string]bool // causes that are
	problems   Problems
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
// with its overrides for "*", the target's parents and labels, and the target, in this order. labels are
// "*", parents and labels, and the target.
func resolve(kind string, app *file, libs []*file, labels []string) *image {
	im := &image{kind: kind, app: app, settings: map[string]*setting{}, macros: map[string]macroText{}, bad: map[string]bool{}, said: map[string]bool{}}
	files := append(slices.Clone(libs), app)
	for _, f := range files {
		for _, o := range f.options {
			im.settings[f.module+"."+o.name] = &setting{
				name: f.module + "." + o.name, key: o.name, macro: o.macro, value: o.value, file: f, at: o.at,
				given: f == app && o.value.kind != '0', required: o.required, app: app,
			}
		}
	}
	added := map[string]macroText{} // on the compiler's command line
	target := labels[len(labels)-1]
	for _, f := range files {
		// Mbed applies the blocks in the order of the file, in which "*" comes first and the target last.
		for _, want := range []func(b *targetBlock) bool{
			func(b *targetBlock) bool { return b.target == "*" },
			func(b *targetBlock) bool {
				return b.target != "*" && b.target != target && slices.Contains(labels, b.target)
			},
			func(b *targetBlock) bool { return b.target == target },
		} {
			for i := range f.overrides {
				if b := &f.overrides[i]; want(b) {
					im.override(f, *b, files, added)
				}
			}
		}
	}
	if kind == bootloaderImage {
		im.takeOldOptions()
	}
	for _, name := range sortedKeys(im.settings) {
		s := im.settings[name]
		if s.required && s.value.kind == '0' && (!isBuiltin(s.file) || kind == bootloaderImage) {
			im.report(s, "must have a value", fmt.Sprintf("set it in target_overrides for %s", labels[len(labels)-1]))
		}
	}
	im.defineAll(files, added)
	return im
}

// takeOldOptions gives the options of mbed-bootloader the values of its versions before 4, whose
// configurations have them as options of their own. Those versions have no KVStore.
func (im *image) takeOldOptions() {
	if s, given := im.is("app.application-start-address"); s == nil || !given {
		return
	}
	for _, name := range []string{"application-start-address", "application-jump-address", "max-application-size"} {
		to := im.settings["mbed-bootloader."+name]
		if from, given := im.is("app." + name); given && to != nil && to.value.kind == '0' || given && to != nil && !to.given {
			macro := to.macro
			*to = *from
			to.name, to.macro = "mbed-bootloader."+name, macro
		}
	}
	if rot := im.settings["mbed-bootloader.use-kvstore-rot"]; rot != nil && !rot.given {
		rot.value = value{kind: 'n', text: "0"}
	}
}

// defineAll fills in the macros. mbed_config.h defines options before the "macros" lists, and both after the
// command line, so the later one counts. A default is only an assumption about the libraries in the image:
// it counts least. An option that has no value of the user's gets that of its macro.
func (im *image) defineAll(files []*file, added map[string]macroText) {
	fromOptions := func(given bool) {
		for _, name := range sortedKeys(im.settings) {
			s := im.settings[name]
			if s.macro == "" || strings.HasPrefix(name, "target.") || s.given != given {
				continue
			}
			if text, ok := s.value.macroText(); ok {
				im.macros[s.macro] = macroText{text, s.file, s.at, s.key}
			}
		}
	}
	fromOptions(false)
	for name, m := range added {
		im.macros[name] = m
	}
	fromOptions(true)
	listed := map[string]macroText{}
	for _, f := range files {
		for _, m := range f.macros {
			listed[m.name] = macroText{m.text, f, m.at, m.name}
		}
	}
	for name, m := range listed {
		im.macros[name] = m
	}
	for _, name := range sortedKeys(im.settings) {
		s := im.settings[name]
		m, ok := listed[s.macro]
		if !ok {
			if m, ok = added[s.macro]; !ok || s.given && s.value.kind != '0' {
				continue
			}
		}
		if text, has := s.value.macroText(); has && s.given && text != m.text {
			p := m.file.problem(m.at, m.key, fmt.Sprintf("is the macro of option %s, which has the value %s: the macro's counts", s.key, quote(text)), "remove one of them")
			p.Warning = true
			im.problems = append(im.problems, p)
		}
		if m.text == "" {
			continue
		}
		*s = setting{
			name: s.name, key: m.key, macro: s.macro, value: value{kind: 's', text: m.text, at: m.at}, file: m.file, at: m.at,
			given: true, required: s.required, app: im.app,
		}
	}
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

// override applies a file's overrides for one target. Macros for the command line go to added.
func (im *image) override(f *file, b targetBlock, files []*file, added map[string]macroText) {
	for i := range b.keys {
		m := &b.keys[i]
		module, option, dotted := strings.Cut(canonical(m.name), ".")
		if !dotted {
			module, option = f.module, module
		}
		name := module + "." + option
		switch name {
		case "target.macros-add", "target.macros":
			tmp := &file{src: f.src}
			im.problems = append(im.problems, tmp.readMacros(m.name, m.items)...)
			for _, d := range tmp.macros {
				added[d.name] = macroText{d.text, f, d.at, d.name}
			}
			continue
		case "target.macros-remove":
			for _, v := range m.items {
				delete(added, v.text)
			}
			continue
		case "target.components-add":
			for _, v := range m.items {
				im.components = append(im.components, v.text)
			}
			continue
		case "target.components-remove":
			im.components = slices.DeleteFunc(im.components, func(c string) bool {
				return slices.ContainsFunc(m.items, func(v value) bool { return v.text == c })
			})
			continue
		}
		s, known := im.settings[name]
		if !known {
			s = &setting{name: name, macro: confMacro(module, option)}
			im.settings[name] = s
			im.unknown(f, m, module, option, files)
		}
		// A library's overrides of its own options are defaults still.
		given := !isBuiltin(f) && (!f.library || module != f.module)
		*s = setting{name: name, key: m.name, macro: s.macro, value: m.value, file: f, at: m.at, given: given, required: s.required, app: im.app}
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

// gives reports whether a given file sets an option whose name begins with one of the prefixes, or its macro,
// and returns the first such setting by name.
func (im *image) gives(prefixes ...string) *setting {
	if im == nil {
		return nil
	}
	for _, name := range sortedKeys(im.settings) {
		if s, given := im.is(name); given && slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(name, p) }) {
			return s
		}
	}
	return nil
}

// number returns the value of a setting as a number. ok is false if it has none; errors in its expression
// are reported once.
func (im *image) number(name string) (n int64, s *setting, ok bool) {
	s, _ = im.is(name)
	if s == nil || im.bad[name] {
		return 0, s, false
	}
	text, isText := s.value.macroText()
	if !isText {
		im.report(s, "is neither a number nor an expression", "give it a number")
		return 0, s, false
	}
	n, err := cexpr.Evaluate(text, im.macro)
	if err != nil {
		im.fault(s, text, err)
		return 0, s, false
	}
	return n, s, true
}

// macro returns the text of a macro.
func (im *image) macro(name string) (string, bool) {
	t, ok := im.macros[name]
	return t.text, ok
}

// fault reports what is wrong with the expression of s, once, at the macro that it comes from.
func (im *image) fault(s *setting, text string, err *cexpr.Error) {
	im.bad[s.name] = true
	remedy := err.Remedy
	p := s.problem(err.Text, remedy)
	if len(err.Via) > 0 {
		m := im.macros[err.Via[0]]
		if m.file != nil && !isBuiltin(m.file) {
			text = m.text
			p = m.file.problem(m.at, m.key, err.Text, remedy)
		}
		p.Text += " (for " + s.name + ")"
	}
	if p.Remedy == "" {
		p.Remedy = "correct the expression " + quote(text)
	}
	cause := err.Text
	if err.Cycle {
		names := slices.Clone(err.Via)
		slices.Sort(names)
		cause = fmt.Sprint(slices.Compact(names))
	} else if len(err.Via) > 0 {
		cause += " in " + err.Via[0]
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
	if n < 0 || n > 0xFFFFFFFF {
		what := fmt.Sprintf("is %d: more than 32 bits", n)
		if n < 0 {
			what = fmt.Sprintf("is %d: less than nothing", n)
		}
		text, _ := s.value.macroText()
		im.report(s, what, "correct the expression "+quote(text)+" or what it is made of")
		return 0, s, false
	}
	return uint32(n), s, true
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
