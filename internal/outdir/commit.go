package outdir

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Write puts a file into the new result. name is its slash-separated path in the folder.
func (f *Folder) Write(name string, data []byte) error {
	if !filepath.IsLocal(filepath.FromSlash(name)) || path.Clean(name) != name || strings.ContainsAny(name, "\n\r") || name == markName {
		return fmt.Errorf("%q: no name for a file of results", name)
	}
	to := filepath.Join(f.stage(), filepath.FromSlash(name))
	err := os.MkdirAll(filepath.Dir(to), 0o777)
	if err == nil {
		err = writeFile(to, data)
	}
	if err != nil {
		return fmt.Errorf("%s: not written: %w", filepath.Join(f.shown, filepath.FromSlash(name)), cause(err))
	}
	f.files = append(f.files, name)
	return nil
}

// WriteAll is Write for each file, in the order of their names.
func (f *Folder) WriteAll(files map[string][]byte) error {
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := f.Write(name, files[name]); err != nil {
			return err
		}
	}
	return nil
}

// writeFile makes a file, and returns when it is on the disk.
func writeFile(path string, data []byte) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if errors.Is(err, fs.ErrExist) {
		if err = os.Remove(path); err == nil {
			file, err = os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		}
	}
	if err != nil {
		return err
	}
	if _, err = file.Write(data); err == nil {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}

// Commit makes what was written the content of the folder. After an error the earlier result is there.
func (f *Folder) Commit() error {
	m := &mark{kind: f.options.Kind, files: map[string]bool{}}
	if f.old != nil && (m.kind == "" || strings.HasPrefix(f.old.kind, m.kind)) {
		m.kind = f.old.kind
	}
	for _, name := range f.files {
		m.files[name] = true
	}
	taken := map[string]bool{}
	fail := func(err error) error {
		if refused, ok := errors.AsType[*Refused](err); ok {
			return refused
		}
		return fmt.Errorf("%s: not written: %w", f.shown, cause(err))
	}
	replaces := exists(f.dir)
	if replaces {
		if err := f.takeOver(f.dir, f.stage(), m, taken); err != nil {
			return fail(err)
		}
	}
	if err := writeFile(filepath.Join(f.stage(), markName), m.text()); err != nil {
		return fail(err)
	}
	if err := syncTree(f.stage()); err != nil {
		return fail(err)
	}
	if !replaces {
		if err := os.Rename(f.stage(), f.dir); err != nil {
			return fail(err)
		}
		return syncDir(filepath.Dir(f.dir))
	}
	earlier, err := f.replace()
	if err != nil {
		return fail(err)
	}
	if err := syncDir(filepath.Dir(f.dir)); err != nil {
		return fail(err)
	}
	// Files that came into the earlier folder in the meantime.
	if err := f.takeOver(earlier, f.dir, m, taken); err != nil {
		return fail(err)
	}
	return os.RemoveAll(earlier)
}

// replace puts the new folder into the place of the earlier one, and returns where that is now.
func (f *Folder) replace() (earlier string, err error) {
	if st, err := os.Stat(f.dir); err == nil {
		if err := os.Chmod(f.stage(), st.Mode().Perm()); err != nil {
			return "", err
		}
	}
	if exchange(f.stage(), f.dir) == nil {
		return f.stage(), nil
	}
	if err := os.Rename(f.dir, f.aside()); err != nil {
		return "", err
	}
	if err := os.Rename(f.stage(), f.dir); err != nil {
		return "", errors.Join(err, os.Rename(f.aside(), f.dir))
	}
	return f.aside(), nil
}

// takeOver links into to what of from stays: what is not ours, and what Keep says, without what was taken before.
func (f *Folder) takeOver(from, to string, m *mark, taken map[string]bool) error {
	written := map[string]bool{}
	for _, name := range f.files {
		written[name] = f.old != nil && f.old.owns(name)
	}
	return walk(from, func(name string, d fs.DirEntry) error {
		ours := name == markName
		if f.old != nil && f.old.owns(name) {
			if ours = name == markName || f.options.Keep == nil || !f.options.Keep(name); !ours {
				m.files[name] = true
			}
		}
		if ours || taken[name] {
			return nil
		}
		taken[name] = true
		source, target := filepath.Join(from, filepath.FromSlash(name)), filepath.Join(to, filepath.FromSlash(name))
		if st, err := os.Lstat(target); err == nil {
			if written[name] || d.IsDir() && st.IsDir() {
				return nil
			}
			return f.refuse("%s in it is not ours and would be written over: move it away", name)
		}
		if d.IsDir() {
			if f.old != nil && f.old.holds(name) {
				return nil // made with what it holds
			}
			return os.MkdirAll(target, 0o777)
		}
		if err := os.MkdirAll(filepath.Dir(target), 0o777); err != nil {
			return err
		}
		return link(source, target, d)
	})
}

// holds reports whether the folder name has files of ours.
func (m *mark) holds(name string) bool {
	for file := range m.files {
		if strings.HasPrefix(file, name+"/") {
			return true
		}
	}
	return false
}

// link makes target the file source, which may be a symbolic link. Where links are not possible it is copied.
func link(source, target string, d fs.DirEntry) error {
	failed := os.Link(source, target)
	if failed == nil {
		return nil
	}
	switch {
	case d.Type().IsRegular():
		data, err := os.ReadFile(source)
		if err != nil {
			return err
		}
		return writeFile(target, data)
	case d.Type()&fs.ModeSymlink != 0:
		to, err := os.Readlink(source)
		if err != nil {
			return err
		}
		return os.Symlink(to, target)
	}
	return failed
}

// walk calls fn for everything in dir, with slash-separated paths in it.
func walk(dir string, fn func(name string, d fs.DirEntry) error) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		return fn(filepath.ToSlash(name), d)
	})
}

// syncTree puts the entries of dir and of the folders in it on the disk.
func syncTree(dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		return syncDir(path)
	})
}
