package tomltext

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

func TestKeyLines(t *testing.T) {
	text := []byte(`name = "x"

cells = { rule = "and",
  mark = "C" }
a.b = 1
[[bank]]
sectors = [{ count = 4 },
  { count = 1 }]

[[bank]]
mark = "C"
[core]
hz = 3
[[core.cost]]
hz = 4
`)
	lines := KeyLines(text)
	for key, want := range map[string]int{
		"name": 1, "cells": 3, "cells.rule": 3, "cells.mark": 4, "a.b": 5, "bank": 6, "bank[0]": 6, "bank[0].sectors": 7,
		"bank[0].sectors[1].count": 8, "bank[1]": 10, "bank[1].mark": 11, "core.hz": 13, "core.cost[0].hz": 15,
		"bank[1].sectors": 10, "cells.value": 3, "nothing": 0, "bank[7].mark": 6,
	} {
		if got := LineOf(lines, key); got != want {
			t.Errorf("%s: line %d, want %d", key, got, want)
		}
	}
	if n := len(KeyLines([]byte("a = 1\nb = "))); n != 1 {
		t.Errorf("%d keys before a mistake, want 1", n)
	}
}

// TestBounds: what a text may have is taken, and one more of it is an error with its line.
func TestBounds(t *testing.T) {
	numbered := func(n int, format string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	blocks := func(n int) string { // of 5000 keys each
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "[t%d]\n%s", i, numbered(5000, "k%d = 1\n"))
		}
		return b.String()
	}
	for _, c := range []struct{ text, want string }{
		{strings.Repeat("[[a]]\nb = 1\n", MaxTables), ""},
		{strings.Repeat(" [[a]]\nb = 1\n", MaxTables+1), "20001: more than 10000 tables in arrays: give fewer"},
		{numbered(MaxTables, "[t%d]\n"), ""},
		{numbered(MaxTables+1, "[t%d]\n"), "10001: more than 10000 tables: give fewer"},
		{numbered(MaxSiblings, "k%d = 1\n"), ""},
		{numbered(MaxSiblings+1, "k%d = 1\n"), "10001: more than 10000 keys in one table: give fewer"},
		{blocks(20), ""},
		{blocks(20) + "[u]\nk = 1\n", "100022: more than 100000 keys: give fewer"},
		{"a = [{" + numbered(MaxSiblings, "k%d = 1,") + "z = 1}]\n", "1: more than 10000 keys in braces: give fewer"},
		{"a = [" + strings.Repeat("{}, {b = {}}, ", 6666) + "{}, {}]\n", ""},
		{"x = 1\na = [" + strings.Repeat("{}, {b = {}}, ", 6666) + "{}, {}, {}]\n", "2: more than 20000 tables in braces: give fewer"},
		{"a = {b = {" + numbered(MaxSiblings-1, "k%d = 1,") + "z = 1}}\n", ""},
	} {
		if err := Bounded([]byte(c.text)); (err == nil) != (c.want == "") || err != nil && err.Error() != c.want {
			t.Errorf("%.20q...: %v, want %s", c.text, err, c.want)
		}
	}
	var v struct{ A []struct{ B int } }
	if err := Decode(bytes.Repeat([]byte("[[a]]\nb = 1\n"), MaxTables/10), &v); err != nil || len(v.A) != MaxTables/10 {
		t.Errorf("%d tables: %v", len(v.A), err)
	}
	if err := Decode(bytes.Repeat([]byte("[[a]]\nb = 1\n"), MaxTables+1), &v); err == nil {
		t.Error("one table too many is taken")
	}
}

// TestManyUnknownKeys: the first unknown key is named as by the decoder, however many there are, at once.
func TestManyUnknownKeys(t *testing.T) {
	type inner struct{ B int }
	var v struct {
		inner
		A    struct{ C []struct{ D int } }
		Name string `toml:"n"`
		Free map[string]any
	}
	for _, c := range []struct{ head, bad, tail, want string }{
		{"n = 'x'\nb = 1\n[a]\n[[a.c]]\nd = 1\n", " x%d = 1\n", "", "6:2: a.c.x0: unknown key: correct its spelling or remove it"},
		{"[a]\nc = [{d = 1},\n", "{e%d = 1},\n", "]\n", "3:2: a.e0: unknown key: correct its spelling or remove it"},
		{"B = 3\n", "[t%d]\nx = 1\n", "", "2:2: t0: unknown key: correct its spelling or remove it"},
		{"", "a.c.y%d = 3\n", "", "1:1: a.c.y0: unknown key: correct its spelling or remove it"},
	} {
		for _, n := range []int{2, 5000} { // few are left to the decoder
			var many strings.Builder
			many.WriteString(c.head)
			for i := range n {
				fmt.Fprintf(&many, c.bad, i)
			}
			many.WriteString(c.tail)
			if err := Decode([]byte(many.String()), &v); err == nil || err.Error() != c.want {
				t.Errorf("%d x %q: %v, want %s", n, c.bad, err, c.want)
			}
		}
	}
	var free strings.Builder
	free.WriteString("[free]\n")
	for i := range 1000 {
		fmt.Fprintf(&free, "x%d = {y = %d}\n", i, i)
	}
	if err := Decode([]byte(free.String()), &v); err != nil || len(v.Free) != 1000 {
		t.Errorf("keys of a map: %v", err)
	}
}
