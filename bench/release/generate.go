package release

import (
	"fmt"

	"dualbank/model/random"
)

// What a generated firmware is made of: a linked Thumb-2 program in round figures. All of it is assumed; the
// size of deltas depends on it, and nothing else in a run.
const (
	fwVectors  = 107       // entries of the vector table
	fwFunction = 120       // bytes of a function, about
	fwCode     = 80        // percent of the image that is code; the rest is constant data
	fwStack    = 0x2003000 // RAM addresses are 16 times this and more
)

// generate makes release n of a firmware of size bytes, linked for base. From release to release
// changed of 1000 functions are edited and a quarter as many are added, so that what comes behind moves
// and every call and pointer to it changes, as it does in a real one.
func generate(seed uint64, size, base, changed uint32, n int) []byte {
	g := &linker{seed: seed}
	count := max(1, int(size)*fwCode/100/fwFunction)
	g.first = make([]int, count)
	chance := func(i, release int, of uint64) bool {
		return random.New(g.mix(uint64(i), uint64(release), of)).Uint64n(4000) < uint64(changed)*4/of
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

// linker places functions and fills in their addresses.
type linker struct {
	seed      uint64
	functions [][]instruction
	first     []int // index into functions, by the number that calls use
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

// mix hashes several numbers to one seed.
func (g *linker) mix(v ...uint64) uint64 {
	h := g.seed
	for _, n := range v {
		h = random.New(h ^ n*0xD6E8FEB86659FD93).Uint64()
	}
	return h
}

// some draws an instruction. A few halfwords are frequent, most are rare, as in compiled code.
func (g *linker) some(r *random.Source, functions int) instruction {
	if r.Intn(9) == 0 {
		return instruction{callCode, uint32(r.Intn(functions))}
	}
	rank := r.Intn(1 << (1 + r.Intn(10)))
	return instruction{plainCode, uint32(g.mix(uint64(rank), 7)) & 0xFFFF}
}

// function appends a function drawn from a seed and edited once for each release in edits.
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

// bytes returns the size of an instruction.
func (in instruction) bytes() uint32 {
	if in.kind == plainCode {
		return 2
	}
	return 4
}

// link returns the image: vectors, functions, and constants up to size bytes.
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
