package explore

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"dualbank/internal/input"
)

// nativeHead begins a corpus file of the native engine.
const nativeHead = "go test fuzz v1\n"

// ReadInput reads a file of either engine's corpus: the native one's holds one []byte as Go source, go-fuzz's is
// the input itself. target is the name of the target if the folder of a native file says it, else "".
func ReadInput(path string) (data []byte, target string, err error) {
	text, err := input.Read(path, input.Corpus)
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w: give a corpus file of the native engine or a crasher of go-fuzz", path, err)
	}
	if dir := filepath.Base(filepath.Dir(path)); strings.HasPrefix(dir, "Fuzz") {
		target = dir
	}
	data, err = ParseInput(text)
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", path, err)
	}
	return data, target, nil
}

// ParseInput reads the text of such a file.
func ParseInput(text []byte) ([]byte, error) {
	body, native := strings.CutPrefix(string(text), nativeHead)
	if !native {
		return text, nil
	}
	body = strings.TrimSpace(body)
	quoted, ok := strings.CutPrefix(body, "[]byte(")
	quoted, closed := strings.CutSuffix(quoted, ")")
	data, err := strconv.Unquote(quoted)
	if !ok || !closed || err != nil || strings.Contains(body, "\n") {
		return nil, fmt.Errorf("not a corpus file with one []byte: give an input of one of the guided search's targets")
	}
	return []byte(data), nil
}

// NativeInput is an input as a corpus file of the native engine.
func NativeInput(data []byte) []byte {
	return fmt.Appendf(nil, "%s[]byte(%q)\n", nativeHead, data)
}

// Pool is what the islands of a guided search have found in the rounds before: where the next one begins. The zero value is
// that of the first round. Chunk n of the search is island n%islands of round n/islands.
type Pool struct {
	chunks int    // that are merged
	config uint64 // of their lines
	been   map[uint64]bool
	places []arrival
}

// arrival is how a place was reached for the first time.
type arrival struct {
	place uint64
	data  []byte
	end   int // offset behind the step that led there
}

// Chunks are how many chunks are merged: those before this one.
func (p *Pool) Chunks() int { return p.chunks }

// add takes over what a chunk has found. Of inputs that reach the same place the first one stays.
func (p *Pool) add(kept []keptInput) error {
	if p.been == nil {
		p.been = map[uint64]bool{}
	}
	for i := range kept {
		k := &kept[i]
		for at := k.Places; len(at) > 0; {
			if len(at) < 9 {
				return fmt.Errorf("%w: a place has no end", ErrLine)
			}
			place := binary.LittleEndian.Uint64(at)
			end, n := binary.Uvarint(at[8:])
			if n <= 0 || end > uint64(len(k.Data)) {
				return fmt.Errorf("%w: a place lies behind the end of its input", ErrLine)
			}
			at = at[8+n:]
			if !p.been[place] {
				p.been[place] = true
				p.places = append(p.places, arrival{place, k.Data, int(min(end, uint64(len(k.Data))))})
			}
		}
	}
	p.chunks++
	return nil
}

// Merge takes over the lines of the next chunks, in their order. The error wraps ErrLine.
func (p *Pool) Merge(lines [][]byte) error {
	for _, text := range lines {
		var r found
		l, err := parseResult(text, &r)
		if err != nil {
			return err
		}
		if l.Chunk != p.chunks || p.chunks > 0 && l.Config != p.config {
			return fmt.Errorf("%w: it is not that of chunk %d of the search", ErrLine, p.chunks)
		}
		p.config = l.Config
		if err := p.add(r.Kept); err != nil {
			return err
		}
	}
	return nil
}

// found are the inputs of a chunk's line.
type found struct {
	Inputs [][]byte    `json:"inputs"`
	Kept   []keptInput `json:"kept"`
}

// keptInput is an input that was the first to reach some places.
type keptInput struct {
	Data   []byte `json:"data"`
	Places []byte `json:"places"` // each with 8 bytes, and the offset behind the step that led there as a varint
}

// keptOf are the inputs of arrivals in their order.
func keptOf(places []arrival) (kept []keptInput) {
	for i, a := range places {
		if i == 0 || !sameInput(a.data, places[i-1].data) {
			kept = append(kept, keptInput{Data: a.data})
		}
		k := &kept[len(kept)-1]
		k.Places = binary.AppendUvarint(binary.LittleEndian.AppendUint64(k.Places, a.place), uint64(a.end))
	}
	return kept
}

// sameInput reports whether two inputs are one in memory. One of no bytes brings the software to the same places as another.
func sameInput(a, b []byte) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}

// Inputs are at most so many inputs of a line of a guided search's journal: first those that broke a rule, then those that
// led to most new places. The error wraps ErrLine.
func Inputs(text []byte, most int) ([][]byte, error) {
	var r found
	if _, err := parseResult(text, &r); err != nil {
		return nil, err
	}
	slices.SortStableFunc(r.Kept, func(a, b keptInput) int { return len(b.Places) - len(a.Places) })
	for _, k := range r.Kept {
		if !slices.ContainsFunc(r.Inputs, func(data []byte) bool { return bytes.Equal(data, k.Data) }) {
			r.Inputs = append(r.Inputs, k.Data)
		}
	}
	return r.Inputs[:min(len(r.Inputs), most)], nil
}
