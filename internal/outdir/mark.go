package outdir

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"dualbank/internal/input"
)

// markName is the file that makes a folder ours.
const markName = ".dualbank"

// markHead is its first line, with the version of its format.
const markHead = "dualbank results, format 1"

// mostMark bounds the file in bytes.
const mostMark = 16 << 20

// mark is what the file says.
type mark struct {
	kind  string
	files map[string]bool // ours, by slash-separated paths in the folder
}

func (m *mark) owns(name string) bool { return m.files[name] || name == markName }

// goesWith reports whether a result of kind may replace this one.
func (m *mark) goesWith(kind string) bool {
	mine, mySettings, _ := strings.Cut(m.kind, ",")
	theirs, theirSettings, _ := strings.Cut(kind, ",")
	return kind == "" || mine == theirs && (mySettings == theirSettings || mySettings == "" || theirSettings == "")
}

// text is the content of the file: a line each.
func (m *mark) text() []byte {
	lines := append([]string{markHead, m.kind}, slices.Sorted(maps.Keys(m.files))...)
	return []byte(strings.Join(lines, "\n") + "\n")
}

// readMark returns the mark of dir, or nil if it has none.
func readMark(dir string) (*mark, error) {
	path := filepath.Join(dir, markName)
	switch st, err := os.Lstat(path); {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, cause(err)
	case !st.Mode().IsRegular():
		return nil, errors.New(markName + " in it is no regular file")
	}
	text, err := input.Read(path, mostMark)
	if err != nil {
		return nil, err
	}
	return parseMark(text)
}

// parseMark reads what text writes.
func parseMark(text []byte) (*mark, error) {
	lines := strings.Split(string(text), "\n")
	if len(lines) < 3 || lines[0] != markHead || lines[len(lines)-1] != "" {
		return nil, errors.New(markName + " in it is not what this dualbank writes")
	}
	m := &mark{kind: lines[1], files: map[string]bool{}}
	for _, name := range lines[2 : len(lines)-1] {
		m.files[name] = true
	}
	return m, nil
}

// Root returns the folder of results that owns the file at path, and the file's name in it. ok is false if it is in
// none, or not one of the files that we wrote.
func Root(path string) (dir, name string, ok bool) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", "", false
	}
	for dir = filepath.Dir(path); ; dir = filepath.Dir(dir) {
		if m, err := readMark(dir); err == nil && m != nil {
			name, err := filepath.Rel(dir, path)
			name = filepath.ToSlash(name)
			return dir, name, err == nil && m.files[name]
		}
		if dir == filepath.Dir(dir) {
			return "", "", false
		}
	}
}

// Replace writes a file of the user's anew, whole or not at all. A symbolic link is refused.
func Replace(path string, data []byte) error {
	st, err := os.Lstat(path)
	if err == nil && !st.Mode().IsRegular() {
		return &Refused{path, "is no regular file and is not written over"}
	}
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("%s: not written: %w", path, cause(err))
	}
	_, err = file.Write(data)
	mode := os.FileMode(0o644) // a temporary file is its owner's alone
	if st != nil {
		mode = st.Mode().Perm()
	}
	if err == nil {
		err = file.Chmod(mode)
	}
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		os.Remove(file.Name())
		return fmt.Errorf("%s: not written: %w", path, cause(err))
	}
	return syncDir(filepath.Dir(path))
}
