package explore

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"

	"github.com/cespare/xxhash/v2"
)

// journal keeps what is explored in a file, one line a chunk, so that a sweep that was stopped or
// killed goes on where it was: nothing judged is lost, nothing is counted twice.
type journal struct {
	file   *os.File
	config uint64 // hash of what the chunks depend on
	chunks map[int]json.RawMessage
}

// line is one chunk in the file. A line that is not whole, or whose sum is wrong, is no chunk.
type line struct {
	Config uint64          `json:"config"`
	Chunk  int             `json:"chunk"`
	Sum    uint64          `json:"sum"` // xxhash of Result
	Result json.RawMessage `json:"result"`
}

// openJournal reads what path holds for a sweep of this configuration, and adds to it. Lines of other
// sweeps stay. The configuration is anything that JSON can tell apart.
func openJournal(path string, config any) (*journal, error) {
	text, err := json.Marshal(config)
	if err != nil {
		return nil, err
	}
	j := &journal{config: xxhash.Sum64(text), chunks: map[int]json.RawMessage{}}
	if j.file, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644); err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	r := bufio.NewReader(j.file)
	whole := int64(0)
	for {
		text, err := r.ReadBytes('\n')
		if err != nil {
			break // the end, or a line that a kill left unfinished
		}
		whole += int64(len(text))
		j.read(text)
	}
	if err := j.file.Truncate(whole); err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	_, err = j.file.Seek(whole, 0)
	return j, err
}

func (j *journal) read(text []byte) {
	var l line
	if json.Unmarshal(text, &l) != nil || l.Config != j.config || l.Sum != xxhash.Sum64(l.Result) {
		return
	}
	j.chunks[l.Chunk] = l.Result
}

// load decodes chunk i into v, and reports whether the journal has it.
func (j *journal) load(i int, v any) bool {
	if j == nil || j.chunks[i] == nil {
		return false
	}
	dec := json.NewDecoder(bytes.NewReader(j.chunks[i]))
	dec.DisallowUnknownFields()
	return dec.Decode(v) == nil
}

// save adds chunk i.
func (j *journal) save(i int, v any) error {
	if j == nil {
		return nil
	}
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	text, err = json.Marshal(line{j.config, i, xxhash.Sum64(text), text})
	if err != nil {
		return err
	}
	if _, err := j.file.Write(append(text, '\n')); err != nil {
		return fmt.Errorf("journal: %w: free some space and start again: what is explored is kept", err)
	}
	return nil
}

func (j *journal) close() error {
	if j == nil {
		return nil
	}
	return j.file.Close()
}
