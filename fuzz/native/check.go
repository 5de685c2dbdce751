package native

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"dualbank/kvstore"
)

// ErrUnsound is a program that does not do the same twice, or writes where it was not asked to.
var ErrUnsound = errors.New("the program cannot be tested like this: see the lines above")

// Check tells w what the program says of itself and performs a few operations on a device, which open makes anew:
// twice, in different processes. ErrUnsound is the error of a program that fails them.
func Check(w io.Writer, p *Program, open func() (Medium, error)) error {
	dev, err := open()
	if err != nil {
		return err
	}
	i, err := p.Info(dev)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "program    %s, %d bit\n", p.Path, i.Bits)
	fmt.Fprintf(w, "isolation  %v%s\n", i.Isolation, because(i.Why))
	g := geometryOf(dev, 0)
	fmt.Fprintf(w, "device     %d bytes, sectors %s, program unit %d\n", g.size, sectorsText(g.sectors), g.unit)
	fmt.Fprintf(w, "functions  %s\n", i.functions())
	for _, l := range i.leftOut() {
		fmt.Fprintf(w, "left out   %s\n", l)
	}
	if !i.Stores() {
		if i.Loads() {
			return nil // a loader: it has no operations without an image
		}
		return fmt.Errorf("%s: a store has at least open, set and get", p.Path)
	}
	first, err := tenOperations(w, p, dev, &i)
	if err != nil {
		return err
	}
	if dev, err = open(); err != nil {
		return err
	}
	again := &Program{Path: p.Path, Args: p.Args, Isolate: Exec}
	defer again.Close()
	second, err := tenOperations(io.Discard, again, dev, &i)
	if err != nil {
		return err
	}
	if !slices.Equal(first, second) {
		for n := range first {
			if first[n] != second[n] {
				fmt.Fprintf(w, "again      %s; in another process: %s\n", first[n], second[n])
			}
		}
		fmt.Fprintf(w, "           it does not do the same twice: time, addresses, threads or files are not for code under test\n")
		return ErrUnsound
	}
	fmt.Fprintf(w, "again      the same in a process started anew for each boot\n")
	return nil
}

func because(why []string) string {
	if len(why) == 0 {
		return ""
	}
	return ", because of " + strings.Join(why, " and ")
}

func sectorsText(sectors [][2]uint32) string {
	var b strings.Builder
	for n := 0; n < len(sectors); {
		k := n
		for k < len(sectors) && sectors[k][1] == sectors[n][1] {
			k++
		}
		if n > 0 {
			b.WriteByte('+')
		}
		if size := sectors[n][1]; size%1024 == 0 {
			fmt.Fprintf(&b, "%dx%dK", k-n, size/1024)
		} else {
			fmt.Fprintf(&b, "%dx%d", k-n, size)
		}
		n = k
	}
	return b.String()
}

// functions are the names of what the program can do.
func (i *Info) functions() string {
	var names []string
	for k := Open; k <= Boot; k++ {
		if i.Has(k) {
			names = append(names, k.String())
		}
	}
	return strings.Join(names, " ")
}

// leftOut says what is not tested without the functions that the program does not have.
func (i *Info) leftOut() (lines []string) {
	if i.Has(Boot) {
		return nil
	}
	for _, l := range []struct {
		k    Kind
		what string
	}{
		{List, "list: keys that exist and should not (rule 4) are not looked for"},
		{Remove, "remove: no key is removed"},
		{ResetAll, "reset: no test removes all keys at once"},
	} {
		if !i.Has(l.k) {
			lines = append(lines, "without "+l.what)
		}
	}
	if i.Flags&kvstore.FlagWriteOnce == 0 {
		lines = append(lines, "without the flag of write-once keys (rule 6): no key is set with it")
	}
	return append(lines, "reserved data (rule 5) and sets in pieces: the header has no functions for them")
}

// tenOperations performs a few operations, tells them, and returns what it told.
func tenOperations(w io.Writer, p *Program, dev Medium, i *Info) (story []string, err error) {
	s := newStore(p, dev, 0)
	steps := func() uint64 { return s.writes }
	do := func(what string, fn func() (string, error)) bool {
		before := steps()
		answer, got := fn()
		line := what
		if got != nil {
			line += ": " + got.Error()
		} else if answer != "" {
			line += ": " + answer
		}
		line += fmt.Sprintf(" (%d programs and erases)", steps()-before)
		story = append(story, line)
		fmt.Fprintf(w, "operation  %s\n", line)
		var crash *Crash
		if errors.As(got, &crash) && crash.Log != "" {
			fmt.Fprintf(w, "           %s\n", strings.ReplaceAll(strings.TrimSpace(crash.Log), "\n", "\n           "))
		}
		return got == nil
	}
	set := func(key, value string) func() (string, error) {
		return func() (string, error) { return "", s.Set(key, []byte(value), 0) }
	}
	get := func(key, want string) func() (string, error) {
		return func() (string, error) {
			buf := make([]byte, len(want)+1)
			n, err := s.Get(key, buf, 0)
			if err == nil && string(buf[:n]) != want {
				return "", fmt.Errorf("%q, not %q", buf[:n], want)
			}
			return "", err
		}
	}
	reopen := func() (string, error) { return "", s.Open() }
	ok := do("open", reopen) &&
		do("set a", set("a", "one")) && do("set b", set("b", "two")) && do("get a", get("a", "one")) &&
		do("set a again", set("a", "three")) && do("get a", get("a", "three"))
	gone := ok && i.Has(Remove)
	if gone {
		ok = do("remove b", func() (string, error) { return "", s.Remove("b") })
	}
	ok = ok && do("boot and open", reopen) && do("get a", get("a", "three"))
	if ok && gone {
		ok = do("get b, which is removed", func() (string, error) {
			if _, err := s.Get("b", make([]byte, 8), 0); !errors.Is(err, kvstore.ErrItemNotFound) {
				return "", fmt.Errorf("it is there (error %v)", err)
			}
			return "", nil
		})
	}
	if !ok {
		return nil, ErrUnsound
	}
	if !s.agrees() {
		fmt.Fprintf(w, "image      the program's image is not what its programs and erases lead to: it writes past the header's functions\n")
		return nil, ErrUnsound
	}
	fmt.Fprintf(w, "image      as its programs and erases say\n")
	return story, nil
}

// agrees reports whether the image of the process that ran the store last is that of the flash.
func (s *store) agrees() bool {
	o := s.pool
	o.mu.Lock()
	defer o.mu.Unlock()
	c := s.home
	if !o.alive[c] || c.session != s {
		return true // it has run others since
	}
	image := make([]byte, s.g.size)
	s.dev.Peek(0, image)
	at := c.q.places.image
	return bytes.Equal(image, c.q.mem[at:at+len(image)])
}
