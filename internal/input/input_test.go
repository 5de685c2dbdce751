package input_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"dualbank/internal/input"
)

func TestRead(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	for _, size := range []int{0, 1, 511, 512, 513, 4096, 99_999, 100_000, 100_001} {
		want := bytes.Repeat([]byte("x"), size)
		if err := os.WriteFile(at("file"), want, 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := input.Read(at("file"), 100_000)
		switch {
		case size > 100_000 && (err == nil || err.Error() != "more than 100000 bytes"):
			t.Errorf("%d bytes: %v", size, err)
		case size <= 100_000 && (err != nil || !bytes.Equal(got, want)):
			t.Errorf("%d bytes: %d read, %v", size, len(got), err)
		}
	}
	for _, c := range []struct {
		name string
		make func(path string) error
		want string
	}{
		{"gone", func(string) error { return nil }, "no such file"},
		{"folder", func(path string) error { return os.Mkdir(path, 0o700) }, "is a directory"},
		{"zero", func(path string) error { return os.Symlink("/dev/zero", path) }, "neither a regular file nor a pipe"},
		{"loop", func(path string) error { return os.Symlink("loop", path) }, "too many levels of symbolic links"},
		{"sparse", func(path string) error {
			return errors.Join(os.WriteFile(path, nil, 0o600), os.Truncate(path, 1<<40))
		}, "more than 1 MiB"},
	} {
		if err := c.make(at(c.name)); err != nil {
			t.Fatal(err)
		}
		if _, err := input.Read(at(c.name), 1<<20); err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), dir) {
			t.Errorf("%s: %v, want %q without the path", c.name, err, c.want)
		}
	}
	if _, err := input.Read(at("gone"), 1); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
}

// TestReadPipe: a pipe is read to its end, or to the limit; a file that is read again is none.
func TestReadPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{0, 1, 70_000, 100_000, 200_000} {
		go func() {
			w, err := os.OpenFile(path, os.O_WRONLY, 0)
			if err == nil {
				_, _ = w.Write(make([]byte, size)) // the reader may leave
				w.Close()
			}
		}()
		got, err := input.Read(path, 100_000)
		if size <= 100_000 && (err != nil || len(got) != size) || size > 100_000 && err == nil {
			t.Errorf("%d bytes through a pipe: %d, %v", size, len(got), err)
		}
	}
	if _, err := input.ReadAgain(path, 100); err == nil || !strings.Contains(err.Error(), "give a regular file") {
		t.Errorf("a pipe that is to be read again: %v", err)
	}
}

func TestValues(t *testing.T) {
	for text, want := range map[string]string{
		`{"a": [1, 2, 3]}`:                    "",
		`{"a": "{,{,{,{,{,\"{,{,{,", "b": 1}`: "",
		`[{},{},{},{}]`:                       "more than 3 objects",
		`[1,2,3,4,5,6,7,8,9,10,11]`:           "more than 10 values",
		strings.Repeat("[", 11):               "more than 10 values",
		`"open`:                               "",
		`"\`:                                  "",
	} {
		got := ""
		if err := input.Values([]byte(text), 3, 10); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

// FuzzValues: in JSON of correct syntax the objects are counted exactly.
func FuzzValues(f *testing.F) {
	f.Add([]byte(`{"a": [{}, {"\\"{": "{"}], "b": 1}`))
	f.Add([]byte(`[{},{},"\u007b",1e3]`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var v any
		if json.Unmarshal(text, &v) != nil {
			return
		}
		n := 0
		dec := json.NewDecoder(bytes.NewReader(text))
		for {
			tok, err := dec.Token()
			if err != nil {
				break
			}
			if tok == json.Delim('{') {
				n++
			}
		}
		if err := input.Values(text, n, len(text)); err != nil {
			t.Errorf("%q has %d objects: %v", text, n, err)
		}
		if n > 0 && input.Values(text, n-1, len(text)) == nil {
			t.Errorf("%q has %d objects, and %d are enough", text, n, n-1)
		}
	})
}

// TestReadText: a byte order mark is no part of a text, UTF-16 is told.
func TestReadText(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x")
	for data, want := range map[string]string{"\xef\xbb\xbfseed": "seed", "seed": "seed", "": "", "\xff\xfes\x00": "", "\xfe\xff\x00s": ""} {
		if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, read := range []func(string, int64) ([]byte, error){input.ReadText, input.ReadTextAgain} {
			got, err := read(path, 100)
			if string(got) != want || (err != nil) != (len(data) > 0 && data[0] >= 0xfe) {
				t.Errorf("%q: %q, %v", data, got, err)
			}
		}
	}
}
