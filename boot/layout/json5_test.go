package layout

import (
	"fmt"
	"strings"
	"testing"
)

// spell writes a value back in one normal form.
func spell(v *value) string {
	switch v.kind {
	case 'o':
		var parts []string
		for i := range v.members {
			parts = append(parts, fmt.Sprintf("%q:%s", v.members[i].name, spell(&v.members[i].value)))
		}
		return "{" + strings.Join(parts, ",") + "}"
	case 'a':
		var parts []string
		for i := range v.items {
			parts = append(parts, spell(&v.items[i]))
		}
		return "[" + strings.Join(parts, ",") + "]"
	case 's':
		return fmt.Sprintf("%q", v.text)
	case '0':
		return "null"
	}
	return v.text
}

func TestJSON5(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{`{}`, `{}`},
		{"\uFEFF {\"a\": [1, true, null,],} // end", `{"a":[1,true,null]}`},
		{"{a: 'it\\'s \"so\"', $b_1: \"x\\\ny\", /* c */ 'd': \"\\\r\n\"}", `{"a":"it's \"so\"","$b_1":"xy","d":""}`},
		{`[0x10, -0x1F, +5, .5, 5., -1e3, Infinity, -Infinity, NaN]`, `[16,-31,5,.5,5.,-1e3,Infinity,-Infinity,NaN]`},
		{`"\x41\u00e9\ud83d\ude00\v\0\q\/\b"`, `"Aé😀\v\x00q/\b"`},
		{"[1,\u00a0\u2003\v\f2]", `[1,2]`},
		{"// only\n// comments\n'x'", `"x"`},
		{"{\"a\":\"b // no comment /* here\"}", `{"a":"b // no comment /* here"}`},
		{"\"\u2028\"", "\"\\u2028\""},
	} {
		v, at, err := parseJSON([]byte(c.text))
		if got := spell(&v); err != nil || got != c.want {
			t.Errorf("%s: %s, %v at %d; want %s", c.text, got, err, at, c.want)
		}
	}
}

func TestJSON5Errors(t *testing.T) {
	for _, c := range []struct {
		text, want string
		at         int
	}{
		{"", "unexpected end of the file at start of value", 0},
		{"{", "unexpected end of the file at start of object name", 1},
		{`{"a" 1}`, "invalid character '1' after object name", 5},
		{`{"a": 1 "b": 2}`, "invalid character '\"' after object value (expecting ',' or '}')", 8},
		{`[1 2]`, "invalid character '2' after array value (expecting ',' or ']')", 3},
		{`{"a": }`, "invalid character '}' at start of object value", 6},
		{`[tru]`, "invalid literal: tru", 1},
		{`[1, 0xG]`, "invalid number: 0xG", 4},
		{`[1_0]`, "invalid number: 1_0", 1},
		{`{} x`, "invalid character 'x' after top-level value", 3},
		{"[\"a\n\"]", "a string without an end on its line", 1},
		{`["a`, "a string without an end on its line", 1},
		{`["\u12"]`, "needs 4 hexadecimal digits", 2},
		{`["\1"]`, `invalid escape \1`, 2},
		{"[1] /* open", "a comment without an end", 4},
		{"[/*", "a comment without an end", 1},
		{"\xff", "invalid UTF-8 at start of value", 0},
		{strings.Repeat("[", 200), "nested more than 100 deep", 100},
	} {
		_, at, err := parseJSON([]byte(c.text))
		if err == nil || !strings.Contains(err.Error(), c.want) || at != c.at {
			t.Errorf("%q: %v at %d; want %q at %d", c.text, err, at, c.want, c.at)
		}
	}
}
