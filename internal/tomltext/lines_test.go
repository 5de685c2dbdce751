package tomltext

import (
	"bytes"
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

func TestTooManyTables(t *testing.T) {
	var v struct{ A []struct{ B int } }
	text := bytes.Repeat([]byte("[[a]]\nb = 1\n"), MaxTables/10)
	if err := Decode(text, &v); err != nil || len(v.A) != MaxTables/10 {
		t.Errorf("%d tables: %v", len(v.A), err)
	}
	err := Decode(bytes.Repeat([]byte(" [[a]]\nb = 1\n"), MaxTables+1), &v)
	if err == nil || err.Error() != "20001: more than 10000 tables in arrays: give fewer" {
		t.Errorf("one table too many: %v", err)
	}
}
