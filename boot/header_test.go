package boot

import (
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// compat reads the header bytes recorded from the reference.
func compat(t testing.TB, file string) map[string][]byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	m := map[string][]byte{}
	for l := range strings.Lines(string(b)) {
		if f := strings.Fields(l); len(f) == 3 {
			if p, err := hex.DecodeString(f[2]); err == nil {
				m[f[0]] = p
			}
		}
	}
	return m
}

// compatDetails is what the recorder made its headers from.
func compatDetails() Details {
	d := Details{Version: 0x0102030405060708, Size: 123456}
	for i := range d.Hash {
		d.Hash[i] = byte(0xA0 + i)
	}
	for i := range d.Campaign {
		d.Campaign[i] = byte(0xC0 + i)
	}
	return d
}

func TestHeaderBytes(t *testing.T) {
	want := compat(t, "headers_compat0.txt")["internal"]
	d := compatDetails()
	got := make([]byte, HeaderSize)
	EncodeHeader(got, &d)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("encoded header (-reference +got):\n%s", diff)
	}
	var back Details
	if !ParseHeader(want, &back) || back != d {
		t.Errorf("parsed %+v, want %+v", back, d)
	}
}

func TestHeaderRefused(t *testing.T) {
	good := compat(t, "headers_compat0.txt")["internal"]
	ff := make([]byte, HeaderSize)
	for i := range ff {
		ff[i] = 0xFF
	}
	for name, p := range map[string][]byte{
		"all zero": make([]byte, HeaderSize), "all 0xFF": ff, "short": good[:HeaderSize-1], "nothing": nil,
	} {
		d := Details{Version: 7}
		if ParseHeader(p, &d) || d != (Details{Version: 7}) {
			t.Errorf("%s: accepted, or details touched: %+v", name, d)
		}
	}
	for bit := range HeaderSize * 8 {
		p := append([]byte(nil), good...)
		p[bit/8] ^= 1 << (bit % 8)
		if ParseHeader(p, new(Details)) {
			t.Errorf("header with bit %d flipped is accepted", bit)
		}
	}
}

func TestHeaderRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := Details{Version: rapid.Uint64().Draw(t, "version"), Size: rapid.Uint64().Draw(t, "size")}
		copy(d.Hash[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "hash"))
		copy(d.Campaign[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "campaign"))
		p := make([]byte, HeaderSize)
		EncodeHeader(p, &d)
		var back Details
		if !ParseHeader(p, &back) || back != d {
			t.Fatalf("%+v came back as %+v", d, back)
		}
	})
}

func FuzzHeader(f *testing.F) {
	for _, p := range compat(f, "headers_compat0.txt") {
		f.Add(p)
	}
	f.Add(make([]byte, HeaderSize))
	f.Fuzz(func(t *testing.T, p []byte) {
		var d Details
		if !ParseHeader(p, &d) {
			return
		}
		again := make([]byte, HeaderSize)
		EncodeHeader(again, &d)
		var back Details
		if !ParseHeader(again, &back) || back != d {
			t.Fatalf("%x: parsed %+v, encoded and parsed again %+v", p, d, back)
		}
	})
}
