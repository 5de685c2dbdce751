package plain_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"dualbank/internal/plain"
)

func TestString(t *testing.T) {
	for in, want := range map[string]string{
		"plain, Größe 3 µs\n\tx":    "plain, Größe 3 µs\n\tx",
		"\x1b]0;title\a\r\b":        `\u001b]0;title\u0007\u000d\u0008`,
		"\u009b31m \x9b31m \xff":    `\u009b31m \ufffd31m \ufffd`,
		"user\u202etxt\u2066\u200f": `user\u202etxt\u2066\u200f`,
		"\u2028\ufeff\x7f":          `\u2028\ufeff\u007f`,
	} {
		if got := plain.String(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestMessage(t *testing.T) {
	long := plain.Message("file.toml: " + strings.Repeat("\u00e4\x1b", 1<<16) + ": remedy")
	if len(long) != 1 || len(long[0]) > 1000 || !strings.HasPrefix(long[0], "file.toml: ") || !strings.HasSuffix(long[0], ": remedy") || !utf8.ValidString(long[0]) {
		t.Errorf("%d lines, first of %d bytes", len(long), len(long[0]))
	}
	lists := `unknown board "x": choose one of ` + strings.Repeat("nucleo-f429zi, ", 30)
	if got := plain.Message(lists)[0]; got != lists {
		t.Errorf("a list of ours is cut: %q", got)
	}
	for _, in := range []string{
		"a.toml:1: " + strings.Repeat("Z", 500) + ` is "` + strings.Repeat(`Z \" `, 100) + `": remove it`,
		strings.Repeat("x "+strings.Repeat("Z", 50)+`"`+strings.Repeat("Z ", 60)+`" `, 50),
		strings.Repeat(strings.Repeat("Z", 290)+" ", 20),
		`"` + strings.Repeat("Z", 301),
		strings.Repeat(" ", 500) + "x",
	} {
		if got := plain.Message(in)[0]; strings.Count(got, "Z") > 300 || strings.Count(got, " ") > 400 || len(got) > 600 {
			t.Errorf("%d characters, %d of them quoted: %q", len(got), strings.Count(got, "Z"), got)
		}
	}
	if many := plain.Message(strings.Repeat("x\n", 10000)); len(many) > 50 || !strings.HasPrefix(many[len(many)-1], "and ") {
		t.Errorf("%d lines, the last %q", len(many), many[len(many)-1])
	}
}

// FuzzWriter: the pieces in which a text is written make no difference, and nothing that acts gets through.
func FuzzWriter(f *testing.F) {
	f.Add([]byte("a\u202eb\x1b[2J\xe2\x80"), byte(1))
	f.Add([]byte("\xe2\x80\xae\xf0\x9f"), byte(2))
	f.Fuzz(func(t *testing.T, text []byte, piece byte) {
		var whole, parts bytes.Buffer
		for out, n := range map[*bytes.Buffer]int{&whole: len(text) + 1, &parts: int(piece)%7 + 1} {
			w := plain.NewWriter(out)
			for rest := text; len(rest) > 0; {
				k := min(n, len(rest))
				if got, err := w.Write(rest[:k]); got != k || err != nil {
					t.Fatal(got, err)
				}
				rest = rest[k:]
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if whole.String() != parts.String() || whole.String() != plain.String(string(text)) {
			t.Errorf("%q in pieces: %q, whole: %q", text, &parts, &whole)
		}
		for _, r := range whole.String() {
			if r < 0x20 && r != '\n' && r != '\t' || r >= 0x7F && r < 0xA0 || r == 0x202E || r == 0x2066 {
				t.Errorf("%q lets %U through", text, r)
			}
		}
	})
}

func TestWriterFails(t *testing.T) {
	full := errors.New("full")
	w := plain.NewWriter(failing{full})
	if _, err := w.Write([]byte("x")); !errors.Is(err, full) {
		t.Errorf("%v", err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// FuzzMessage: a message is short and plain, whatever it quotes, and a short plain one is as it was.
func FuzzMessage(f *testing.F) {
	f.Add("a.toml:1:2: key \"x\\\"y\" is unknown: remove it")
	f.Add(strings.Repeat("\"Z ", 200))
	f.Add(strings.Repeat("Z", 301) + "\n" + strings.Repeat("\t", 700) + "\xff\u202e")
	f.Fuzz(func(t *testing.T, text string) {
		for i, line := range plain.Message(text) {
			if len(line) > 600 || i > 40 || strings.Contains(line, "\n") || !utf8.ValidString(line) || plain.String(line) != line {
				t.Errorf("%q gives %q", text, line)
			}
		}
		if len(text) <= 40 && plain.String(text) == text && !strings.Contains(text, "\n") && plain.Message(text)[0] != text {
			t.Errorf("%q became %q", text, plain.Message(text)[0])
		}
	})
}

// TestColoured: colours are for a terminal that can show them, if the user has not forbidden them.
func TestColoured(t *testing.T) {
	for _, c := range []struct {
		terminal bool
		env      map[string]string
		want     bool
	}{
		{true, nil, true},
		{true, map[string]string{"TERM": "xterm"}, true},
		{true, map[string]string{"NO_COLOR": ""}, true}, // as if it were not set
		{true, map[string]string{"NO_COLOR": "1"}, false},
		{true, map[string]string{"NO_COLOR": "0"}, false},
		{true, map[string]string{"TERM": "dumb"}, false},
		{false, map[string]string{"TERM": "xterm"}, false},
	} {
		if got := plain.Coloured(c.terminal, func(name string) string { return c.env[name] }); got != c.want {
			t.Errorf("terminal %t, %v: %t", c.terminal, c.env, got)
		}
	}
	var b bytes.Buffer
	if plain.IsTerminal(&b) {
		t.Error("a buffer is a terminal")
	}
}

// TestHighlight: severities have their colours, and prose that begins with the same words has none.
func TestHighlight(t *testing.T) {
	const red, yellow, blue, green, ends = "\x1b[31m", "\x1b[33m", "\x1b[36m", "\x1b[32m", "\x1b[0m"
	for in, want := range map[string]string{
		"16 findings: 5 high, 10 medium, 1 low; 3 power cuts judged":         "16 findings: 5 " + red + "high" + ends + ", 10 " + yellow + "medium" + ends + ", 1 " + blue + "low" + ends + "; 3 power cuts judged",
		"high    log-end: 2 findings":                                        red + "high" + ends + "    log-end: 2 findings",
		"high: A power cut during a write":                                   red + "high" + ends + ": A power cut during a write",
		"ok: 3 figures compared":                                             green + "ok" + ends + ": 3 figures compared",
		"kvstore-rule1-0a: KVStore rule 1, low: the store does not open":     "kvstore-rule1-0a: KVStore rule 1, " + blue + "low" + ends + ": the store does not open",
		"dualbank: app.json:3:5: warning: target.restrict_size: is not read": "dualbank: app.json:3:5: " + yellow + "warning" + ends + ": target.restrict_size: is not read",
		"outcome  rule 1 is broken: it does not open":                        "outcome  rule 1 " + red + "is broken" + ends + ": it does not open",
		"high severity is what a user notices":                               "high severity is what a user notices",
		"        5 of high severity":                                         "        5 of high severity",
		`   "severity": "high",`:                                             `   "severity": "high",`,
	} {
		if got := plain.Highlight(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// TestColour: a Writer with colours writes whole lines, passes no escape of a file, and Close writes the rest.
func TestColour(t *testing.T) {
	for piece := 1; piece < 12; piece++ {
		var out bytes.Buffer
		w := plain.NewWriter(&out)
		w.Colour()
		for rest := "high: \x1b[2J\nlow  é\nok: x"; rest != ""; {
			n := min(piece, len(rest))
			if _, err := w.Write([]byte(rest[:n])); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if got, want := out.String(), "\x1b[31mhigh\x1b[0m: \\u001b[2J\n\x1b[36mlow\x1b[0m  é\n\x1b[32mok\x1b[0m: x"; got != want {
			t.Errorf("pieces of %d: %q, want %q", piece, got, want)
		}
	}
}
