// Package cexpr computes C integer expressions over macros, as configuration files have them for addresses and
// sizes.
//
//  1. The caller, package layout, has the text of an option and the macros of an image.
//  2. Evaluate expands the text: macros are replaced by their tokens, as the preprocessor does, and not by their
//     values. "2*SUM" with SUM as "2+3" is 7.
//  3. It computes the tokens with the types of a 32-bit target: int and long have 32 bits, long long has 64.
//     Literals have C's prefixes, suffixes and types; operators have C's ranks and conversions, and wrap around.
//  4. The caller gets the value, or an Error that names the macros on the way to the place of the mistake.
//
// Invariants:
//
//   - Evaluate always returns: cycles, macros that double at each step and deep nesting are errors.
//   - A division by zero in a part that is not evaluated ("1 ? 2 : 1/0") is none.
package cexpr

import (
	"fmt"
	"strings"
)

// number is a value of a C integer expression on a 32-bit target: int and long have 32 bits, long
// long has 64. v holds the value, sign-extended, or zero-extended if unsigned; an unsigned 64-bit
// value is its bit pattern.
type number struct {
	v        int64
	unsigned bool
	wide     bool // 64 bits
}

// fit brings v into the range of the number's type, as C's wrap-around does.
func (n number) fit() number {
	if !n.wide {
		if n.unsigned {
			n.v = int64(uint32(n.v))
		} else {
			n.v = int64(int32(n.v))
		}
	}
	return n
}

// Error is what is wrong with an expression.
type Error struct {
	Text   string
	Remedy string   // "" if correcting the expression is all there is to do
	Via    []string // macros on the way to the mistake, the innermost first
	Cycle  bool     // a macro needs its own value
}

func (e *Error) Error() string {
	s := e.Text
	if len(e.Via) > 0 {
		s += " (in " + strings.Join(e.Via, " in ") + ")"
	}
	if e.Remedy != "" {
		s += "; " + e.Remedy
	}
	return s
}

// maxTokens bounds what macros may expand to, so that macros which double at each step end in an
// error.
const maxTokens = 10000

// token is an operator, a number or a macro that is not to be expanded again. via is the chain of
// macros that it came from, the innermost first.
type token struct {
	op  string
	num number
	via *expansion
}

type expansion struct {
	name string
	up   *expansion
}

func (x *expansion) chain() (names []string) {
	for ; x != nil; x = x.up {
		names = append(names, x.name)
	}
	return names
}

// Evaluate returns the value of the C integer expression text. macro returns the text of a macro. An unsigned
// 64-bit value is returned as its bit pattern.
func Evaluate(text string, macro func(name string) (string, bool)) (int64, *Error) {
	n, err := evaluate(text, macro)
	return n.v, err
}

func evaluate(text string, macro func(name string) (string, bool)) (number, *Error) {
	p := &parser{macro: macro}
	if err := p.expand(text, nil); err != nil {
		return number{}, err
	}
	n, err := p.conditional(true)
	if err != nil {
		return number{}, err
	}
	if p.at < len(p.tokens) {
		return number{}, p.unexpected()
	}
	return n, nil
}

type parser struct {
	macro  func(string) (string, bool)
	tokens []token
	at     int
}

// operators, longest first.
var operators = []string{
	"<<", ">>", "<=", ">=", "==", "!=", "&&", "||",
	"+", "-", "*", "/", "%", "&", "|", "^", "~", "!", "(", ")", "<", ">", "?", ":",
}

// expand appends the tokens of text, with all macros in it expanded.
func (p *parser) expand(text string, via *expansion) *Error {
	bad := func(format string, a ...any) *Error {
		return &Error{Text: fmt.Sprintf(format, a...), Via: via.chain()}
	}
	for {
		text = strings.TrimLeft(text, " \t\r\n")
		if text == "" {
			return nil
		}
		if len(p.tokens) >= maxTokens {
			return bad("expands to more than %d tokens", maxTokens)
		}
		word := text[:WordLen(text)]
		switch {
		case word == "":
			op := ""
			for _, o := range operators {
				if strings.HasPrefix(text, o) {
					op = o
					break
				}
			}
			if op == "" {
				r := []rune(text)[0]
				return bad("unexpected %q", r)
			}
			p.tokens = append(p.tokens, token{op: op, via: via})
			text = text[len(op):]
		case word[0] >= '0' && word[0] <= '9':
			n, err := literal(word)
			if err != "" {
				return bad("%s", err)
			}
			p.tokens = append(p.tokens, token{num: n, via: via})
			text = text[len(word):]
		default:
			depth := 0
			for x := via; x != nil; x = x.up {
				if x.name == word {
					return &Error{Text: "macro " + word + " needs its own value", Via: via.chain(), Remedy: "break the cycle", Cycle: true}
				}
				depth++
			}
			if depth > 200 {
				return bad("macros nest more than 200 deep")
			}
			body, ok := p.macro(word)
			if !ok {
				return &Error{
					Text: "unknown macro " + word, Via: via.chain(),
					Remedy: `define it under "macros", or give the mbed_lib.json whose option it is`,
				}
			}
			before := len(p.tokens)
			if err := p.expand(body, &expansion{word, via}); err != nil {
				return err
			}
			if len(p.tokens) == before {
				return &Error{Text: "macro " + word + " is empty", Via: via.chain(), Remedy: "give it a value"}
			}
			text = text[len(word):]
		}
	}
}

// IsWord reports whether c belongs to a name or a number.
func IsWord(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// WordLen returns the length of the name or number at the start of s.
func WordLen(s string) int {
	for i := range len(s) {
		if !IsWord(s[i]) {
			return i
		}
	}
	return len(s)
}

// literal reads a number with C's prefixes, suffixes and types.
func literal(word string) (n number, problem string) {
	digits := strings.ToLower(word)
	base, from := uint64(10), digits
	switch {
	case strings.HasPrefix(digits, "0x"):
		base, digits = 16, digits[2:]
	case strings.HasPrefix(digits, "0b"):
		base, digits = 2, digits[2:]
	case len(digits) > 1 && digits[0] == '0':
		base, digits = 8, digits[1:]
	}
	var v uint64
	i := 0
	for ; i < len(digits); i++ {
		d := uint64(strings.IndexByte("0123456789abcdef", digits[i]))
		if d >= base { // -1 is large
			break
		}
		if v > (1<<64-1-d)/base {
			return n, fmt.Sprintf("number %s has more than 64 bits", word)
		}
		v = v*base + d
	}
	if i == 0 && from[0] == '0' && base == 8 {
		i = 0 // "0u": the digit is the prefix
	} else if i == 0 {
		return n, fmt.Sprintf("%q is not a number", word)
	}
	switch digits[i:] {
	case "", "l":
	case "u", "ul", "lu":
		n.unsigned = true
	case "ll":
		n.wide = true
	case "ull", "llu":
		n.unsigned, n.wide = true, true
	default:
		return n, fmt.Sprintf("%q is not a number", word)
	}
	// The first type that holds the value: unsigned ones only for other bases than ten.
	switch {
	case !n.wide && (v < 1<<31 || n.unsigned && v < 1<<32):
	case !n.wide && base != 10 && v < 1<<32:
		n.unsigned = true
	case v < 1<<63:
		n.wide = true
	default:
		n.wide, n.unsigned = true, true
	}
	n.v = int64(v)
	return n, ""
}

func (p *parser) peek() string {
	if p.at < len(p.tokens) {
		return p.tokens[p.at].op
	}
	return "end"
}

func (p *parser) unexpected() *Error {
	if p.at >= len(p.tokens) {
		return &Error{Text: "the expression ends too early"}
	}
	t := p.tokens[p.at]
	what := fmt.Sprintf("%q", t.op)
	if t.op == "" {
		what = fmt.Sprintf("number %d", t.num.v)
	}
	return &Error{Text: "unexpected " + what, Via: t.via.chain()}
}

// conditional is the whole grammar's top. live is false where the value is not used, so that a
// division by zero there is none.
func (p *parser) conditional(live bool) (number, *Error) {
	c, err := p.binary(0, live)
	if err != nil || p.peek() != "?" {
		return c, err
	}
	p.at++
	a, err := p.conditional(live && c.v != 0)
	if err != nil {
		return a, err
	}
	if p.peek() != ":" {
		return a, p.unexpected()
	}
	p.at++
	b, err := p.conditional(live && c.v == 0)
	if err != nil {
		return b, err
	}
	a, b = balance(a, b)
	if c.v != 0 {
		return a, nil
	}
	return b, nil
}

// levels are the binary operators, the weakest first.
var levels = [][]string{
	{"||"},
	{"&&"},
	{"|"},
	{"^"},
	{"&"},
	{"==", "!="},
	{"<", ">", "<=", ">="},
	{"<<", ">>"},
	{"+", "-"},
	{"*", "/", "%"},
}

func (p *parser) binary(level int, live bool) (number, *Error) {
	if level == len(levels) {
		return p.unary(live)
	}
	a, err := p.binary(level+1, live)
	if err != nil {
		return a, err
	}
	for {
		op := ""
		for _, o := range levels[level] {
			if p.peek() == o {
				op = o
			}
		}
		if op == "" {
			return a, nil
		}
		via := p.tokens[p.at].via
		p.at++
		needed := live && (op != "||" || a.v == 0) && (op != "&&" || a.v != 0)
		b, err := p.binary(level+1, needed)
		if err != nil {
			return b, err
		}
		var problem string
		if a, problem = apply(op, a, b); problem != "" && live {
			return a, &Error{Text: problem, Via: via.chain()}
		}
	}
}

// balance brings two operands to their common type.
func balance(a, b number) (number, number) {
	wide := a.wide || b.wide
	unsigned := a.unsigned && a.wide == wide || b.unsigned && b.wide == wide
	a.wide, b.wide, a.unsigned, b.unsigned = wide, wide, unsigned, unsigned
	return a.fit(), b.fit()
}

func truth(b bool) number {
	if b {
		return number{v: 1}
	}
	return number{}
}

func less(a, b number) bool {
	if a.unsigned {
		return uint64(a.v) < uint64(b.v)
	}
	return a.v < b.v
}

func apply(op string, a, b number) (n number, problem string) {
	switch op {
	case "||":
		return truth(a.v != 0 || b.v != 0), ""
	case "&&":
		return truth(a.v != 0 && b.v != 0), ""
	case "<<", ">>":
		bits := int64(32)
		if a.wide {
			bits = 64
		}
		if b.v < 0 || b.v >= bits {
			return a, fmt.Sprintf("shift by %d", b.v)
		}
		switch {
		case op == "<<":
			a.v <<= b.v
		case a.unsigned:
			a.v = int64(uint64(a.v) >> b.v)
		default:
			a.v >>= b.v
		}
		return a.fit(), ""
	}
	a, b = balance(a, b)
	n = a
	switch op {
	case "|":
		n.v = a.v | b.v
	case "^":
		n.v = a.v ^ b.v
	case "&":
		n.v = a.v & b.v
	case "==":
		return truth(a.v == b.v), ""
	case "!=":
		return truth(a.v != b.v), ""
	case "<":
		return truth(less(a, b)), ""
	case ">":
		return truth(less(b, a)), ""
	case "<=":
		return truth(!less(b, a)), ""
	case ">=":
		return truth(!less(a, b)), ""
	case "+":
		n.v = a.v + b.v
	case "-":
		n.v = a.v - b.v
	case "*":
		n.v = a.v * b.v
	case "/", "%":
		if b.v == 0 {
			return n, "division by zero"
		}
		switch {
		case a.unsigned && op == "/":
			n.v = int64(uint64(a.v) / uint64(b.v))
		case a.unsigned:
			n.v = int64(uint64(a.v) % uint64(b.v))
		case op == "/":
			n.v = a.v / b.v
		default:
			n.v = a.v % b.v
		}
	}
	return n.fit(), ""
}

func (p *parser) unary(live bool) (number, *Error) {
	// Signs may stand in long rows: a loop, not a recursion.
	var signs []string
	for {
		op := p.peek()
		if op != "-" && op != "+" && op != "~" && op != "!" {
			break
		}
		signs = append(signs, op)
		p.at++
	}
	n, err := p.primary(live)
	if err != nil {
		return n, err
	}
	for i := len(signs) - 1; i >= 0; i-- {
		switch signs[i] {
		case "-":
			n.v = -n.v
		case "~":
			n.v = ^n.v
		case "!":
			n = truth(n.v == 0)
		}
		n = n.fit()
	}
	return n, nil
}

func (p *parser) primary(live bool) (number, *Error) {
	switch p.peek() {
	case "":
		p.at++
		return p.tokens[p.at-1].num, nil
	case "(":
		p.at++
		n, err := p.conditional(live)
		if err != nil {
			return n, err
		}
		if p.peek() != ")" {
			return n, p.unexpected()
		}
		p.at++
		return n, nil
	}
	return number{}, p.unexpected()
}
