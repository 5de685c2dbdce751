// Package plain keeps text that came from a file from acting on a terminal.
//
//  1. The command wraps its standard output and standard error in a Writer.
//  2. Error messages go through Message first.
//  3. The Writer passes the program's own text unchanged, and writes out what could act on the terminal.
//
// Text of a file may hold escape sequences that move the cursor, retitle the window or
// change what was printed before, and marks that reorder what is read; they come out as \u001b, \u202e and so on,
// which in JSON, in Go and in TOML strings stand for the same character.
//
// Invariants:
//
//   - What reaches the terminal has no control character but line feed and tab, no C1 control in either encoding, and
//     no mark that changes the direction of text. Colours are the exception: those of Highlight, if Colour asks for them.
//   - A byte that is not UTF-8 comes out as \ufffd.
//   - Nothing is lost but that, whatever the pieces in which it is written. An error of the writer below is returned
//     by every write after it and by Close.
package plain

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// acts reports whether r may act on a terminal.
func acts(r rune) bool {
	switch {
	case r == '\n', r == '\t':
		return false
	case r < 0x20, r >= 0x7F && r < 0xA0: // C0, DEL and C1
		return true
	case r == 0x061C, r == 0x200E, r == 0x200F, r >= 0x202A && r <= 0x202E, r >= 0x2066 && r <= 0x2069: // bidi
		return true
	case r == 0x2028, r == 0x2029, r == 0xFEFF: // separators that some take for line breaks; byte order mark
		return true
	}
	return false
}

// String returns s as it may be shown on a terminal.
func String(s string) string {
	clean := utf8.ValidString(s) && strings.IndexFunc(s, acts) < 0
	if clean {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			b.WriteString(`\ufffd`)
		case acts(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteString(s[i : i+n])
		}
		i += n
	}
	return b.String()
}

// Lengths of what a message quotes, in bytes.
const (
	mostQuoted = 300 // of the input in a line, whatever it quotes
	longWord   = 40  // words of ours are shorter
	mostLine   = 600 // of a line
	mostLines  = 40
)

// Message returns the lines of an error message as they may be shown: plain, and bounded where the message quotes
// what it complains of. Quoted text and words that are longer than words of ours are cut once they come to 300 bytes in
// all, and so is a line that is too long. What is cut loses its middle.
func Message(text string) []string {
	var lines []string
	rest := 0
	for line := range strings.SplitSeq(text, "\n") {
		if len(lines) == mostLines {
			rest++
			continue
		}
		lines = append(lines, middle(quotes(String(line)), mostLine))
	}
	if rest > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", rest))
	}
	return lines
}

// quotes cuts what a line quotes: text between quotation marks, and words that are longer than words of ours are.
func quotes(line string) string {
	var b strings.Builder
	left := mostQuoted
	for line != "" {
		n := word(line)
		w := line[:n]
		line = line[n:]
		if n > longWord {
			w = middle(w, left)
			left = max(0, left-len(w))
		}
		b.WriteString(w)
	}
	return b.String()
}

// word returns the length of what line begins with: a quoted text, a word, or blanks.
func word(line string) int {
	if line[0] == '"' {
		for i := 1; i < len(line); i++ {
			switch line[i] {
			case '\\':
				i++
			case '"':
				return i + 1
			}
		}
		return len(line)
	}
	if blanks := len(line) - len(strings.TrimLeft(line, " \t")); blanks > 0 {
		return blanks
	}
	if n := strings.IndexAny(line, " \t\""); n > 0 {
		return n
	}
	return len(line)
}

// middle cuts the middle out of s if it is longer than most bytes.
func middle(s string, most int) string {
	const mark = " ... "
	switch {
	case len(s) <= most:
		return s
	case most <= len(mark):
		return "..."
	}
	tail := (most - len(mark)) / 3
	head := most - len(mark) - tail
	return strings.ToValidUTF8(s[:head], "") + mark + strings.ToValidUTF8(s[len(s)-tail:], "")
}

// Writer writes to a terminal what may be shown there.
type Writer struct {
	w      io.Writer
	rest   []byte // begin of a character whose end has not been written
	failed error  // first error of w

	colour bool
	line   string // with colour: begin of a line whose end has not been written
}

// NewWriter returns a Writer that writes to w.
func NewWriter(w io.Writer) *Writer { return &Writer{w: w} }

// Colour gives severities their colours from here on. Lines are written whole then.
func (p *Writer) Colour() { p.colour = true }

// put writes a text that may be shown.
func (p *Writer) put(text string) error {
	if p.failed != nil {
		return p.failed
	}
	if p.colour {
		lines := strings.SplitAfter(p.line+text, "\n")
		p.line = lines[len(lines)-1]
		var b strings.Builder
		for _, line := range lines[:len(lines)-1] {
			b.WriteString(Highlight(strings.TrimSuffix(line, "\n")) + "\n")
		}
		text = b.String()
	}
	_, p.failed = io.WriteString(p.w, text)
	return p.failed
}

// Unwrap returns the writer below.
func (p *Writer) Unwrap() io.Writer { return p.w }

// Write writes b. It returns len(b) unless the writer below fails.
func (p *Writer) Write(b []byte) (int, error) {
	text := string(b)
	if len(p.rest) > 0 {
		text = string(p.rest) + text
		p.rest = nil
	}
	// Hold back the begin of a character, of three bytes at most.
	for n := 1; n <= min(utf8.UTFMax-1, len(text)); n++ {
		if tail := text[len(text)-n:]; utf8.RuneStart(tail[0]) {
			if !utf8.FullRuneInString(tail) {
				p.rest = []byte(tail)
				text = text[:len(text)-n]
			}
			break
		}
	}
	if err := p.put(String(text)); err != nil {
		return 0, err
	}
	return len(b), nil
}

// Close writes what was held back, and returns the first error of all writes: a command need not look at each. The
// writer below stays open.
func (p *Writer) Close() error {
	text := String(string(p.rest))
	if p.colour {
		text = Highlight(p.line + text)
	}
	p.rest, p.line, p.colour = nil, "", false
	if text == "" {
		return p.failed
	}
	return p.put(text)
}
