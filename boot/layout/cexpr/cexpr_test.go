package cexpr

import (
	"strings"
	"testing"
)

var exprMacros = map[string]string{
	"MBED_ROM_START": "0x08000000", "MBED_ROM_SIZE": "0x200000", "BANK": "MBED_ROM_SIZE/2", "SUM": "2+3",
	"A": "B", "B": "C+1", "C": "(A)", "ZERO": "0", "HALF": "1/ZERO", "EMPTY": "", "ODD": "1 $ 2",
}

func macroOf(m map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		v, ok := m[name]
		return v, ok
	}
}

func TestExpressions(t *testing.T) {
	for _, c := range []struct {
		text string
		want int64
	}{
		{"0", 0},
		{"0u", 0},
		{"010", 8},
		{"0x10", 16},
		{"0b101", 5},
		{"0X1fUL", 31},
		{"(32*1024)", 32768},
		{"2*16*1024", 32768},
		{"7-2-1", 4},
		{"100/7%4", 2},
		{"1<<2+3", 32},
		{"1|2&3^4", 1 | 2&3 ^ 4},
		{"6&3==3", 0},
		{"-7/2", -3},
		{"-7%2", -1},
		{"~0", -1},
		{"~0u", 0xFFFFFFFF},
		{"~0x3FFu & 0x08008410", 0x08008400},
		{"0x80000000", 0x80000000},
		{"2147483648", 2147483648},
		{"0x80000000 >> 31", 1},
		{"1u - 2", 0xFFFFFFFF},
		{"-1 < 0u", 0},
		{"-1 < 0", 1},
		{"1 ? 2 : 1/0", 2},
		{"0 && 1/0", 0},
		{"1 || 1/0", 1},
		{"!3 + !0", 1},
		{"- - 5", 5},
		{"5ull << 40", 5 << 40},
		{"(MBED_ROM_START + BANK)", 0x08100000},
		{"2*SUM", 7}, // tokens are replaced, not values
		{"(2)*(SUM)", 10},
	} {
		n, err := evaluate(c.text, macroOf(exprMacros))
		if err != nil || n.v != c.want {
			t.Errorf("%s = %d, %v; want %d", c.text, n.v, err, c.want)
		}
	}
}

func TestExpressionErrors(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", "ends too early"},
		{"(1", "ends too early"},
		{"1+", "ends too early"},
		{"1 2", "unexpected number 2"},
		{"1)", `unexpected ")"`},
		{"*1", `unexpected "*"`},
		{"1 ? 2", "ends too early"},
		{"09", `"09" is not a number`},
		{"0x", `"0x" is not a number`},
		{"12abc", `"12abc" is not a number`},
		{"99999999999999999999", "more than 64 bits"},
		{"1/0", "division by zero"},
		{"5 % ZERO", "division by zero"},
		{"HALF", "division by zero (in HALF)"},
		{"1 << 32", "shift by 32"},
		{"1 << -1", "shift by -1"},
		{"NOBODY + 1", "unknown macro NOBODY; define it"},
		{"A", "macro A needs its own value (in C in B in A)"},
		{"EMPTY", "macro EMPTY is empty"},
		{"ODD", `unexpected '$' (in ODD)`},
		{"1,2", `unexpected ','`},
	} {
		n, err := evaluate(c.text, macroOf(exprMacros))
		if err == nil {
			t.Errorf("%s = %d, want an error with %q", c.text, n.v, c.want)
		} else if !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v; want %q", c.text, err, c.want)
		}
	}
}

func TestExpressionsEnd(t *testing.T) {
	doubling := map[string]string{"Z": "1"}
	last := "Z"
	for i := range 26 {
		name := string(rune('A'+i)) + "A"
		doubling[name] = last + "+" + last
		last = name
	}
	if _, err := evaluate(last, macroOf(doubling)); err == nil || !strings.Contains(err.Error(), "more than 10000 tokens") {
		t.Errorf("macros that double: %v", err)
	}
	if _, err := evaluate(strings.Repeat("-", 5000)+"1", nil); err != nil {
		t.Error(err)
	}
	if _, err := evaluate(strings.Repeat("(", 5000)+"1"+strings.Repeat(")", 4999), nil); err == nil {
		t.Error("a missing bracket is not noticed")
	}
}

func FuzzExpr(f *testing.F) {
	for _, s := range []string{"(MBED_ROM_START + BANK)", "2*SUM", "1<<2+3", "1?2:3", "~0u>>4", "A", "0x7fffffff+1", "-2147483648/-1", "((("} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n, err := evaluate(text, macroOf(exprMacros))
		if err != nil {
			if err.Error() == "" || strings.Contains(err.Error(), "\n\n") {
				t.Fatalf("%q: error %q", text, err)
			}
			return
		}
		if n.fit() != n {
			t.Fatalf("%q = %+v, which its type does not hold", text, n)
		}
		again, err := evaluate("("+text+")", macroOf(exprMacros))
		if err != nil || again != n {
			t.Fatalf("%q = %+v, in brackets %+v, %v", text, n, again, err)
		}
	})
}
