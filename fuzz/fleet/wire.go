package fleet

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cespare/xxhash/v2"

	"dualbank"
	"dualbank/fuzz"
)

// Names of streams, buckets and subjects.
const (
	workStream    = "DUALBANK_WORK"
	resultStream  = "DUALBANK_RESULTS"
	campaigns     = "dualbank_campaigns"
	workers       = "dualbank_workers"
	causes        = "dualbank_causes"
	corpora       = "dualbank_corpora"
	workSubject   = "dualbank.work"
	resultSubject = "dualbank.result"
)

// Bounds of what messages hold.
const (
	mostDefinition = 1 << 20 // bytes
	mostSweeps     = 4096
	mostChunks     = 1 << 24 // of a sweep
	mostPiece      = 1 << 12 // chunks of a piece
	mostWord       = 200     // bytes of what a worker says
	mostDeliveries = 3       // workers that a piece may end
)

// ackWait is how long a worker may be silent before its piece goes to another; it speaks three times as often. Tests
// shorten it.
var ackWait = 15 * time.Second

// Definition is a campaign as all its processes know it.
type Definition struct {
	Program string         `json:"program"` // dualbank.Digest of the program that explores it
	Profile string         `json:"profile"` // of the store
	Seed    uint64         `json:"seed"`    // of the campaign
	Sweeps  []fuzz.Divided `json:"sweeps"`  // that are divided

	// Of software in a program of the user's. The program itself does not travel.
	Exec  string `json:"exec,omitempty"`  // SHA-256 of its file, in hexadecimal; "": the software is dualbank's own
	Board string `json:"board,omitempty"` // on which it runs

	// Of the guided search of one target alone: see Search.
	Target string `json:"target,omitempty"` // name of one of fuzz.Targets; "": it is another campaign
	Runs   uint64 `json:"runs,omitempty"`   // inputs to try
	Seeds  string `json:"seeds,omitempty"`  // SHA-256 of the object with the inputs that it begins with; "": there are none
}

// Name identifies the campaign: 16 hexadecimal digits.
func (d *Definition) Name() string {
	text, err := json.Marshal(d)
	if err != nil {
		panic(err) // a definition is plain data
	}
	sum := xxhash.Sum64(text)
	return fmt.Sprintf("%016x", sum)
}

// parseDefinition reads what a bucket holds under a name.
func parseDefinition(name string, text []byte) (*Definition, error) {
	var d Definition
	if err := strict(text, mostDefinition, &d); err != nil {
		return nil, fmt.Errorf("campaign %q: %w", short(name), err)
	}
	if len(d.Sweeps) > mostSweeps {
		return nil, fmt.Errorf("campaign %q: %d sweeps, the most is %d", short(name), len(d.Sweeps), mostSweeps)
	}
	for _, s := range d.Sweeps {
		if s.Sweep < 0 || s.Chunks < 0 || s.Chunks > mostChunks || s.Round < 0 {
			return nil, fmt.Errorf("campaign %q: sweep %d with %d chunks, %d a round", short(name), s.Sweep, s.Chunks, s.Round)
		}
	}
	if d.Name() != name {
		return nil, fmt.Errorf("campaign %q: its content has the name %s", short(name), d.Name())
	}
	return &d, nil
}

// own reports whether this program explores the campaign.
func (d *Definition) own() bool { return d.Program == dualbank.Digest() }

// piece is one message of work.
type piece struct {
	Campaign string `json:"campaign"`
	Sweep    int    `json:"sweep"`
	First    int    `json:"first"`
	Last     int    `json:"last"` // chunk behind the piece
}

// A sweep has at most so many pieces: enough for many workers, and few enough that what a worker prepares for each sweep is
// small beside the work. But a piece has at least so many chunks, where there are as many: some hundred milliseconds of work, so
// that its messages are small beside it.
const (
	mostPieces  = 64
	leastChunks = 4
)

// pieces are all of a campaign, in order.
func (d *Definition) pieces() (all []piece) {
	name := d.Name()
	for _, s := range d.Sweeps {
		n := min(max((s.Chunks+mostPieces-1)/mostPieces, leastChunks), mostPiece)
		if s.Round > 0 {
			n = 1 // a round has few
		}
		for first := 0; first < s.Chunks; first += n {
			all = append(all, piece{name, s.Sweep, first, min(first+n, s.Chunks)})
		}
	}
	return all
}

// ready are the pieces that can be explored when those of done have been, by their identity: all but those of rounds that
// wait for one before.
func (d *Definition) ready(done map[string]bool) (all []piece) {
	waits := map[int]int{} // round that is not complete, by sweeps
	for _, p := range d.pieces() {
		round := 0
		if s := d.sweep(p.Sweep); s.Round > 0 {
			round = p.First / s.Round
		}
		if at, ok := waits[p.Sweep]; ok && at < round {
			continue
		}
		if all = append(all, p); !done[p.id()] {
			waits[p.Sweep] = round
		}
	}
	return all
}

// sweep is the one of this number; nil: there is none.
func (d *Definition) sweep(n int) *fuzz.Divided {
	for i := range d.Sweeps {
		if d.Sweeps[i].Sweep == n {
			return &d.Sweeps[i]
		}
	}
	return nil
}

// has reports whether the piece is one of the campaign's.
func (d *Definition) has(p *piece) bool {
	s := d.sweep(p.Sweep)
	return s != nil && p.First >= 0 && p.Last > p.First && p.Last <= s.Chunks && p.Last-p.First <= mostPiece
}

// id is the identity of the piece's messages.
func (p *piece) id() string { return fmt.Sprintf("%s.%d.%d.%d", p.Campaign, p.Sweep, p.First, p.Last) }

func (p *piece) work() string   { return workSubject + "." + p.id() }
func (p *piece) result() string { return resultSubject + "." + p.id() }

// parsePiece reads the end of a subject: CAMPAIGN.SWEEP.FIRST.LAST.
func parsePiece(subject, prefix string) (*piece, error) {
	rest, ok := strings.CutPrefix(subject, prefix+".")
	parts := strings.Split(rest, ".")
	if !ok || len(parts) != 4 {
		return nil, fmt.Errorf("subject %q is no piece of a campaign", short(subject))
	}
	p := &piece{Campaign: parts[0]}
	for i, to := range []*int{&p.Sweep, &p.First, &p.Last} {
		n, err := strconv.ParseUint(parts[1+i], 10, 31)
		if err != nil || strconv.FormatUint(n, 10) != parts[1+i] {
			return nil, fmt.Errorf("subject %q is no piece of a campaign", short(subject))
		}
		*to = int(n)
	}
	return p, nil
}

// Result is what became of a piece. Its message is the Result in JSON on a line of its own, and the journal's lines behind
// it as they are: they may have some MiB.
type Result struct {
	Worker string   `json:"worker"`           // who explored it
	Nanos  int64    `json:"nanos"`            // that it took there
	Parked string   `json:"parked,omitempty"` // why it was given up; "": it was not
	Lines  [][]byte `json:"-"`                // of the sweep's journal, a line a chunk, each with its end
}

// message is the text that parseResult reads.
func (r *Result) message() []byte {
	text, err := json.Marshal(r)
	if err != nil {
		panic(err) // plain data
	}
	return append(append(text, '\n'), bytes.Join(r.Lines, nil)...)
}

// Bounds of a result in bytes.
const (
	mostResult = 64 << 20
	mostHead   = 1 << 12
)

// parseResult reads the message about a piece. The lines stay in text.
func parseResult(text []byte, p *piece) (*Result, error) {
	if len(text) > mostResult {
		return nil, fmt.Errorf("%d bytes, the most is %d", len(text), mostResult)
	}
	var r Result
	own, lines, ok := bytes.Cut(text, []byte("\n"))
	if !ok {
		return nil, fmt.Errorf("its first line has no end")
	}
	if err := strict(own, mostHead, &r); err != nil {
		return nil, err
	}
	chunks := p.Last - p.First
	if r.Parked != "" {
		chunks = 0
	}
	if n := bytes.Count(lines, []byte("\n")); n != chunks || len(lines) > 0 && lines[len(lines)-1] != '\n' {
		return nil, fmt.Errorf("%d lines for %d chunks", n, chunks)
	}
	r.Lines = slices.Collect(bytes.Lines(lines))
	r.Worker, r.Parked = short(r.Worker), short(r.Parked)
	return &r, nil
}

// Word is what a worker says of itself.
type Word struct {
	Program string `json:"program"`
	Does    string `json:"does"`   // in words
	Pieces  uint64 `json:"pieces"` // that it has explored
	Nanos   int64  `json:"nanos"`  // that they took

	at time.Time // when it came here
}

func parseWord(text []byte) (*Word, error) {
	var w Word
	err := strict(text, 1<<12, &w)
	w.Does, w.Program = short(w.Does), short(w.Program)
	return &w, err
}

// strict decodes JSON of at most so many bytes, without unknown fields and without anything behind.
func strict(text []byte, most int, v any) error {
	if len(text) > most {
		return fmt.Errorf("%d bytes, the most is %d", len(text), most)
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return err
	}
	if dec.More() {
		return fmt.Errorf("something follows the message")
	}
	return nil
}

// short bounds what a message said, for people.
func short(s string) string { return cut(s, mostWord) }

// cut bounds a text to so many bytes.
func cut(s string, most int) string {
	s = strings.ToValidUTF8(s, "?")
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "..."
	}
	return s
}
