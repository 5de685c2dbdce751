package bench

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dualbank/internal/long"
	"dualbank/model/part"
)

func sameScenario(t testing.TB, got, want *Scenario) {
	t.Helper()
	if d := cmp.Diff(want, got, cmp.Comparer(func(a, b Mode) bool { return a.String() == b.String() })); d != "" {
		t.Error(d)
	}
}

// The scenario that comes with the program is the printed form of itself, so that its comments are
// those of every scenario that is printed.
func TestGuideIsPrinted(t *testing.T) {
	if d := cmp.Diff(string(guide), Guide().TOML()); d != "" {
		t.Errorf("scenarios/guide.toml is not what `dualbank run --print` prints:\n%s", d)
	}
}

func TestParseStartsFromGuide(t *testing.T) {
	s, err := Parse("x.toml", []byte("seed = 7\n[workload]\nhours = 3\n[update.link]\nloss_permille = 0\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := Guide()
	want.Seed, want.Workload.Hours, want.Update.Link.Loss = 7, 3, 0
	sameScenario(t, s, want)
	again, err := Parse("again.toml", []byte(s.TOML()))
	if err != nil {
		t.Fatal(err)
	}
	sameScenario(t, again, s)
}

// A list in a file replaces the guide's, whatever its form.
func TestParseReplacesLists(t *testing.T) {
	for _, text := range []string{
		"[workload]\nkeys = [{name='a', bytes=[1,2], weight=3}]\n[cuts]\nmodes=['torn']\n[board]\ncompare=[]\n",
		"[board]\ncompare=[]\n[cuts]\nmodes=['torn']\n[[workload.keys]]\nname='a'\nbytes=[1,2]\nweight=3\n",
	} {
		s, err := Parse("x.toml", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		want := Guide()
		want.Workload.Keys = []Key{{"a", [2]uint32{1, 2}, 3}}
		want.Cuts.Modes = []Mode{want.Cuts.Modes[2]}
		want.Board.Compare = []string{}
		sameScenario(t, s, want)
	}
}

func TestParseErrors(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"sed = 1", "x.toml:1:1: sed: unknown key: correct its spelling or remove it"},
		{"[board]\nprt = 'x'", "x.toml:2:1: board.prt: unknown key"},
		{"[board\n", "x.toml:1:7: "},
		{"seed = 'a'", "x.toml:1:8: seed: "},
		{"seed = -1", "x.toml:1:8: "},
		{"[board]\ncorner = 'min'", `corner "min" is unknown: choose one of typ, max, sampled`},
		{"[application]\ncode = 'bank5'", `place "bank5" is unknown: choose one of layout, code, bank1, bank2, bank3, bank4, ram`},
		{"[application]\ncode = 'code'", `application.code: "code" is where a handler may be: give layout`},
		{"[application]\ninterrupts = [{name='a b', period='1ms', handler='code'}]", `application.interrupts[0]: name "a b": give a word`},
		{"[application]\ninterrupts = [{name='caller', period='1ms', handler='code'}]", `application.interrupts[0]: name "caller": give a word`},
		{"[application]\ninterrupts = [{name='a', period='1ms', handler='code'}, {name='a', period='1ms', handler='ram'}]", `application.interrupts[1]: name "a" stands there twice`},
		{"[application]\ninterrupts = [{name='a', handler='code'}]", `application.interrupts[0]: period 0s: give 1µs to 1h`},
		{"[application]\ninterrupts = [{name='a', period='1ms', deadline='-1s', handler='code'}]", `application.interrupts[0]: deadline -1s: give 0s to 1h`},
		{"[application]\ninterrupts = [{name='a', period='1ms', handler='layout'}]", `application.interrupts[0]: handler "layout": give code`},
		{"[application.watchdog]\nperiod = '2h'", "application.watchdog.period: 2h0m0s: give 1µs to 1h, or 0s for none"},
		{"[application.watchdog]\nmode = 'fail'", `mode "fail" is unknown`},
		{"[board]\nname = 'nucleo-f429'", `x.toml: board.name: unknown board "nucleo-f429"; known boards: b-l4s5i-iot01a`},
		{"[board]\nname = 'none.toml'", "x.toml: board.name: board: none.toml: no such file"},
		{"[board]\nname = 'nucleo-f429'\nprt = 'x'", "x.toml: board.name: "},
		{"[board]\nname = 'nucleo-l496zg'\nprt = 'x'", "x.toml:3:1: board.prt: unknown key"},
		{"[board]\nwait_states = 101", "board.wait_states: 101: give 0 to 100"},
		{"[store]\nprofile = 'Mbed'", `profile "Mbed" is unknown: choose one of MbedCE, MbedOS, Hardened`},
		{"[update]\nclient = 'newer'", `client "newer" is unknown: choose one of new, old`},
		{"[cuts]\nmodes = ['torn', 'fail']", `mode "fail" is unknown: choose one of before, after, torn, prefix, weak, ecc, stray`},
		{"[cuts]\nmodes = ['torn', 'torn']", `cuts.modes: "torn" stands there twice`},
		{"[cuts]\nmodes = []", "cuts.modes: is empty"},
		{"[update.link]\nblock = 1000", "update.link.block: 1000: give a power of two"},
		{"[update.link]\nround_trip = '2h'", "update.link.round_trip: 2h0m0s: give 0s to 1h"},
		{"[update.link]\nround_trip = '2 hours'", "2 hours"},
		{"[update]\nbytes = 0", "update.bytes: 0: give 1 to"},
		{"[update]\nversion = 1", "update.version: 1: give 2 to"},
		{"[layout]\nname = 'a b'", `layout.name: "a b": give a word`},
		{"[layout]\ntarget = ''", "layout.target: is missing"},
		{"[workload]\nsets_per_hour = 0", "workload.sets_per_hour: 0: give 1 to 3600000"},
		{"[workload]\nhours = 100000000", "workload.hours: 100000000 hours of 60 sets"},
		{"[workload]\nkeys = []", "workload.keys: 0 keys"},
		{"[workload]\nkeys = [{name='a/b', bytes=[1,1], weight=1}]", `workload.keys[0]: name "a/b"`},
		{"[workload]\nkeys = [{name='a', bytes=[2,1], weight=1}]", "workload.keys[0]: bytes 2 to 1: give the least size first"},
		{"[workload]\nkeys = [{name='a', bytes=[1,1], weight=1}, {name='a', bytes=[1,1], weight=1}]", `workload.keys[1]: name "a" stands there twice`},
		{"[workload]\nkeys = [{name='a', bytes=[1,1], weight=0}]", "workload.keys: all weights are 0"},
		{"[workload]\nkeys = [{name='a', bytes=[1,1], wait=0}]", "unknown key"},
	} {
		_, err := Parse("x.toml", []byte(c.text))
		switch {
		case err == nil:
			t.Errorf("%q: no error", c.text)
		case !strings.Contains(err.Error(), c.want):
			t.Errorf("%q:\n got  %v\n want %s", c.text, err, c.want)
		case !strings.HasPrefix(err.Error(), "x.toml:") || strings.Contains(err.Error(), "\n"):
			t.Errorf("%q: not one line that names the file: %q", c.text, err)
		}
	}
}

// A scenario that names configuration files keeps their text, so that its printed form runs without
// them.
func TestReadFileKeepsConfigurations(t *testing.T) {
	dir := t.TempDir()
	text, err := os.ReadFile("../boot/layout/examples/bootloader_app.json")
	if err != nil {
		t.Fatal(err)
	}
	app, err := os.ReadFile("../boot/layout/examples/mbed_app.json")
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{
		"b.json": text, "mbed_app.json": app,
		"s.toml":       []byte("[layout]\nbootloader = 'b.json'\napplication = 'mbed_app.json'\n"),
		"missing.toml": []byte("[layout]\nbootloader = 'c.json'\n"),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	s, err := ReadFile(filepath.Join(dir, "s.toml"))
	if err != nil {
		t.Fatal(err)
	}
	if s.Layout.BootloaderText != string(text) || s.Layout.ApplicationText != string(app) {
		t.Error("the texts of the configuration files are not in the scenario")
	}
	again, err := Parse("again.toml", []byte(s.TOML()))
	if err != nil {
		t.Fatal(err)
	}
	sameScenario(t, again, s)
	if _, err := again.Device("mbed", 0); err != nil {
		t.Errorf("a device of the printed scenario: %v", err)
	}

	for name, want := range map[string]string{
		"missing.toml": "missing.toml: layout.bootloader: c.json: no such file or directory: correct the path",
		"none.toml":    "none.toml: no such file or directory: give the path of a scenario file",
	} {
		if _, err := ReadFile(filepath.Join(dir, name)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", name, err, want)
		}
	}
}

// A scenario that names a board is that board's, but for what it says itself; an unknown board is
// described by the scenario's keys.
func TestParseBoards(t *testing.T) {
	for i, name := range part.BoardNames() {
		if i%3 != 0 && !long.Enabled() {
			continue
		}
		want, err := BoardScenario(name)
		if err != nil {
			t.Fatal(err)
		}
		if name == "nucleo-f429zi" {
			want = Guide()
		}
		want.Workload.Hours = 7
		got, err := Parse("x.toml", []byte("[board]\nname = '"+strings.ToUpper(name)+"'\n[workload]\nhours = 7\n"))
		if err != nil {
			t.Error(err)
			continue
		}
		sameScenario(t, got, want)
		again, err := Parse("again.toml", []byte(got.TOML()))
		if err != nil {
			t.Error(err)
			continue
		}
		sameScenario(t, again, want)
	}
	dir := t.TempDir()
	text, err := os.ReadFile("../model/part/boards/nucleo-l496zg.toml")
	if err != nil {
		t.Fatal(err)
	}
	own := filepath.Join(dir, "own.toml")
	if err := os.WriteFile(own, []byte(strings.Replace(string(text), "80_000_000", "40_000_000", 1)), 0o666); err != nil {
		t.Fatal(err)
	}
	s, err := Parse("x.toml", []byte("[board]\nname = '"+own+"'\n[layout]\nbootloader = 'b.json'\n"))
	if err != nil {
		t.Fatal(err)
	}
	if s.Board.Hz != 40e6 || s.Board.Part != "stm32l496zg" || s.Layout.BootloaderText != "" || s.Layout.Bootloader != "b.json" || s.Layout.Application != "" {
		t.Errorf("%+v, %+v", s.Board, s.Layout)
	}
	s, err = Parse("x.toml", []byte("[board]\nname = 'our board'\npart = 'stm32f429zi'\nclock_hz = 168000000\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := Guide()
	want.Board.Name, want.Board.Hz = "our board", 168e6
	sameScenario(t, s, want)
}

func FuzzScenario(f *testing.F) {
	f.Add(guide)
	f.Add([]byte("seed = 1\n[[workload.keys]]\nname = 'a'\nbytes = [1, 600]\nweight = 5\n"))
	f.Add([]byte("[layout]\nbootloader_text = \"\"\"\n{}\n\"\"\"\n[cuts]\nmodes = ['prefix']\n"))
	f.Add([]byte("[board]\nname = 'frdm-k64f'\n[application]\ncode = 'ram'\ninterrupts = [{name = 'a', period = '1ms', handler = 'code'}]\n"))
	f.Add([]byte("[update.link]\nround_trip = '1h'\nblock = 16\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := Parse("x.toml", text)
		if err != nil {
			if strings.ContainsAny(err.Error(), "\n\r") {
				t.Errorf("an error of more than one line: %q", err)
			}
			return
		}
		again, err := Parse("again.toml", []byte(s.TOML()))
		if err != nil {
			t.Fatalf("the printed scenario cannot be read: %v\n%s", err, s.TOML())
		}
		if again.TOML() != s.TOML() {
			t.Errorf("printed again it differs:\n%s", cmp.Diff(s.TOML(), again.TOML()))
		}
	})
}

// TestNumbersHaveRanges sets every number of a scenario, one at a time, to the largest and the smallest that its type
// holds: each is refused, and the error names its key.
func TestNumbersHaveRanges(t *testing.T) {
	seen := 0
	try := func(s *Scenario, v reflect.Value, key string, value any) {
		t.Helper()
		was := reflect.ValueOf(v.Interface())
		defer v.Set(was)
		v.Set(reflect.ValueOf(value).Convert(v.Type()))
		seen++
		if err := s.check(); err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("%s = %v: %v", key, v.Interface(), err)
		}
	}
	var walk func(s *Scenario, v reflect.Value, key string)
	walk = func(s *Scenario, v reflect.Value, key string) {
		switch v.Kind() {
		case reflect.Struct:
			for i := range v.NumField() {
				if name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("toml"), ","); name != "" && name != "-" {
					walk(s, v.Field(i), name)
				}
			}
		case reflect.Slice, reflect.Array:
			for i := range v.Len() {
				walk(s, v.Index(i), key)
			}
		case reflect.Uint32:
			try(s, v, key, uint32(math.MaxUint32))
		case reflect.Uint64:
			try(s, v, key, uint64(math.MaxUint64))
		case reflect.Int:
			if _, named := v.Interface().(fmt.Stringer); !named { // a word in the file
				try(s, v, key, math.MaxInt)
				try(s, v, key, math.MinInt)
			}
		case reflect.Int64:
			try(s, v, key, int64(math.MaxInt64))
			try(s, v, key, int64(math.MinInt64))
		case reflect.Float64:
			for _, x := range []float64{math.Inf(1), math.Inf(-1), math.NaN(), 1e300, -1e300} {
				try(s, v, key, x)
			}
		}
	}
	s := Guide()
	s.Plan.Sizes = []uint32{4096}
	s.App.Interrupts = []Interrupt{{Name: "tick", Period: Duration(time.Millisecond), Handler: codeBeside}}
	walk(s, reflect.ValueOf(s).Elem(), "")
	if seen < 60 {
		t.Errorf("%d numbers", seen)
	}
}
