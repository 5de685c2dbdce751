package kvstore_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	. "dualbank/kvstore"
)

// TestSecureProfilesExchange is TestProfilesExchange of SecureStore.
func TestSecureProfilesExchange(t *testing.T) {
	ExchangeTraces(t, ".txt", 8, 20, exchangeSecure)
}

func exchangeSecure(t *testing.T, name string, text []byte, writer Profile) (compared int) {
	d := &secureDriver{t: t, profile: writer, saved: map[string]RawValue{}}
	long := false
	plain := []string{"mount", "reboot", "rot", "genrot", "iv", "set", "get", "info", "remove", "reset", "list", "start", "add", "fin"}
	for i, s := range parseSecure(string(text)) {
		w := strings.Fields(s.command)
		if !slices.Contains(plain, w[0]) || slices.Equal(s.want, []string{"= SKIPPED_UB"}) {
			continue
		}
		long = long && w[0] != "mount" || w[0] == "rot" && len(w[1]) == 2*32 || w[0] == "genrot"
		d.run(s.command)
		if i%10 != 0 || long || d.secure == nil {
			continue // with RepairLongRoot alone a long root of trust is of use
		}
		want := readSecure(d, writer)
		for _, reader := range Profiles {
			if got := readSecure(d, reader); !maps.Equal(got, want) {
				t.Fatalf("%s, line %d: %v has written, and %v reads\n%v\nand not\n%v", name, s.line, writer, reader, got, want)
			}
			compared++
		}
	}
	return compared
}

// readSecure is what a profile reads on copies of the flash of d.
func readSecure(d *secureDriver, p Profile) map[string]string {
	c := &secureDriver{t: d.t, profile: p}
	c.mount(d.stores["r"] != nil)
	for name, f := range d.flash {
		copy(c.flash[name].Cells, f.Cells)
	}
	if err := c.boot(); err != nil {
		return map[string]string{"": err.Error()}
	}
	all := map[string]string{}
	for _, k := range AllKeys(c.secure) {
		info, err := c.secure.Info(k)
		if errors.Is(err, ErrItemNotFound) {
			continue
		}
		v := make([]byte, info.Size)
		n, e := c.secure.Get(k, v, 0)
		all[k] = fmt.Sprint(info, err, v[:n], e)
	}
	return all
}
