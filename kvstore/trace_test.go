package kvstore

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"dualbank/internal/flashtest"
)

var traces = flag.String("traces", "", "folder of recorded traces to replay instead of those in testdata")

// traceFiles lists the files with the extension under the -traces folder, or under fallback.
func traceFiles(t *testing.T, fallback, ext string) (root string, files []string) {
	t.Helper()
	root = *traces
	if root == "" {
		root = fallback
	}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && filepath.Ext(path) == ext {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatalf("no %s traces in %s", ext, root)
	}
	return root, files
}

func TestReferenceTraces(t *testing.T) {
	root, files := traceFiles(t, "testdata", ".jsonl")
	for _, path := range files {
		name, err := filepath.Rel(root, path)
		if err != nil {
			name = path
		}
		t.Run(filepath.ToSlash(name), func(t *testing.T) {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			replayTrace(t, text)
		})
	}
}

// traceHead is the first line of a trace.
type traceHead struct {
	Sectors string
	Prog    uint32
	Strict  bool
	Variant string
}

type traceLine struct {
	C, R, CRC string
	S         uint64
}

func replayTrace(t *testing.T, text []byte) {
	sc := bufio.NewScanner(bytes.NewReader(text))
	sc.Buffer(nil, 1<<26)
	if !sc.Scan() {
		t.Fatal("empty trace")
	}
	var head traceHead
	if err := json.Unmarshal(sc.Bytes(), &head); err != nil {
		t.Fatalf("line 1: %v", err)
	}
	var lines []traceLine
	for n := 2; sc.Scan(); n++ {
		if len(bytes.TrimSpace(sc.Bytes())) == 0 {
			continue
		}
		var l traceLine
		if err := json.Unmarshal(sc.Bytes(), &l); err != nil {
			t.Fatalf("line %d: %v", n, err)
		}
		lines = append(lines, l)
	}
	if err := sc.Err(); err != nil {
		t.Fatal(err)
	}
	profiles, ok := map[string][]Profile{"both": {MbedCE, MbedOS}, "arm": {MbedOS}, "ce": {MbedCE}}[head.Variant]
	if !ok {
		t.Fatalf("unknown variant %q", head.Variant)
	}
	if len(lines) == 0 {
		t.Fatal("no commands in the trace")
	}
	for _, p := range profiles {
		flash := flashtest.New(t, head.Sectors, head.Prog)
		flash.Strict = head.Strict
		d := traceDriver{
			flash: flash, store: NewTDB(flash, Options{Profile: p}), buf: make([]byte, 1<<20), iterators: map[string]*KeyIterator{},
		}
		for i, l := range lines {
			got := d.run(l.C)
			sum := fmt.Sprintf("%08x", crc32.ChecksumIEEE(flash.Cells))
			if !sameResult(l.C, got, l.R) || sum != l.CRC || flash.Steps != l.S {
				t.Fatalf("%v, line %d: %.200s\n got %.300s crc %s steps %d\nwant %.300s crc %s steps %d",
					p, i+2, l.C, got, sum, flash.Steps, l.R, l.CRC, l.S)
			}
		}
	}
}

var number = regexp.MustCompile(`-?\d+`)

// sameResult compares results. Of locks only the number counts: the format does not say how it is spelled.
func sameResult(cmd, got, want string) bool {
	if cmd == "locks" && !strings.HasPrefix(want, "ERR") {
		return number.FindString(got) == number.FindString(want)
	}
	return got == want
}

// traceDriver runs the commands of a trace on a store.
type traceDriver struct {
	flash     *flashtest.Flash
	store     *TDBStore
	open      bool
	buf       []byte
	iterators map[string]*KeyIterator // by number; gone with the store object
}

func (d *traceDriver) run(line string) string {
	w := strings.Split(line, " ")
	arg := func(i int) string {
		if i < len(w) {
			return w[i]
		}
		return ""
	}
	switch w[0] {
	case "blank":
		d.flash.Blank()
		return "OK"
	case "cut":
		n, _ := strconv.ParseUint(arg(1), 0, 64)
		seed, _ := strconv.ParseUint(arg(3), 0, 32)
		d.flash.Armed, d.flash.CutAt = true, d.flash.Steps+n
		d.flash.CutMode, d.flash.CutSeed = arg(2)[0], uint32(seed)
		return "OK"
	case "poke":
		at := traceNumber(arg(1))
		if int(at) < len(d.flash.Cells) {
			copy(d.flash.Cells[at:], unhex(arg(2)))
		}
		return "OK"
	case "fail":
		d.refuse(uint64(traceNumber(arg(1))), uint64(traceNumber(arg(2))))
		return "OK"
	case "nofail":
		d.flash.Fail = nil
		return "OK"
	case "open":
		if d.open {
			return "ERR ALREADY_OPEN"
		}
		clear(d.iterators)
		d.flash.Off = false
		err := d.store.Open()
		d.open = err == nil
		return d.result("", err)
	}
	if !d.open {
		return "ERR NOT_OPEN"
	}
	s := d.store
	key := traceKey(arg(1))
	switch w[0] {
	case "close":
		err := s.Close()
		d.open = false
		return d.result("", err)
	case "drop":
		d.open = false
		s.Attach(d.flash)
		return "OK"
	case "set":
		return d.result("", s.Set(key, unhex(arg(2)), Flags(traceNumber(arg(3)))))
	case "setstart":
		return d.result("", s.SetStart(key, traceNumber(arg(2)), Flags(traceNumber(arg(3)))))
	case "setadd":
		return d.result("", s.SetAdd(unhex(arg(1))))
	case "setfin":
		return d.result("", s.SetFinalize())
	case "get":
		n, err := s.Get(key, d.buf, 0)
		return d.result(tohex(d.buf[:n]), err)
	case "getx":
		n, err := s.Get(key, d.buf[:traceNumber(arg(2))], traceNumber(arg(3)))
		return d.result(tohex(d.buf[:n]), err)
	case "info":
		i, err := s.Info(key)
		return d.result(fmt.Sprintf("size=%d flags=0x%x", i.Size, uint32(i.Flags)), err)
	case "remove":
		return d.result("", s.Remove(key))
	case "list":
		return d.list(key)
	case "reset":
		return d.result("", s.Reset())
	case "rset":
		return d.result("", s.SetReserved(unhex(arg(1))))
	case "rget":
		n, err := s.Reserved(d.buf[:256])
		return d.result(tohex(d.buf[:n]), err)
	case "locks":
		return d.result(strconv.Itoa(s.LocksHeld()), nil)
	case "itopen", "itnext", "itclose":
		return d.iterate(w[0], arg(1), traceKey(arg(2)))
	}
	return "unknown command"
}

// refuse lets pass step attempts go by and refuses the next n.
func (d *traceDriver) refuse(pass, n uint64) {
	seen := uint64(0)
	d.flash.Fail = func(bool, uint32) bool {
		seen++
		return seen > pass && seen <= pass+n
	}
}

// iterate runs a command of the iterator that the trace calls number.
func (d *traceDriver) iterate(command, number, more string) string {
	it, ok := d.iterators[number]
	if ok == (command == "itopen") {
		return "OK -"
	}
	switch command {
	case "itopen":
		made, err := d.store.Iterate(more)
		if err == nil {
			d.iterators[number] = made.(*KeyIterator)
		}
		return d.result("", err)
	case "itclose":
		delete(d.iterators, number)
		return d.result("", it.Close())
	}
	size := uint32(MaxKey + 1)
	if more != "" {
		size = traceNumber(more)
	}
	n, err := it.NextKey(d.buf[:size])
	return d.result(spellKey(string(d.buf[:n])), err)
}

func (d *traceDriver) list(prefix string) string {
	it, err := d.store.Iterate(prefix)
	if err != nil {
		return d.result("", err)
	}
	var keys []string
	for {
		var k string
		if k, err = it.Next(); err != nil {
			break
		}
		keys = append(keys, spellKey(k))
	}
	if e := it.Close(); e != nil {
		return d.result("", e)
	}
	all := "-"
	if len(keys) > 0 {
		all = strings.Join(keys, ",")
	}
	if err == ErrItemNotFound {
		return d.result(all, nil)
	}
	return d.result("", err) + " after " + all
}

// result spells the outcome of a command as the traces do.
func (d *traceDriver) result(text string, err error) string {
	if d.flash.Off {
		d.open = false
		return "CUT"
	}
	var fatal *FatalError
	var e *Error
	switch {
	case errors.As(err, &fatal):
		d.open = false
		return fmt.Sprintf("FATAL mbed_error %s %q", fatal.Err.Name, fatal.Text)
	case errors.As(err, &e):
		return "ERR " + e.Name
	case err != nil:
		return "ERR " + err.Error()
	case text == "":
		return "OK"
	}
	return "OK " + text
}

func traceNumber(s string) uint32 {
	n, _ := strconv.ParseUint(s, 0, 32)
	return uint32(n)
}

// traceKey undoes the escapes of a key.
func traceKey(s string) string {
	if s == "%" {
		return ""
	}
	var b []byte
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if c, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				b = append(b, byte(c))
				i += 2
				continue
			}
		}
		b = append(b, s[i])
	}
	return string(b)
}

// spellKey escapes the bytes of a key that are no ASCII characters.
func spellKey(key string) string {
	var b strings.Builder
	for _, c := range []byte(key) {
		if c >= 0x7F {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

func unhex(s string) []byte {
	if s == "-" {
		return nil
	}
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

func tohex(b []byte) string {
	if len(b) == 0 {
		return "-"
	}
	return hex.EncodeToString(b)
}
