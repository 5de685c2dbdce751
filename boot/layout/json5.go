package layout

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"dualbank/boot/layout/cexpr"
)

// value is a JSON value with its place in the file.
type value struct {
	kind    byte   // 'o'bject, 'a'rray, 's'tring, 'n'umber, 'b'ool, or '0' for null
	text    string // a string's content; a number's value in decimal, or its spelling; a bool's spelling
	members []member
	items   []value
	at      int // offset in the file

	index map[string]int // of the last member with each name, where there are many; nil: there are few
}

// few is how many members find goes through one by one.
const few = 16

type member struct {
	name string
	at   int
	value
}

// find returns the member with that name, of several the last one, or nil.
func (v *value) find(name string) *member {
	if v.index != nil {
		if i, ok := v.index[name]; ok {
			return &v.members[i]
		}
		return nil
	}
	for i := len(v.members) - 1; i >= 0; i-- {
		if v.members[i].name == name {
			return &v.members[i]
		}
	}
	return nil
}

// maxDepth bounds the nesting of a file; Mbed's own need five levels.
const maxDepth = 100

// parseJSON reads JSON5, which includes JSON and JSON with comments: single quotes, line continuations,
// all escapes, bare keys, hexadecimal and signed numbers, trailing commas, and a byte order mark. The error
// comes with the offset at which it was found.
func parseJSON(text []byte) (value, int, error) {
	p := reader{text: string(text)}
	p.at = len(p.text) - len(strings.TrimPrefix(p.text, "\uFEFF"))
	v, err := p.value(0, "at start of value")
	if err == nil {
		if p.space(); p.at < len(p.text) && p.failed == nil {
			err = p.unexpected("after top-level value")
		}
	}
	if p.failed != nil {
		err = p.failed
	}
	return v, min(p.at, len(p.text)), err
}

// reader is a recursive-descent parser. at is the offset of the next character, or of an error.
type reader struct {
	text   string
	at     int
	failed error // a comment without an end, which space found
}

// peek returns the next character without taking it; its size is 0 at the end.
func (p *reader) peek() (rune, int) {
	if p.at >= len(p.text) {
		return 0, 0
	}
	return utf8.DecodeRuneInString(p.text[p.at:])
}

// unexpected is the error for the next character, which cannot stand there.
func (p *reader) unexpected(where string) error {
	c, n := p.peek()
	if n == 0 {
		return fmt.Errorf("unexpected end of the file %s", where)
	}
	if c == utf8.RuneError && n == 1 {
		return fmt.Errorf("invalid UTF-8 %s", where)
	}
	return fmt.Errorf("invalid character %s %s", strconv.QuoteRune(c), where)
}

func lineEnd(c rune) bool { return c == '\n' || c == '\r' || c == 0x2028 || c == 0x2029 }

// space skips white space and comments.
func (p *reader) space() {
	for {
		c, n := p.peek()
		rest := p.text[p.at:]
		switch {
		case n > 0 && (unicode.IsSpace(c) || lineEnd(c) || c == 0xFEFF || unicode.Is(unicode.Zs, c)):
			p.at += n
		case strings.HasPrefix(rest, "//"):
			k := strings.IndexFunc(rest, lineEnd)
			if k < 0 {
				k = len(rest)
			}
			p.at += k
		case strings.HasPrefix(rest, "/*"):
			k := strings.Index(rest[2:], "*/")
			if k < 0 {
				p.failed = fmt.Errorf("a comment without an end")
				return
			}
			p.at += 2 + k + 2
		default:
			return
		}
	}
}

// value reads the value behind white space. where says what was expected, for errors.
func (p *reader) value(depth int, where string) (value, error) {
	p.space()
	if p.failed != nil {
		return value{}, p.failed
	}
	v := value{at: p.at}
	c, n := p.peek()
	var err error
	switch {
	case depth >= maxDepth && (c == '{' || c == '['):
		err = fmt.Errorf("nested more than %d deep", maxDepth)
	case n == 0:
		err = p.unexpected(where)
	case c == '{':
		v.kind = 'o'
		err = p.object(&v, depth)
	case c == '[':
		v.kind = 'a'
		err = p.array(&v, depth)
	case c == '"' || c == '\'':
		v.kind = 's'
		v.text, err = p.str()
	case c == '-' || c == '+' || c == '.' || c >= '0' && c <= '9':
		v.kind = 'n'
		v.text, err = p.number()
	default:
		switch word := p.word(); word {
		case "true", "false":
			v.kind, v.text = 'b', word
		case "null":
			v.kind = '0'
		case "NaN", "Infinity":
			v.kind, v.text = 'n', word
		case "":
			err = p.unexpected(where)
		default:
			p.at = v.at
			err = fmt.Errorf("invalid literal: %s", word)
		}
	}
	return v, err
}

// list reads what stands between a bracket and its end, separated by commas, of which one may trail.
func (p *reader) list(end rune, after string, item func() error) error {
	p.at++
	for {
		p.space()
		if c, n := p.peek(); n > 0 && c == end {
			p.at++
			return p.failed
		}
		if err := item(); err != nil {
			return err
		}
		p.space()
		switch c, _ := p.peek(); {
		case p.failed != nil:
			return p.failed
		case c == ',':
			p.at++
		case c != end:
			return p.unexpected(after)
		}
	}
}

func (p *reader) object(v *value, depth int) error {
	defer v.makeIndex()
	return p.list('}', "after object value (expecting ',' or '}')", func() (err error) {
		m := member{at: p.at}
		switch c, _ := p.peek(); {
		case c == '"' || c == '\'':
			m.name, err = p.str()
		default:
			if m.name = p.word(); m.name == "" {
				err = p.unexpected("at start of object name")
			}
		}
		if err != nil {
			return err
		}
		p.space()
		if c, _ := p.peek(); c != ':' && p.failed == nil {
			return p.unexpected("after object name")
		}
		p.at++
		m.value, err = p.value(depth+1, "at start of object value")
		v.members = append(v.members, m)
		return err
	})
}

// makeIndex makes finding one of many members quick.
func (v *value) makeIndex() {
	if len(v.members) > few {
		v.index = map[string]int{}
		for i := range v.members {
			v.index[v.members[i].name] = i
		}
	}
}

func (p *reader) array(v *value, depth int) error {
	return p.list(']', "after array value (expecting ',' or ']')", func() error {
		item, err := p.value(depth+1, "at start of array value")
		v.items = append(v.items, item)
		return err
	})
}

// word takes an identifier, as bare keys are. Escapes in it are not supported.
func (p *reader) word() string {
	from := p.at
	for {
		c, n := p.peek()
		if n == 0 || c == utf8.RuneError || c != '_' && c != '$' && !unicode.IsLetter(c) && (p.at == from || !unicode.IsDigit(c)) {
			return p.text[from:p.at]
		}
		p.at += n
	}
}

// number takes a number. Hexadecimal ones become decimal; signs, fractions and exponents stay as they are,
// except that a plus is dropped.
func (p *reader) number() (string, error) {
	from := p.at
	for p.at < len(p.text) && (cexpr.IsWord(p.text[p.at]) || strings.IndexByte("+-.", p.text[p.at]) >= 0) {
		p.at++
	}
	spelled := p.text[from:p.at]
	text := strings.TrimPrefix(spelled, "+")
	digits, negative := strings.CutPrefix(text, "-")
	sign := ""
	if negative {
		sign = "-"
	}
	if digits == "Infinity" || digits == "NaN" {
		return text, nil
	}
	hex, isHex := strings.CutPrefix(strings.ToLower(digits), "0x")
	if isHex {
		if v, err := strconv.ParseUint(hex, 16, 64); err == nil {
			return sign + strconv.FormatUint(v, 10), nil
		}
	} else if _, err := strconv.ParseFloat(digits, 64); len(digits) > 0 && strings.IndexByte("0123456789.", digits[0]) >= 0 && strings.IndexByte(digits, '_') < 0 &&
		(err == nil || err.(*strconv.NumError).Err == strconv.ErrRange) {
		return text, nil
	}
	p.at = from
	return "", fmt.Errorf("invalid number: %s", spelled)
}

var escapes = map[rune]string{'b': "\b", 'f': "\f", 'n': "\n", 'r': "\r", 't': "\t", 'v': "\v", '0': "\x00"}

// str takes a string in single or double quotes.
func (p *reader) str() (string, error) {
	start := p.at
	end := p.text[p.at]
	p.at++
	var s strings.Builder
	for {
		c, n := p.peek()
		switch {
		case n == 0 || c == '\n' || c == '\r':
			p.at = start
			return "", fmt.Errorf("a string without an end on its line")
		case c == rune(end):
			p.at++
			return s.String(), nil
		case c != '\\':
			s.WriteString(p.text[p.at : p.at+n])
			p.at += n
			continue
		}
		at := p.at
		p.at++
		c, n = p.peek()
		p.at += n
		switch plain, ok := escapes[c]; {
		case n == 0:
			p.at = start
			return "", fmt.Errorf("a string without an end on its line")
		case c == '\r' && strings.HasPrefix(p.text[p.at:], "\n"):
			p.at++
		case lineEnd(c): // the string goes on in the next line
		case ok && (c != '0' || p.at >= len(p.text) || p.text[p.at] < '0' || p.text[p.at] > '9'):
			s.WriteString(plain)
		case c == 'x' || c == 'u':
			v, err := p.hexDigits(map[rune]int{'x': 2, 'u': 4}[c])
			if err == nil && v >= 0xD800 && v < 0xDC00 && strings.HasPrefix(p.text[p.at:], `\u`) {
				back := p.at
				p.at += 2
				if low, e := p.hexDigits(4); e == nil && low >= 0xDC00 && low < 0xE000 {
					v = 0x10000 + (v-0xD800)<<10 + low - 0xDC00
				} else {
					p.at = back
				}
			}
			if err != nil {
				p.at = at
				return "", err
			}
			s.WriteRune(v)
		case c >= '0' && c <= '9':
			p.at = at
			return "", fmt.Errorf("invalid escape \\%c in a string", c)
		default:
			s.WriteRune(c)
		}
	}
}

func (p *reader) hexDigits(n int) (rune, error) {
	if p.at+n <= len(p.text) {
		if v, err := strconv.ParseUint(p.text[p.at:p.at+n], 16, 32); err == nil {
			p.at += n
			return rune(v), nil
		}
	}
	return 0, fmt.Errorf("an escape in a string needs %d hexadecimal digits", n)
}

// quote formats s for a message.
func quote(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}
