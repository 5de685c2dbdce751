package bench

import (
	"testing"
	"time"
)

func TestParseLink(t *testing.T) {
	own := Guide().Update.Link
	for text, want := range map[string]Link{
		"none":         {BitsPerSecond: 1e12},
		"802.15.4":     {BitsPerSecond: 250_000, RoundTrip: Duration(80 * time.Millisecond), Loss: 5},
		"250k/80ms/5":  {BitsPerSecond: 250_000, RoundTrip: Duration(80 * time.Millisecond), Loss: 5},
		"2M/0s":        {BitsPerSecond: 2_000_000},
		"0x10/1h":      {BitsPerSecond: 16, RoundTrip: Duration(time.Hour)},
		"1000G/1s/900": {BitsPerSecond: 1e12, RoundTrip: Duration(time.Second), Loss: 900},
	} {
		got, err := own.Named(text)
		want.Block, want.Overhead, want.Timeout, want.Repeats, want.Resume = own.Block, own.Overhead, own.Timeout, own.Repeats, own.Resume
		if err != nil || got.Link != want {
			t.Errorf("%s: %+v, %v", text, got.Link, err)
		}
		if !nameable(got.Name) {
			t.Errorf("%s: %q cannot stand in a benchmark's name", text, got.Name)
		}
	}
	for text, want := range map[string]uint32{"1": 1, "65536": 65536, "64K": 65536, "64k": 65536, "64KiB": 65536, "0x100": 256, "1M": 1 << 20, "256MiB": 1 << 28, "12B": 12, "0x1B": 27, "3GiB": 3 << 30, "64KB": 65536} {
		if got, err := ParseSize(text); err != nil || got != want {
			t.Errorf("%s: %d, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "0", "K", "-1", "1.5K", "64i", "64iB", "64T", "4G", "0x", "1 K", "64KK", "1e3"} {
		if got, err := ParseSize(text); err == nil {
			t.Errorf("%q is taken for %d", text, got)
		}
	}
}
