package main

import (
	"bytes"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"dualbank/bench"
	"dualbank/internal/long"
)

// leaves are the commands that can be called, with the arguments that each needs.
func leaves(t *testing.T) map[string]*kong.Node {
	t.Helper()
	parser, err := kong.New(new(commands), append(values(), kong.Name("dualbank"))...)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]*kong.Node{}
	for _, n := range parser.Model.Leaves(false) {
		all[strings.TrimPrefix(n.FullPath(), "dualbank ")] = n
	}
	return all
}

// refused calls the program, which must end with exit code 2 and one line on standard error, and returns that line.
func refused(t *testing.T, args ...string) string {
	t.Helper()
	var out, err bytes.Buffer
	code := run(args, &out, &err)
	line := strings.TrimSuffix(err.String(), "\n")
	if code != exitBadInput || line == "" || strings.Contains(line, "\n") || !strings.HasPrefix(line, "dualbank: ") {
		t.Errorf("%q: exit code %d, %q", args, code, err.String())
	}
	return line
}

// least are the arguments without which a command is refused for other reasons.
func least(n *kong.Node) (args []string) {
	for _, p := range n.Positional {
		if p.Required {
			args = append(args, "x")
		}
	}
	for _, f := range n.Flags {
		if f.Required {
			args = append(args, "--"+f.Name, "x")
		}
	}
	return args
}

// TestRanges: every flag that takes a number has a range, which the help shows and which is kept at both ends. The
// default set tries a quarter of the values.
func TestRanges(t *testing.T) {
	seen := 0
	for name, n := range leaves(t) {
		for _, f := range n.Flags {
			typ := f.Target.Type()
			if k := typ.Kind(); k == reflect.Pointer || k == reflect.Slice {
				typ = typ.Elem()
			}
			if k := typ.Kind(); k == reflect.String || k == reflect.Bool {
				continue
			}
			from, to, ok := strings.Cut(f.Tag.Get("range"), "..")
			if !ok {
				t.Errorf("%s --%s: no range", name, f.Name)
				continue
			}
			seen++
			beyond := []string{"x", "", "NaN", "1e999", "99999999999999999999", "-99999999999999999999", "0x"}
			switch {
			case f.Tag.Type == "bytes":
				lo, err1 := bench.ParseSize(from)
				hi, err2 := bench.ParseSize(to)
				if err1 != nil || err2 != nil || lo >= hi {
					t.Errorf("%s --%s: range %s to %s", name, f.Name, from, to)
				}
				beyond = append(beyond, "0", "-1", fmt.Sprint(uint64(hi)+1), "1T", "1,x")
			case typ == reflect.TypeFor[time.Duration]():
				lo, err1 := time.ParseDuration(from)
				hi, err2 := time.ParseDuration(to)
				if err1 != nil || err2 != nil || lo >= hi {
					t.Errorf("%s --%s: range %s to %s", name, f.Name, from, to)
				}
				beyond = append(beyond, (lo - 1).String(), (hi + 1).String(), "5", "-1s", "1y")
			case typ.Kind() == reflect.Float64:
				lo, err1 := strconv.ParseFloat(from, 64)
				hi, err2 := strconv.ParseFloat(to, 64)
				if err1 != nil || err2 != nil || lo >= hi {
					t.Errorf("%s --%s: range %s to %s", name, f.Name, from, to)
				}
				beyond = append(beyond, fmt.Sprint(lo-0.001), fmt.Sprint(hi*1.001), "Inf", "-Inf")
			default:
				lo, err1 := strconv.ParseInt(from, 0, 64)
				hi, err2 := strconv.ParseInt(to, 0, 64)
				if err1 != nil || err2 != nil || lo >= hi {
					t.Errorf("%s --%s: range %s to %s", name, f.Name, from, to)
				}
				beyond = append(beyond, fmt.Sprint(lo-1), fmt.Sprint(uint64(hi)+1), "1.5", "1K")
			}
			for i, value := range beyond {
				if !long.Enabled() && i%7 != seen%7 {
					continue
				}
				args := append(append(strings.Fields(name), least(n)...), "--"+f.Name, value)
				if line := refused(t, args...); !strings.Contains(line, "--"+f.Name) || !strings.Contains(line, to) {
					t.Errorf("%q: %s", args, line)
				}
			}
		}
	}
	if seen < 15 {
		t.Errorf("%d flags with a range", seen)
	}
}

// TestUse: a flag that has no effect without another is refused without it, and one that has none beside another
// beside it. The default set tries a third of the pairs.
func TestUse(t *testing.T) {
	seen := 0
	for name, n := range leaves(t) {
		flags := map[string]*kong.Flag{}
		for _, f := range n.Flags {
			flags[f.Name] = f
		}
		// given is a flag or argument of the command with a value that it takes.
		given := func(other string) []string {
			if f := flags[other]; f != nil && !f.IsBool() {
				return []string{"--" + other, valueOf(f.Value)}
			} else if f != nil {
				return []string{"--" + other}
			}
			for _, p := range n.Positional {
				if p.Name == other && !p.Required {
					return []string{"x"}
				}
			}
			return nil
		}
		for _, f := range n.Flags {
			for other := range strings.SplitSeq(f.Tag.Get("without"), ",") {
				beside := given(other)
				if beside == nil {
					continue
				}
				if seen++; seen%6 != 0 && !long.Enabled() {
					continue
				}
				args := append(append(append(strings.Fields(name), least(n)...), beside...), given(f.Name)...)
				if line := refused(t, args...); !strings.Contains(line, "--"+f.Name+": has no effect beside") {
					t.Errorf("%q: %s", args, line)
				}
			}
			alone := f.Tag.Get("needs") != ""
			for other := range strings.SplitSeq(f.Tag.Get("needs"), ",") {
				for _, p := range n.Positional {
					alone = alone && p.Name != other
				}
			}
			if !alone {
				continue
			}
			seen++
			args := append(append(strings.Fields(name), least(n)...), given(f.Name)...)
			if line := refused(t, args...); !strings.Contains(line, "--"+f.Name+": has no effect without") {
				t.Errorf("%q: %s", args, line)
			}
		}
	}
	if seen < 30 {
		t.Errorf("%d pairs", seen)
	}
}

// valueOf is a value that a flag takes.
func valueOf(v *kong.Value) string {
	if least, _, ok := strings.Cut(v.Tag.Get("range"), ".."); ok {
		return least
	}
	if v.Enum != "" {
		all := strings.Split(v.Enum, ",")
		return all[len(all)-1]
	}
	return "x"
}
