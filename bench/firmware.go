package bench

import (
	"fmt"

	"dualbank/boot/firmware"
	"dualbank/boot/layout"
	"dualbank/model/random"
)

// releases are the firmware images of a scenario: release 0 is the one that a device runs at first,
// each further one that of the next campaign. They come from files, which take turns, or are generated.
type releases struct {
	update *Update
	seed   uint64
	base   uint32 // address of the application
	files  [2][]byte
	images map[int][]byte
	deltas map[int][]byte
}

// releases reads the scenario's firmware files for a layout. An error names the key.
func (s *Scenario) releases(l *layout.Layout) (*releases, error) {
	u := &s.Update
	r := &releases{update: u, seed: s.Seed, base: l.Config.AppStart, images: map[int][]byte{}, deltas: map[int][]byte{}}
	for i, f := range []struct {
		key, name string
		file      []byte
	}{{"running", u.Running, u.RunningFile}, {"firmware", u.Firmware, u.FirmwareFile}} {
		if f.name == "" {
			continue
		}
		if f.file == nil {
			return nil, fmt.Errorf("update.%s: %s was not read: give the path of the scenario file", f.key, f.name)
		}
		fw, err := firmware.Read(f.name, f.file, l.Config.AppStart, l.Config.MaxAppSize)
		if err != nil {
			return nil, fmt.Errorf("update.%s: %w", f.key, err)
		}
		r.files[i] = fw
	}
	return r, nil
}

// image is release n.
func (r *releases) image(n int) []byte {
	if f := r.files[n&1]; f != nil {
		return f
	}
	if r.images[n] == nil {
		r.images[n] = generateFirmware(r.seed, r.update.Bytes, r.base, r.update.Changed, n)
	}
	return r.images[n]
}

// Firmware is release n of the device's firmware; it comes with release 0.
func (d *Device) Firmware(n int) []byte { return d.releases.image(n) }

// DeltaComparable reports whether a delta between two releases says anything: both come from files, or
// both are generated.
func (d *Device) DeltaComparable() bool {
	return (d.releases.files[0] == nil) == (d.releases.files[1] == nil)
}

// delta is release n as its difference against the one before.
func (r *releases) delta(n int) ([]byte, error) {
	if r.deltas[n] == nil {
		d, err := firmware.MakeDelta(r.image(n-1), r.image(n))
		if err != nil {
			return nil, err
		}
		r.deltas[n] = d
	}
	return r.deltas[n], nil
}

// The make of a generated firmware: what a linked Thumb-2 program is made of, in round figures. All of
// it is assumed; what a delta saves depends on it, and on nothing else in a run.
const (
	fwVectors  = 107       // entries of the vector table
	fwFunction = 120       // bytes of a function, about
	fwCode     = 80        // percent of the image that is code; the rest is constant data
	fwStack    = 0x2003000 // RAM addresses are 16 times this and more
)

// generateFirmware makes release n of a firmware of size bytes, linked for base. From release to release
// changed of 1000 functions are edited and a quarter as many are added, so that what comes behind moves
// and every call and pointer to it changes, as it does in a real one.
func generateFirmware(seed uint64, size, base, changed uint32, n int) []byte {
	g := &linker{seed: seed}
	count := max(1, int(size)*fwCode/100/fwFunction)
	g.first = make([]int, count)
	chance := func(i, release int, of uint64) bool {
		return random.New(g.mix(uint64(i), uint64(release), of)).Intn(4000) < int(changed)*4/int(of)
	}
	for i := range count {
		edits := []uint64{}
		for r := 1; r <= n; r++ {
			if chance(i, r, 1) {
				edits = append(edits, uint64(r))
			}
			if chance(i, r, 4) {
				g.function(g.mix(uint64(i), uint64(r), 9), nil, count)
			}
		}
		g.first[i] = len(g.functions)
		g.function(g.mix(uint64(i), 0, 9), edits, count)
	}
	return g.link(size, base, n)
}

// linker makes an image out of functions.
type linker struct {
	seed      uint64
	functions [][]instruction
	first     []int // by the number that calls name a function with: its place in functions
}

// instruction is a halfword of code, or a call, or a word that the code loads.
type instruction struct {
	kind  uint8
	value uint32 // the halfword, the word, or the number of the function that is called or pointed to
}

const (
	plainCode = iota
	callCode
	wordData
	pointerData
)

// mix makes one seed out of several numbers.
func (g *linker) mix(v ...uint64) uint64 {
	h := g.seed
	for _, n := range v {
		h = random.New(h ^ n*0xD6E8FEB86659FD93).Uint64()
	}
	return h
}

// some draws an instruction. Of halfwords a few are in every function and most are rare.
func (g *linker) some(r *random.Source, functions int) instruction {
	if r.Intn(9) == 0 {
		return instruction{callCode, uint32(r.Intn(functions))}
	}
	rank := r.Intn(1 << (1 + r.Intn(10)))
	return instruction{plainCode, uint32(g.mix(uint64(rank), 7)) & 0xFFFF}
}

// function adds one that is drawn from a seed and then edited once for each release in edits.
func (g *linker) function(seed uint64, edits []uint64, functions int) {
	r := random.New(seed)
	var code []instruction
	for range 8 + r.Intn(fwFunction/2) {
		code = append(code, g.some(r, functions))
	}
	words := r.Intn(5)
	for _, release := range edits {
		e := random.New(seed ^ release*0x9E6C63D0676A9A99)
		at := e.Intn(len(code))
		fresh := make([]instruction, e.Intn(8))
		for i := range fresh {
			fresh[i] = g.some(e, functions)
		}
		gone := min(e.Intn(8), len(code)-at)
		code = append(append(append([]instruction{}, code[:at]...), fresh...), code[at+gone:]...)
		if len(code) == 0 {
			code = append(code, g.some(e, functions))
		}
	}
	for range words {
		if r.Intn(3) == 0 {
			code = append(code, instruction{pointerData, uint32(r.Intn(functions))})
		} else {
			code = append(code, instruction{wordData, fwStack<<4 + uint32(r.Intn(1<<14))<<2})
		}
	}
	g.functions = append(g.functions, code)
}

// bytes is what an instruction takes.
func (in instruction) bytes() uint32 {
	if in.kind == plainCode {
		return 2
	}
	return 4
}

// link places vectors, functions and constants and fills in all addresses.
func (g *linker) link(size, base uint32, release int) []byte {
	places := make([]uint32, len(g.functions))
	at := base + 4*fwVectors
	for i, code := range g.functions {
		places[i] = at
		for _, in := range code {
			if in.kind >= wordData && at%4 != 0 {
				at += 2
			}
			at += in.bytes()
		}
		at = (at + 3) &^ 3
	}
	var out []byte
	word := func(v uint32) { out = append(out, byte(v), byte(v>>8), byte(v>>16), byte(v>>24)) }
	half := func(v uint32) { out = append(out, byte(v), byte(v>>8)) }
	word(fwStack << 4)
	for i := 1; i < fwVectors; i++ {
		word(places[g.first[i%len(g.first)]] | 1)
	}
	const nop = 0xBF00
	for _, code := range g.functions {
		for _, in := range code {
			if in.kind >= wordData && len(out)%4 != 0 {
				half(nop)
			}
			switch in.kind {
			case plainCode:
				half(in.value)
			case wordData:
				word(in.value)
			case pointerData:
				word(places[g.first[in.value]] | 1)
			case callCode:
				// BL, encoding T1: both halfwords hold a part of the distance.
				d := places[g.first[in.value]] - (base + uint32(len(out)) + 4)
				half(0xF000 | d>>12&0x7FF)
				half(0xF800 | d>>1&0x7FF)
			}
		}
		if len(out)%4 != 0 {
			half(nop)
		}
	}
	out = append(out, fmt.Sprintf("release %d\x00", release)...)
	for r := random.New(g.mix(8)); uint32(len(out)) < size; {
		// Constants: runs of zeros, text, tables.
		switch r.Intn(4) {
		case 0:
			out = append(out, make([]byte, 4+r.Intn(60))...)
		case 1:
			word(uint32(r.Uint64()))
		default:
			for range 4 + r.Intn(12) {
				out = append(out, "etaoinsrhldcu%s:_"[r.Intn(1+r.Intn(17))])
			}
		}
	}
	return out[:size:size]
}
