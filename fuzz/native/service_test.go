package native_test

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"dualbank/boot"
	"dualbank/fuzz/explore"
	"dualbank/fuzz/kv/sut"
	"dualbank/fuzz/native"
	"dualbank/fuzz/native/examples/logstore"
	"dualbank/fuzz/update"
	"dualbank/internal/long"
	"dualbank/kvstore"
	"dualbank/model"
	"dualbank/model/cell"
	"dualbank/model/part"
	"dualbank/model/random"
)

// flash is a flash of equal sectors, and all of it as a region.
func flash(t testing.TB, sectors []uint32, unit uint32) (*model.Flash, *model.Region) {
	t.Helper()
	f, err := model.New(model.Config{Part: part.Plain("test", 0, sectors, cell.AND), Unit: unit})
	if err != nil {
		t.Fatal(err)
	}
	dev, err := f.Region(0, f.Size())
	if err != nil {
		t.Fatal(err)
	}
	return f, dev
}

var small = slices.Repeat([]uint32{1024}, 8)

func program(t testing.TB, path string, args ...string) *native.Program {
	p := &native.Program{Path: path, Args: args}
	t.Cleanup(p.Close)
	return p
}

// store is what the tests ask of a store, in C and in Go.
type store interface {
	Open() error
	Set(key string, value []byte, flags kvstore.Flags) error
	Get(key string, buf []byte, offset uint32) (int, error)
	Remove(key string) error
	Iterate(prefix string) (kvstore.Iterator, error)
}

// life performs n random operations, some of them cut, and tells all that the store answers.
func life(f *model.Flash, s store, n int, seed uint64, modes []cell.Mode) (story []string) {
	tell := func(format string, args ...any) { story = append(story, fmt.Sprintf(format, args...)) }
	r := random.New(seed)
	buf := make([]byte, 128)
	tell("open %v", s.Open())
	for range n {
		key := fmt.Sprintf("k%d", r.Intn(8))
		cut := r.Intn(3) == 0
		if cut {
			f.Arm(model.Cut{Step: r.Uint64() % 40, Mode: modes[r.Intn(len(modes))], Seed: r.Uint64()})
		}
		var err error
		switch r.Intn(5) {
		case 0:
			err = s.Remove(key)
		default:
			v := make([]byte, r.Intn(90))
			r.Fill(v)
			err = s.Set(key, v, 0)
		}
		if f.Off() {
			tell("cut at step %d", f.Steps())
		} else {
			tell("%s %v, %d steps", key, err, f.Steps())
		}
		f.Disarm()
		if f.Off() || r.Intn(20) == 0 {
			f.Boot()
			tell("open %v, %d steps", s.Open(), f.Steps())
			for i := range 8 {
				n, err := s.Get(fmt.Sprintf("k%d", i), buf, 0)
				tell("%x %v", buf[:n], err)
			}
			it, err := s.Iterate("")
			for err == nil {
				var key string
				if key, err = it.Next(); err == nil {
					tell("%s", key)
				}
			}
		}
	}
	tell("%x", f.Hash())
	return story
}

// TestSameStore: the store in C and the same store in Go answer alike and leave the same cells, step for step,
// through cuts of all modes, in every isolation.
func TestSameStore(t *testing.T) {
	for _, c := range []struct {
		unit   uint32
		defect int
		iso    native.Isolation
	}{
		{1, 0, native.Auto}, {8, 0, native.Reset}, {8, 6, native.Auto}, {8, 10, native.Auto}, {8, 0, native.Fork}, {16, 2, native.Fork}, {8, 3, native.Exec},
	} {
		t.Run(fmt.Sprintf("unit %d defect %d %v", c.unit, c.defect, c.iso), func(t *testing.T) {
			t.Parallel()
			n := 400
			if c.iso == native.Exec {
				n = 60
			}
			modes := []cell.Mode{cell.Before, cell.After, cell.Torn, cell.Prefix, cell.Weak}
			f, dev := flash(t, small, c.unit)
			want := life(f, logstore.New(dev, c.defect), n, 7, modes)
			f, dev = flash(t, small, c.unit)
			p := program(t, planted(t, "examples/logstore.c"), fmt.Sprint(c.defect))
			p.Isolate = c.iso
			got := life(f, p.Store(dev), n, 7, modes)
			for i := range want {
				if i >= len(got) || got[i] != want[i] {
					t.Fatalf("line %d: C %q, Go %q", i, got[min(i, len(got)-1)], want[i])
				}
			}
		})
	}
}

// TestShared: stores that share the processes of a program do not notice each other.
func TestShared(t *testing.T) {
	p := program(t, planted(t, "examples/logstore.c"))
	stories := make([][]string, 16)
	done := make(chan int)
	modes := []cell.Mode{cell.Torn, cell.Weak}
	for i := range stories {
		go func() {
			defer func() { done <- i }()
			f, dev := flash(t, small, 8)
			stories[i] = life(f, p.Store(dev), 100, uint64(i/2), modes)
		}()
	}
	for range stories {
		<-done
	}
	for i := 0; i < len(stories); i += 2 {
		f, dev := flash(t, small, 8)
		want := life(f, logstore.New(dev, 0), 100, uint64(i/2), modes)
		for _, got := range stories[i : i+2] {
			for n := range want {
				if n >= len(got) || got[n] != want[n] {
					t.Errorf("store %d, line %d: %q among others, %q alone", i, n, got[min(n, len(got)-1)], want[n])
					break
				}
			}
		}
	}
}

// TestMisbehaviour: what goes wrong in a recovery is an error that says how, the same from run to run; the next
// boot is a new beginning.
func TestMisbehaviour(t *testing.T) {
	for _, c := range []struct{ way, want string }{
		{"null", "crashes: SIGSEGV, null pointer"},
		{"stack", "overflows its stack"},
		{"loop", "does not end: too much CPU time"},
		{"flashloop", "does not end: too many flash operations"},
		{"abort", "crashes: SIGABRT"},
		{"exit", "exits"},
		{"quick exit", "ends its process"},
		{"halt", "halts: assertion failed"},
		{"free", "misuses the heap: double free"},
		{"leak", "error -20"},
		{"sleep", "is blocked"},
		{"static", ""},
		{"uninitialised", ""},
		{"print", ""},
		{"gigabyte", ""},
	} {
		t.Run(c.way, func(t *testing.T) {
			if t.Parallel(); c.way == "gigabyte" {
				long.Test(t)
			}
			p := program(t, build(t, "gcc", "testdata/misbehave.c", "-O1", "-std=c99"), c.way)
			misbehave(t, p, c.want)
		})
	}
	t.Run("bounds", func(t *testing.T) {
		long.Test(t)
		if !can(t, "gcc", "-fsanitize=address") {
			t.Skip("no AddressSanitizer")
		}
		misbehave(t, program(t, build(t, "gcc", "testdata/misbehave.c", "-g", "-O1", "-std=c99", "-fsanitize=address"), "bounds"), "stopped by a sanitizer: heap-buffer-overflow")
	})
}

// misbehave opens a store after a cut that leaves half a record, twice, and looks for want in the error.
func misbehave(t *testing.T, p *native.Program, want string) {
	t.Helper()
	f, dev := flash(t, small, 1)
	s := p.Store(dev)
	if err := s.Open(); err != nil {
		t.Fatal(err)
	}
	if err := s.Set("k", []byte("value"), 0); err != nil {
		t.Fatal(err)
	}
	f.Mark()
	f.Arm(model.Cut{Step: 30, Mode: cell.Before})
	_ = s.Set("k", []byte("other"), 0) // the power goes
	if !f.Off() {
		t.Fatal("no cut")
	}
	times := 2
	if want == "is blocked" || strings.Contains(want, "CPU time") && !long.Enabled() {
		times = 1 // each takes seconds
	}
	for range times {
		f.Boot()
		err := s.Open()
		switch {
		case want == "" && err != nil:
			t.Fatalf("error %v", err)
		case want == "":
		case err == nil || !strings.Contains(err.Error(), want):
			t.Fatalf("error %v, want %q", err, want)
		case strings.Contains(sut.ErrorName(err), "0x"):
			t.Errorf("an address in %q", sut.ErrorName(err))
		}
	}
	f.Rollback()
	f.Boot()
	if err := s.Open(); err != nil {
		t.Errorf("a good image after that: %v", err)
	}
}

// TestLies: a program that breaks the protocol ends in a clear error.
func TestLies(t *testing.T) {
	path := build(t, "gcc", "testdata/liar.c", "-O1")
	for _, c := range []struct{ way, want string }{
		{"at once", "ends at once"},
		{"garbage", "does not speak the protocol"},
		{"version", "version 7"},
		{"keys", "cannot be"},
		{"shrink", "ends its process"},
		{"header", "breaks the protocol: "},
		{"long log", "a log of more bytes than there are"},
		{"long record", "a record that cannot be"},
		{"unknown record", "a batch that ends early"},
		{"early", "a batch that ends early"},
		{"many items", "a record that cannot be"},
		{"flood", "a log without end"},
		{"question", "is blocked"},
		{"outside", "outside the flash"},
		{"gone", "ends its process"},
		{"silent", "it says nothing"},
	} {
		t.Run(c.way, func(t *testing.T) {
			if c.way == "flood" {
				long.Test(t) // seconds of records
			}
			t.Parallel()
			_, dev := flash(t, small, 1)
			err := program(t, path, c.way).Store(dev).Open()
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}

// TestNoSuchProgram: what is no program that speaks the protocol is told in one line.
func TestNoSuchProgram(t *testing.T) {
	text := t.TempDir() + "/text"
	if err := os.WriteFile(text, []byte("hello\n"), 0o777); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/nowhere/program", text, "/bin/true", "/bin/cat"} {
		_, dev := flash(t, small, 1)
		begin := time.Now()
		_, err := program(t, path).Info(dev)
		if err == nil || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: error %v", path, err)
		}
		if time.Since(begin) > 8*time.Second {
			t.Errorf("%s: took %v", path, time.Since(begin))
		}
	}
}

// TestDeviceError: a store is told of a device that fails, and goes on.
func TestDeviceError(t *testing.T) {
	p := program(t, planted(t, "examples/logstore.c"))
	p.Strict = true
	tellAll := func(s store, f *model.Flash) (story []string) {
		story = append(story, fmt.Sprint(s.Open()))
		for i := range 60 {
			f.Arm(model.Cut{Step: uint64(i % 7), Mode: cell.Fail})
			story = append(story, fmt.Sprint(s.Set(fmt.Sprint("key", i%5), make([]byte, i), 0)))
			f.Disarm()
			story = append(story, fmt.Sprint(s.Set(fmt.Sprint("key", i%5), make([]byte, i), 0)))
		}
		return append(story, fmt.Sprint(f.Hash(), f.Counters()))
	}
	f, dev := flash(t, small, 8)
	want := tellAll(logstore.New(dev, 0), f)
	f, dev = flash(t, small, 8)
	got := tellAll(p.Store(dev), f)
	for i := range want[:len(want)-1] {
		if want[i] != got[i] {
			t.Fatalf("line %d: C %q, Go %q", i, got[i], want[i])
		}
	}
}

// TestHeaderBuilds: the header needs no more than each standard has, and nothing in it is warned of.
func TestHeaderBuilds(t *testing.T) {
	long.Test(t)
	source := "testdata/empty.c"
	for _, c := range []struct {
		cc    string
		flags [][]string
	}{
		{"gcc", [][]string{{"-std=c99"}, {"-std=c17", "-O2"}}},
		{"clang", [][]string{{"-std=c99"}, {"-std=c17", "-O2"}}},
		{"g++", [][]string{{"-x", "c++", "-std=c++11"}, {"-x", "c++", "-std=c++20", "-O2"}}},
		{"clang++", [][]string{{"-x", "c++", "-std=c++11"}, {"-x", "c++", "-std=c++20", "-O2"}}},
	} {
		for _, bits := range []string{"-m64", "-m32"} {
			if !can(t, c.cc, bits) {
				t.Logf("no %s %s: left out", c.cc, bits)
				continue
			}
			for _, flags := range c.flags {
				p := program(t, build(t, c.cc, source, append([]string{bits}, flags...)...))
				_, dev := flash(t, small, 1)
				i, err := p.Info(dev)
				if err != nil || bits != fmt.Sprintf("-m%d", i.Bits) {
					t.Errorf("%s %v: %+v, %v", c.cc, flags, i, err)
				}
				if err := p.Store(dev).Open(); err != nil {
					t.Errorf("%s %v: open: %v", c.cc, flags, err)
				}
				if err := p.Store(dev).Set("k", nil, 0); !errors.Is(err, kvstore.ErrNotReady) {
					t.Errorf("%s %v: set without an open: %v", c.cc, flags, err)
				}
				p.Close()
			}
		}
	}
}

// TestKeep: RAM that a bootloader names is there after warm resets and not after others, whichever process the boot
// runs in, and it knows the reason.
func TestKeep(t *testing.T) {
	for _, iso := range []native.Isolation{native.Reset, native.Fork, native.Exec} {
		p := program(t, build(t, "gcc", "testdata/keeper.c", "-O1", "-std=c99"))
		p.Isolate, p.Processes = iso, 1
		f, _ := flash(t, small, 1)
		g, _ := flash(t, small, 1)
		software := p.Updates(explore.Device{Sectors: "8x1K", Unit: 1})
		client := software.Client(f)
		loader, other := software.Loader(f), software.Loader(g)
		for i, c := range []struct {
			reason   boot.ResetReason
			prepares int
			want     uint64
		}{
			{boot.PowerOn, 0, 1}, {boot.Software, 0, 2}, {boot.Watchdog, 40, 43}, {boot.PinReset, 0, 44}, {boot.BrownOut, 0, 1}, {boot.Software, 5, 7}, {boot.PowerOn, 5, 1},
		} {
			if c.prepares > 0 {
				if err := client.Prepare(0, &boot.Details{Size: uint64(c.prepares)}); err != nil {
					t.Fatal(err)
				}
			}
			if i%2 == 0 {
				other.Boot(boot.PowerOn, nil) // takes the process
			}
			f.Boot()
			out := loader.Boot(c.reason, nil)
			_, size, _ := loader.(update.Teller).Started()
			if out.Result != boot.Jumped || out.Version != c.want || size != uint32(c.reason) {
				t.Errorf("isolation %v, boot %d: %v, %d boots, reason %d; want %d, %d", iso, i, out.Result, out.Version, size, c.want, c.reason)
			}
		}
		p.Close()
	}
}
