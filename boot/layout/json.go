package layout

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"sort"
	"strconv"
	"strings"

	"github.com/tailscale/hujson"
)

// value is a JSON value with its place in the file.
type value struct {
	kind    byte   // 'o'bject, 'a'rray, 's'tring, 'n'umber, 'b'ool, or '0' for null
	text    string // a string's content, a number's or bool's spelling
	members []member
	items   []value
	at      int // offset in the file
}

type member struct {
	name string
	at   int
	value
}

func (v *value) find(name string) *member {
	for i := len(v.members) - 1; i >= 0; i-- { // of two, the last one counts
		if v.members[i].name == name {
			return &v.members[i]
		}
	}
	return nil
}

// parseJSON reads JSON with what Mbed's configuration files have beside it: comments and trailing
// commas (hujson's part), hexadecimal numbers, bare keys and single quotes (JSON5). The error of a
// file that is not that has the offset where it went wrong.
func parseJSON(text []byte) (value, int, error) {
	if at := tooDeep(text); at >= 0 {
		return value{}, at, fmt.Errorf("nested more than %d deep", maxDepth)
	}
	relaxed, back := relax(text)
	v, err := hujson.Parse(relaxed)
	if err != nil {
		return value{}, back(failedAt(relaxed, err)), errors.New(trimPlace(err.Error()))
	}
	root, at, err := convert(&v, back)
	return root, at, err
}

// maxDepth bounds the nesting of a file; Mbed's own need five levels.
const maxDepth = 100

// tooDeep is the offset at which text nests deeper than maxDepth, or -1. Brackets in strings and
// comments count too: no real file has that many.
func tooDeep(text []byte) int {
	depth := 0
	for i, c := range text {
		switch c {
		case '{', '[':
			if depth++; depth > maxDepth {
				return i
			}
		case '}', ']':
			depth--
		}
	}
	return -1
}

// failedAt is the offset that an error of hujson names as line and column.
func failedAt(text []byte, err error) int {
	var line, column int
	if _, e := fmt.Sscanf(err.Error(), "hujson: line %d, column %d:", &line, &column); e != nil {
		return 0
	}
	at := 0
	for ; line > 1; line-- {
		n := bytes.IndexByte(text[at:], '\n')
		if n < 0 {
			return len(text)
		}
		at += n + 1
	}
	return min(at+column-1, len(text))
}

// trimPlace leaves what went wrong of an error of hujson, without the place.
func trimPlace(s string) string {
	if i := strings.Index(s, ": "); strings.HasPrefix(s, "hujson: line ") && i >= 0 {
		s = s[i+2:]
		if j := strings.Index(s, ": "); j >= 0 {
			s = s[j+2:]
		}
	}
	return s
}

// convert turns hujson's tree into ours.
func convert(v *hujson.Value, back func(int) int) (value, int, error) {
	out := value{at: back(v.StartOffset)}
	switch t := v.Value.(type) {
	case hujson.Literal:
		out.kind, out.text = byte(t.Kind()), string(t)
		switch t.Kind() {
		case '"':
			out.kind, out.text = 's', t.String()
		case '0':
			out.kind = 'n'
		case 't', 'f':
			out.kind = 'b'
		case 'n':
			out.kind = '0'
		}
	case *hujson.Object:
		out.kind = 'o'
		for i := range t.Members {
			name, _ := t.Members[i].Name.Value.(hujson.Literal)
			m, at, err := convert(&t.Members[i].Value, back)
			if err != nil {
				return out, at, err
			}
			out.members = append(out.members, member{name.String(), back(t.Members[i].Name.StartOffset), m})
		}
	case *hujson.Array:
		out.kind = 'a'
		for i := range t.Elements {
			e, at, err := convert(&t.Elements[i], back)
			if err != nil {
				return out, at, err
			}
			out.items = append(out.items, e)
		}
	default:
		return out, out.at, errors.New("not a JSON value")
	}
	return out, 0, nil
}

// relax rewrites JSON5's bare keys, hexadecimal numbers and single-quoted strings to JSON's, and
// returns where an offset in the result was before.
func relax(text []byte) ([]byte, func(int) int) {
	type shift struct{ out, in int }
	var out []byte
	shifts := []shift{{0, 0}}
	i, copied := 0, 0
	// put replaces text[from:to] by s.
	put := func(from, to int, s string) {
		out = append(out, text[copied:from]...)
		shifts = append(shifts, shift{len(out), from})
		out = append(out, s...)
		copied = to
		shifts = append(shifts, shift{len(out), to})
	}
	for i < len(text) {
		switch c := text[i]; {
		case c == '/' && i+1 < len(text) && (text[i+1] == '/' || text[i+1] == '*'):
			i = skipComment(text, i)
		case c == '"' || c == '\'':
			end := stringEnd(text, i)
			if c == '\'' && end > i+1 && text[end-1] == '\'' {
				s := strings.ReplaceAll(strings.ReplaceAll(string(text[i+1:end-1]), `\'`, `'`), `"`, `\"`)
				put(i, end, `"`+s+`"`)
			}
			i = end
		case isWord(c):
			n := wordEnd(text, i)
			word := string(text[i:n])
			if v, err := strconv.ParseUint(word, 0, 64); err == nil && len(word) > 2 && (word[1] == 'x' || word[1] == 'X') {
				put(i, n, strconv.FormatUint(v, 10))
			} else if (c < '0' || c > '9') && nextByte(text, n) == ':' {
				put(i, n, `"`+word+`"`)
			}
			i = n
		default:
			i++
		}
	}
	out = append(out, text[copied:]...)
	return out, func(at int) int {
		k := sort.Search(len(shifts), func(k int) bool { return shifts[k].out > at }) - 1
		in := shifts[k].in + at - shifts[k].out
		if k+1 < len(shifts) {
			in = min(in, shifts[k+1].in)
		}
		return min(in, len(text))
	}
}

func skipComment(text []byte, i int) int {
	end, n := "\n", 0
	if text[i+1] == '*' {
		end, n = "*/", 2
	}
	if k := bytes.Index(text[i+2:], []byte(end)); k >= 0 {
		return i + 2 + k + n
	}
	return len(text)
}

// stringEnd is the offset behind the string that begins at i, or of the end of its line if it has
// no end there.
func stringEnd(text []byte, i int) int {
	for k := i + 1; k < len(text); k++ {
		switch text[k] {
		case '\\':
			k++
		case '\n':
			return k
		case text[i]:
			return k + 1
		}
	}
	return len(text)
}

func wordEnd(text []byte, i int) int {
	for i < len(text) && isWord(text[i]) {
		i++
	}
	return i
}

// nextByte is the first byte from i on that is neither space nor comment.
func nextByte(text []byte, i int) byte {
	for i < len(text) {
		switch {
		case strings.IndexByte(" \t\r\n", text[i]) >= 0:
			i++
		case text[i] == '/' && i+1 < len(text) && (text[i+1] == '/' || text[i+1] == '*'):
			i = skipComment(text, i)
		default:
			return text[i]
		}
	}
	return 0
}

// quote spells s for a message.
func quote(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}
