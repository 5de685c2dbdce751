// Package tomltext says where in a TOML text a mistake is, and what it is, in the words of a person who wrote the file.
//
//  1. A reader decodes a text with Decode, which refuses what the decoder takes in silence.
//  2. The reader checks what came out. A check knows the key of a wrong value.
//  3. KeyLines and LineOf find the line of that key.
//
// Invariants: an error is one line, "line:column: key: what: what to do", without the name of a Go type.
package tomltext

import (
	"bytes"
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// What a text may have. The decoder's time grows with the square of the keys of a table, and with the product of tables in
// arrays ([[key]]) and keys: at these bounds it is seconds.
const (
	MaxTables   = 10_000  // of arrays, and likewise others
	MaxSiblings = 10_000  // keys of one table
	MaxKeys     = 100_000 // of all, beside those of tables in braces
	MaxBraces   = 20_000  // tables in braces
)

// Decode reads text into the struct that into points to. Unknown keys, wrong types, lists of another length than an
// array and more than Bounded takes are errors of one line.
func Decode(text []byte, into any) error {
	if err := Bounded(text); err != nil {
		return err
	}
	if n, first := unknownKeys(text, reflect.TypeOf(into).Elem()); n > maxUnknown {
		return errors.New(first)
	}
	dec := toml.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return errors.New(words(err))
	}
	var raw map[string]any
	if err := toml.Unmarshal(text, &raw); err != nil {
		return errors.New(words(err))
	}
	if key, what := mismatch(reflect.TypeOf(into).Elem(), raw, ""); key != "" {
		if line := LineOf(KeyLines(text), key); line > 0 {
			return fmt.Errorf("%d: %s: %s", line, key, what)
		}
		return fmt.Errorf("%s: %s", key, what)
	}
	return nil
}

// maxUnknown is how many unknown keys the decoder is left to find. It copies the text for each of them.
const maxUnknown = 100

// unknownKeys counts the keys of a text that have no field in t, and says where the first one is. It counts none in what
// reads itself and in maps, and what is no TOML has no more.
func unknownKeys(text []byte, t reflect.Type) (n int, first string) {
	var p unstable.Parser
	p.Reset(text)
	unknown := func(table []string, e *unstable.Node) {
		if n++; n > 1 {
			return
		}
		at := -1
		key := strings.Join(table, ".")
		for it := e.Key(); it.Next(); {
			if at < 0 {
				at = int(it.Node().Raw.Offset)
			}
			if key != "" {
				key += "."
			}
			key += string(it.Node().Data)
		}
		line := bytes.LastIndexByte(text[:at], '\n') + 1
		first = fmt.Sprintf("%d:%d: %s: unknown key: correct its spelling or remove it", 1+bytes.Count(text[:at], []byte("\n")), at-line+1, key)
	}
	var value func(v *unstable.Node, t reflect.Type, path []string)
	pair := func(e *unstable.Node, t reflect.Type, path []string) {
		if at := at(t, e.Key()); at == nil {
			unknown(path, e)
		} else {
			value(e.Value(), at, path)
		}
	}
	value = func(v *unstable.Node, t reflect.Type, path []string) {
		if v.Kind != unstable.Array && v.Kind != unstable.InlineTable {
			return
		}
		for it := v.Children(); it.Next(); {
			if v.Kind == unstable.Array {
				value(it.Node(), t, path)
			} else {
				pair(it.Node(), t, path)
			}
		}
	}
	table := t
	var path []string
	for p.NextExpression() {
		switch e := p.Expression(); e.Kind {
		case unstable.Table, unstable.ArrayTable:
			if table = at(t, e.Key()); table == nil {
				unknown(nil, e)
				table = anything // the table's own keys do not count
			}
			path = path[:0]
			for it := e.Key(); it.Next() && n == 0; {
				path = append(path, string(it.Node().Data))
			}
		case unstable.KeyValue:
			pair(e, table, path)
		}
	}
	return n, first
}

var anything = reflect.TypeFor[any]()

// at is the type of the field of t that a key names; nil: there is none.
func at(t reflect.Type, key unstable.Iterator) reflect.Type {
	for key.Next() {
		for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Array {
			t = t.Elem()
		}
		if t.Kind() != reflect.Struct || reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
			return anything
		}
		if t = field(t, string(key.Node().Data)); t == nil {
			return nil
		}
	}
	return t
}

// field is the type of the field of a struct that has a name in TOML; nil: none has. The decoder does not tell small letters
// from capitals.
func field(t reflect.Type, name string) reflect.Type {
	for i := range t.NumField() {
		f := t.Field(i)
		tag, _, _ := strings.Cut(f.Tag.Get("toml"), ",")
		if f.Anonymous && tag == "" {
			if in := f.Type; in.Kind() == reflect.Struct {
				if found := field(in, name); found != nil {
					return found
				}
			}
			continue
		}
		if tag == "" {
			tag = f.Name
		}
		if strings.EqualFold(tag, name) && tag != "-" {
			return f.Type
		}
	}
	return nil
}

// Bounded returns an error of one line if a text has more tables or keys than the decoder reads in seconds. What is no TOML
// is left to the decoder.
func Bounded(text []byte) error {
	// The parser keeps a whole value in memory: braces are counted before it sees them, wherever they are.
	if bytes.Count(text, []byte("{")) > MaxBraces {
		line := 1
		for n, i := 0, 0; n <= MaxBraces; i++ {
			switch text[i] {
			case '{':
				n++
			case '\n':
				line++
			}
		}
		return fmt.Errorf("%d: more than %d tables in braces: give fewer", line, MaxBraces)
	}
	var p unstable.Parser
	p.Reset(text)
	arrays, tables, siblings, keys := 0, 0, 0, 0
	tooMany := func(e *unstable.Node, most int, what string) error {
		it := e.Key()
		it.Next()
		return fmt.Errorf("%d: more than %d %s: give fewer", 1+bytes.Count(text[:it.Node().Raw.Offset], []byte("\n")), most, what)
	}
	for p.NextExpression() {
		e := p.Expression()
		switch e.Kind {
		case unstable.ArrayTable:
			if siblings, arrays = 0, arrays+1; arrays > MaxTables {
				return tooMany(e, MaxTables, "tables in arrays")
			}
		case unstable.Table:
			if siblings, tables = 0, tables+1; tables > MaxTables {
				return tooMany(e, MaxTables, "tables")
			}
		case unstable.KeyValue:
			if siblings++; siblings > MaxSiblings {
				return tooMany(e, MaxSiblings, "keys in one table")
			}
			if keys++; keys > MaxKeys {
				return tooMany(e, MaxKeys, "keys")
			}
			if wide(e.Value()) {
				return tooMany(e, MaxSiblings, "keys in braces")
			}
		}
	}
	return nil
}

// wide reports whether a table in braces in a value has more than MaxSiblings keys.
func wide(v *unstable.Node) bool {
	if v.Kind != unstable.Array && v.Kind != unstable.InlineTable {
		return false
	}
	keys := 0
	for it := v.Children(); it.Next(); keys++ {
		child := it.Node()
		if v.Kind == unstable.InlineTable {
			child = child.Value()
		}
		if wide(child) {
			return true
		}
	}
	return v.Kind == unstable.InlineTable && keys > MaxSiblings
}

// mismatch finds a value that the decoder takes for something else: a number where a word or a time is wanted, a list
// of another length.
func mismatch(t reflect.Type, v any, key string) (at, what string) {
	if _, ok := v.(string); !ok && reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
		return key, fmt.Sprintf("%v: give a text in quotes", v)
	}
	switch t.Kind() {
	case reflect.Array, reflect.Slice:
		list, _ := v.([]any)
		if t.Kind() == reflect.Array && len(list) != t.Len() {
			return key, fmt.Sprintf("a list of %d: give %d", len(list), t.Len())
		}
		for i, e := range list {
			if at, what := mismatch(t.Elem(), e, fmt.Sprintf("%s[%d]", key, i)); at != "" {
				return at, what
			}
		}
	case reflect.Struct:
		table, _ := v.(map[string]any)
		for i := range t.NumField() {
			f := t.Field(i)
			name, _, _ := strings.Cut(f.Tag.Get("toml"), ",")
			if f.Anonymous && name == "" {
				if at, what := mismatch(f.Type, v, key); at != "" {
					return at, what
				}
			}
			e, ok := table[name]
			if !ok {
				continue
			}
			if key != "" {
				name = key + "." + name
			}
			if at, what := mismatch(f.Type, e, name); at != "" {
				return at, what
			}
		}
	}
	return "", ""
}

var (
	wrongType  = regexp.MustCompile(`^cannot decode TOML ([a-z -]+?) into (?:struct field \S+ of type |a Go value of type )?(\S+)$`)
	outOfRange = regexp.MustCompile(`^(?:negative )?integer value (-?\d+) cannot be stored in u?int\d*$`)
)

// words says line, column, key and text of an error of go-toml.
func words(err error) string {
	var strict *toml.StrictMissingError
	if errors.As(err, &strict) && len(strict.Errors) > 0 {
		e := strict.Errors[0]
		row, col := e.Position()
		return fmt.Sprintf("%d:%d: %s: unknown key: correct its spelling or remove it", row, col, strings.Join(e.Key(), "."))
	}
	row, col, key := 0, 0, ""
	text := strings.ReplaceAll(strings.TrimPrefix(err.Error(), "toml: "), "\n", " ")
	var de *toml.DecodeError
	if errors.As(err, &de) {
		row, col = de.Position()
		if k := de.Key(); len(k) > 0 {
			key = strings.Join(k, ".") + ": "
		}
		text = strings.TrimPrefix(strings.ReplaceAll(de.Error(), "\n", " "), "toml: ")
	}
	if m := wrongType.FindStringSubmatch(text); m != nil {
		text = fmt.Sprintf("a %s is wrong here: give %s", kinds.Replace(m[1]), wanted(m[2]))
	} else if m := outOfRange.FindStringSubmatch(text); m != nil {
		text = m[1] + " is out of range: give a whole number that is "
		if strings.HasPrefix(m[1], "-") {
			text += "not negative"
		} else {
			text += "smaller"
		}
	} else if !strings.Contains(text, "give ") && !strings.Contains(text, "choose ") && !strings.Contains(text, ": use ") {
		text += ": correct it"
	}
	if row == 0 {
		return key + text
	}
	return fmt.Sprintf("%d:%d: %s%s", row, col, key, text)
}

// kinds are TOML's kinds of values in other words.
var kinds = strings.NewReplacer("string", "text", "integer", "whole number", "float", "fraction", "boolean", "true or false", "array", "list", "inline table", "table")

// wanted says in words what a Go type takes.
func wanted(goType string) string {
	number, _, _ := strings.Cut(strings.TrimLeft(goType, "[]0123456789"), ".")
	list := strings.HasPrefix(goType, "[")
	one, many := "a table", "tables"
	switch {
	case strings.HasPrefix(goType, "map["):
		return "a table"
	case strings.HasPrefix(number, "int"), strings.HasPrefix(number, "uint"):
		one, many = "a whole number", "whole numbers"
	case strings.HasPrefix(number, "float"):
		one, many = "a number", "numbers"
	case number == "string":
		one, many = "a text in quotes", "texts in quotes"
	case number == "bool":
		one, many = "true or false", "true or false"
	case strings.HasSuffix(goType, ".Rule"), strings.HasSuffix(goType, ".Place"), strings.HasSuffix(goType, ".StorageType"):
		one, many = "a text in quotes", "texts in quotes"
	}
	if list {
		return "a list of " + many
	}
	return one
}

// KeyLines gives the line in which of a TOML text each key stands, down to the keys of inline tables. A
// text that is no TOML gives what comes before the mistake.
func KeyLines(text []byte) map[string]int {
	lines := map[string]int{}
	counts := map[string]int{} // tables of an array so far
	table := ""
	var p unstable.Parser
	p.Reset(text)
	at, here := 0, 1 // an offset, and its line: keys come in the order of the text
	lineAt := func(offset int) int {
		if offset < at {
			at, here = 0, 1
		}
		here += bytes.Count(text[at:offset], []byte("\n"))
		at = offset
		return here
	}
	join := func(prefix string, it unstable.Iterator) (path string, line int) {
		path = prefix
		for it.Next() {
			key := string(it.Node().Data)
			if path != "" {
				path += "."
			}
			path += key
			if n := counts[path]; n > 0 {
				path += fmt.Sprintf("[%d]", n-1)
			}
			line = lineAt(int(it.Node().Raw.Offset))
		}
		return path, line
	}
	note := func(path string, line int) {
		if _, ok := lines[path]; !ok {
			lines[path] = line
		}
	}
	var value func(n *unstable.Node, path string, line int)
	value = func(n *unstable.Node, path string, line int) {
		note(path, line)
		switch n.Kind {
		case unstable.InlineTable:
			for it := n.Children(); it.Next(); {
				sub, at := join(path, it.Node().Key())
				value(it.Node().Value(), sub, at)
			}
		case unstable.Array:
			i := 0
			for it := n.Children(); it.Next(); i++ {
				value(it.Node(), fmt.Sprintf("%s[%d]", path, i), line)
			}
		}
	}
	for p.NextExpression() {
		e := p.Expression()
		switch e.Kind {
		case unstable.Table:
			path, line := join("", e.Key())
			table = path
			note(path, line)
		case unstable.ArrayTable:
			path, line := join("", e.Key())
			if strings.HasSuffix(path, "]") {
				path = path[:strings.LastIndexByte(path, '[')]
			}
			counts[path]++
			note(path, line)
			table = fmt.Sprintf("%s[%d]", path, counts[path]-1)
			note(table, line)
		case unstable.KeyValue:
			path, line := join(table, e.Key())
			value(e.Value(), path, line)
		}
	}
	return lines
}

// LineOf is the line of a key, or of the table around it; 0 if the text has neither.
func LineOf(lines map[string]int, key string) int {
	for {
		if line, ok := lines[key]; ok {
			return line
		}
		i := strings.LastIndexAny(key, ".[")
		if i < 0 {
			return 0
		}
		key = key[:i]
	}
}
