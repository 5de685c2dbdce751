package explore

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/cespare/xxhash/v2"

	"dualbank"
)

// journal keeps what is explored in a file, one line a chunk, so that a sweep that was stopped or
// killed goes on where it was: nothing judged is lost, nothing is counted twice.
type journal struct {
	file   *os.File
	config uint64 // hash of what the chunks depend on
	chunks map[int]json.RawMessage
}

// line is one chunk in the file. A line that is not whole, or whose sum is wrong, is no chunk.
// It is the head as JSON, with the result as one more field at its end.
type line struct {
	head
	Result json.RawMessage
}

// head is what a line says beside its result.
type head struct {
	Program string `json:"program"` // dualbank.Digest of the program that explored it
	Config  uint64 `json:"config"`
	Chunk   int    `json:"chunk"`
	Sum     uint64 `json:"sum"` // see line.sum
}

// encodeLine is the line of a chunk.
func encodeLine(config uint64, i int, result any) ([]byte, error) {
	l := line{head: head{Program: dualbank.Digest(), Config: config, Chunk: i}}
	var err error
	if l.Result, err = json.Marshal(result); err != nil {
		return nil, err
	}
	l.Sum = l.sum()
	text, err := json.Marshal(&l.head)
	if err != nil {
		return nil, err
	}
	return slices.Concat(text[:len(text)-1], []byte(beforeResult), l.Result, []byte("}\n")), nil
}

// beforeResult stands between the head of a line and its result. It cannot stand in the head, where quotation marks in text
// are escaped.
const beforeResult = `,"result":`

// longestHead bounds the head of a line in bytes.
const longestHead = 512

// readLine reads the head of a line with its end. It checks neither sum nor result, which may have some MiB. ok is false for
// text that is no line of any program.
func readLine(text []byte) (l line, ok bool) {
	at := bytes.Index(text[:min(len(text), longestHead)], []byte(beforeResult))
	result, closed := bytes.CutSuffix(text, []byte("}\n"))
	if at < 0 || !closed || len(result) < at+len(beforeResult) {
		return l, false
	}
	if json.Unmarshal(append(slices.Clone(text[:at]), '}'), &l.head) != nil {
		return l, false
	}
	l.Result = result[at+len(beforeResult):]
	return l, true
}

// ErrLine is the error of bytes that are no line of a journal of this program.
var ErrLine = errors.New("no line of a journal that this program wrote")

// ParseLine returns the chunk that a line of a journal is about. The error wraps ErrLine.
func ParseLine(text []byte) (chunk int, err error) {
	l, err := parseLine(text)
	if err == nil && !json.Valid(l.Result) {
		err = errNoJSON
	}
	return l.Chunk, err
}

var errNoJSON = fmt.Errorf("%w: it is no JSON", ErrLine)

// parseLine reads a line of a journal of this program, but not its result. The error wraps ErrLine.
func parseLine(text []byte) (l line, err error) {
	switch {
	case len(text) > longestLine:
		return l, fmt.Errorf("%w: it has more than %d MiB", ErrLine, longestLine>>20)
	case len(text) == 0 || bytes.IndexByte(text, '\n') != len(text)-1:
		return l, fmt.Errorf("%w: it is not one line", ErrLine)
	}
	l, ok := readLine(text)
	switch {
	case !ok:
		err = errNoJSON
	case l.Program != dualbank.Digest():
		err = fmt.Errorf("%w: it is of program %.40q", ErrLine, l.Program)
	case l.Sum != l.sum() || l.Chunk < 0:
		err = fmt.Errorf("%w: its sum is wrong", ErrLine)
	}
	return l, err
}

// parseResult reads a line of a journal of this program, and decodes its result into v. The error wraps ErrLine.
func parseResult(text []byte, v any) (l line, err error) {
	if l, err = parseLine(text); err != nil {
		return l, err
	}
	if err := json.Unmarshal(l.Result, v); err != nil {
		return l, fmt.Errorf("%w: %w", ErrLine, err)
	}
	return l, nil
}

// sum is the checksum of everything else in the line.
func (l *line) sum() uint64 {
	h := xxhash.New()
	fmt.Fprintf(h, "%s %d %d ", l.Program, l.Config, l.Chunk) // a hash takes everything
	h.Write(l.Result)
	return h.Sum64()
}

// SetAside renames the journal at path if a line in it is of another program, whose verdicts are no longer worth
// anything, and returns its new name; "" if there is nothing to set aside.
func SetAside(path string) (string, error) {
	file, err := openPlain(path, os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer file.Close()
	r := bufio.NewReader(file)
	for {
		text, err := wholeLine(r)
		if errors.Is(err, errLongLine) {
			return "", &BadJournal{path, err.Error()}
		}
		if err != nil {
			return "", nil
		}
		l, ok := readLine(text)
		if !ok || l.Program == dualbank.Digest() {
			continue
		}
		// Lines had no program once. A line that is damaged says nothing of it.
		if l.Sum != l.sum() && (l.Program != "" || l.Sum != xxhash.Sum64(l.Result)) {
			continue
		}
		for n := 1; ; n++ {
			to := fmt.Sprintf("%s.old%d", path, n)
			if _, err := os.Lstat(to); err == nil {
				continue
			}
			return to, os.Rename(path, to)
		}
	}
}

// What bounds a journal in bytes. A campaign of days stays far below.
const (
	longestJournal = 256 << 20
	longestLine    = 16 << 20
)

// BadJournal is a journal that no sweep can go on from. The user has to remove it.
type BadJournal struct{ Path, Why string }

func (b *BadJournal) Error() string {
	return fmt.Sprintf("%s: %s: remove the journal and start again", b.Path, b.Why)
}

var errLongLine = fmt.Errorf("a line of more than %d MiB", longestLine>>20)

// wholeLine returns the next line with its end. The error is io.EOF for what has no end.
func wholeLine(r *bufio.Reader) (line []byte, err error) {
	for {
		part, err := r.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case len(line) > longestLine:
			return nil, errLongLine
		case !errors.Is(err, bufio.ErrBufferFull):
			return line, err
		}
	}
}

// openPlain opens a file that is regular, no symbolic link, and no larger than a journal is.
func openPlain(path string, flag int) (*os.File, error) {
	st, err := os.Lstat(path)
	if err == nil && !st.Mode().IsRegular() {
		return nil, &BadJournal{path, "no regular file"}
	}
	if err == nil && st.Size() > longestJournal {
		return nil, &BadJournal{path, fmt.Sprintf("more than %d MiB", longestJournal>>20)}
	}
	if err != nil && flag&os.O_CREATE == 0 {
		return nil, err
	}
	return os.OpenFile(path, flag, 0o644)
}

// openJournal reads what path holds for a sweep of this configuration, and adds to it. Lines of other
// sweeps stay; a journal of another program is set aside. Two lines that differ about a chunk are an error: one of
// them is wrong, and nothing says which. The configuration is anything that JSON can tell apart.
func openJournal(path string, config any) (*journal, error) {
	text, err := json.Marshal(config)
	if err != nil {
		return nil, err
	}
	j := &journal{config: xxhash.Sum64(text), chunks: map[int]json.RawMessage{}}
	if _, err := SetAside(path); err != nil {
		return nil, err
	}
	if j.file, err = openPlain(path, os.O_RDWR|os.O_CREATE); err != nil {
		return nil, err
	}
	r := bufio.NewReader(j.file)
	whole := int64(0)
	for {
		text, err := wholeLine(r)
		if err != nil {
			break // the end, or a line that a kill left unfinished: SetAside has seen that none is too long
		}
		whole += int64(len(text))
		if err := j.read(text); err != nil {
			j.file.Close()
			return nil, &BadJournal{path, err.Error()}
		}
	}
	if err := j.file.Truncate(whole); err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	_, err = j.file.Seek(whole, 0)
	return j, err
}

func (j *journal) read(text []byte) error {
	l, ok := readLine(text)
	if !ok || l.Program != dualbank.Digest() || l.Config != j.config || l.Sum != l.sum() {
		return nil
	}
	if have, ok := j.chunks[l.Chunk]; ok && !bytes.Equal(have, l.Result) {
		return fmt.Errorf("two lines differ about chunk %d", l.Chunk)
	}
	j.chunks[l.Chunk] = l.Result
	return nil
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
	text, err := encodeLine(j.config, i, v)
	if err != nil {
		return err
	}
	if _, err := j.file.Write(text); err != nil {
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
