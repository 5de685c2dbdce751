// Package input reads every file that people hand to the program: scenarios, configuration files, data files,
// firmware, dumps, findings, inputs, records, benchmark files, traces.
//
//  1. A reader of a format calls Read with the path and the limit of its kind.
//  2. Read refuses what is no file, and reads no more than the limit.
//  3. The reader parses the bytes that come back. An error of Read is the cause alone; the reader puts the file's name
//     before it and what to do behind it.
//
// Invariants:
//
//   - A file is regular, or a pipe that ends. A folder, a device such as /dev/zero and a socket are refused before
//     anything is read. Data files are regular: they are looked up again and again, and a pipe gives its content once.
//   - No more than the limit is read, and a regular file above it is refused unread. Formats whose text is small and
//     whose contents are large have bounds of their own, checked before they allocate; JSON has Values.
//   - Read waits for a pipe as long as it takes. Commands read their inputs before they take over Ctrl-C, so that
//     Ctrl-C ends the program while it waits.
package input

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
)

// Limits in bytes, by kind of file. Each is several times the largest that is in use.
const (
	Scenario = 4 << 20
	Config   = 4 << 20   // mbed_app.json, mbed_lib.json, targets.json
	Data     = 128 << 10 // parts, boards, drivers, cores, laws of wear, serial NOR
	Finding  = 16 << 20  // ID.json
	Corpus   = 16 << 20  // an input of the guided search
	Firmware = 64 << 20  // binary, HEX or ELF with debug information
	Dump     = 128 << 20
	Records  = 64 << 20  // records.json
	Causes   = 1 << 20   // a list of causes that are known
	Bench    = 32 << 20  // the Go benchmark format
	Trace    = 64 << 20  // recorded sets, CSV
	Program  = 256 << 20 // code under test
)

// mostPipe bounds what a pipe gives, whose size is not known before: its memory grows in steps.
const mostPipe = 64 << 20

// Read returns the content of the file at path, of at most most bytes, or 64 MiB of a pipe. It refuses what is neither a regular file nor
// a pipe. The error is the cause without the path.
func Read(path string, most int64) ([]byte, error) { return read(path, most, true) }

// ReadAgain is Read for a file that is read more than once: it refuses a pipe, too.
func ReadAgain(path string, most int64) ([]byte, error) { return read(path, most, false) }

// ReadText is Read for a text in UTF-8, which it returns without a byte order mark. It refuses UTF-16.
func ReadText(path string, most int64) ([]byte, error) { return text(Read(path, most)) }

// ReadTextAgain is ReadAgain for a text, as ReadText is.
func ReadTextAgain(path string, most int64) ([]byte, error) { return text(ReadAgain(path, most)) }

// text returns a text without its byte order mark.
func text(data []byte, err error) ([]byte, error) {
	if bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff")) {
		return nil, errors.New("a text in UTF-16: save it as UTF-8")
	}
	return bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")), err
}

func read(path string, most int64, pipes bool) ([]byte, error) {
	// Opening a device may have effects, so the kind is looked at first; and again, in case the file was replaced.
	st, err := os.Stat(path)
	if err == nil {
		err = readable(st, most, pipes)
	}
	if err != nil {
		return nil, cause(err)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, cause(err)
	}
	defer f.Close()
	if st, err = f.Stat(); err == nil {
		err = readable(st, most, pipes)
	}
	if err != nil {
		return nil, cause(err)
	}
	if !st.Mode().IsRegular() {
		most = min(most, mostPipe)
	}
	data, err := readAll(f, int(min(st.Size(), most))+1, int(most)+1)
	if err != nil {
		return nil, cause(err)
	}
	if int64(len(data)) > most {
		return nil, tooLarge(most)
	}
	return data, nil
}

// readAll reads up to most bytes. expected of them get their memory at once: all of a regular file, and one more to see
// its end.
func readAll(r io.Reader, expected, most int) ([]byte, error) {
	data := make([]byte, 0, max(expected, 512))
	for len(data) < most {
		if len(data) == cap(data) {
			data = append(make([]byte, 0, min(2*cap(data), most)), data...)
		}
		n, err := r.Read(data[len(data):min(cap(data), most)])
		data = data[:len(data)+n]
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
	}
	return data, nil
}

func readable(st os.FileInfo, most int64, pipes bool) error {
	switch mode := st.Mode(); {
	case mode.IsRegular() && st.Size() > most:
		return tooLarge(most)
	case mode.IsRegular(), mode&os.ModeNamedPipe != 0 && pipes:
		return nil
	case mode&os.ModeNamedPipe != 0:
		return errors.New("is a pipe, and is read more than once: give a regular file")
	case mode.IsDir():
		return errors.New("is a directory")
	}
	return errors.New("neither a regular file nor a pipe")
}

func tooLarge(most int64) error {
	if most%(1<<20) == 0 {
		return fmt.Errorf("more than %d MiB", most>>20)
	}
	return fmt.Errorf("more than %d bytes", most)
}

// cause returns the cause of a file error, without the path.
func cause(err error) error {
	if e, ok := errors.AsType[*os.PathError](err); ok {
		return e.Err
	}
	return err
}
