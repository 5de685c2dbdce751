// Package outdir writes a folder of results so that it is whole at every moment, and never touches what is not ours.
//
// A command uses it in these steps:
//
//  1. Open, before the work, checks the folder, locks it, and makes a folder for the new result beside it:
//     .NAME.dualbank/new for the folder NAME. What the user has to change is a *Refused, one line.
//  2. The work makes files. Write puts each into the new folder and on the disk.
//  3. Commit takes over what is not ours, and what Options.Keep says, by hard links, and exchanges both folders in
//     one step of the kernel. Then the earlier result is removed.
//  4. Close unlocks the folder and removes what is left beside it.
//
// Invariants:
//
//   - A folder is ours if it holds the file .dualbank, which says of which command it is and lists the files that
//     we wrote. Files that it does not list stay, and none of them is written over. A folder with something in it and
//     without that file is refused, except one that holds nothing but folders of results.
//   - A kill, a full disk or an error leaves the earlier result or the new one. What a kill leaves in
//     .NAME.dualbank the next Open removes. Where a file system cannot exchange folders, two renames do it, and the
//     next Open undoes the first if the second was not reached.
//   - The lock is the kernel's: it ends with the process. It covers the folder and, shared, a folder of results
//     around it, so that out and out/crash are not replaced under each other.
//   - Symbolic links are not followed: neither the folder itself nor anything in it.
package outdir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Refused is a folder that cannot take results, for a reason that the user can change.
type Refused struct {
	Dir, Why string
}

func (r *Refused) Error() string {
	return fmt.Sprintf("%s: %s", r.Dir, r.Why)
}

// another is the usual remedy.
const another = "give another folder with --out"

// Options says what a folder is to hold.
type Options struct {
	// Kind is the command and the settings that a folder must share with an earlier result: "run",
	// "crash, profile MbedCE, seed 1". A kind without settings goes with all of its command. "": that of the
	// earlier result, which must be there.
	Kind string
	// Names are files that will be written. If one is there and not ours, Open refuses the folder.
	Names []string
	// Keep reports whether the file of an earlier result stays unless it is written anew. nil: none does.
	Keep func(name string) bool
	// Adopt names the files that are ours in a folder without a mark; if it holds none of them it is refused.
	// nil: a folder without a mark is refused.
	Adopt func(name string) bool
}

// Folder is a folder of results that is locked and about to be replaced.
type Folder struct {
	dir     string // absolute
	shown   string // as the user wrote it
	options Options
	beside  string // .NAME.dualbank
	locks   []*lock
	old     *mark // of the earlier result; nil: there is none
	files   []string
}

// Open checks and locks the folder dir for a new result. The parents are made; dir itself is not touched before
// Commit or Begin.
func Open(dir string, o Options) (*Folder, error) {
	f := &Folder{shown: dir, options: o}
	if err := f.open(); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func (f *Folder) refuse(format string, a ...any) error {
	return &Refused{f.shown, fmt.Sprintf(format, a...)}
}

func (f *Folder) open() error {
	var err error
	if f.dir, err = filepath.Abs(f.shown); err != nil || f.shown == "" {
		return f.refuse("no folder: %s", another)
	}
	parent := filepath.Dir(f.dir)
	if parent == f.dir {
		return f.refuse("is the root of a file system: %s", another)
	}
	if here, err := os.Getwd(); err == nil && (here == f.dir || strings.HasPrefix(here, f.dir+string(filepath.Separator))) {
		return f.refuse("holds the present folder: %s", another)
	}
	if err := os.MkdirAll(parent, 0o777); err != nil {
		return f.refuse("cannot be made: %v: %s", cause(err), another)
	}
	f.beside = beside(f.dir)
	if err := f.lock(f.dir, false); err != nil {
		return err
	}
	if _, err := os.Lstat(filepath.Join(parent, markName)); err == nil || exists(beside(parent)) {
		if err := f.lock(parent, true); err != nil {
			return err
		}
	}
	if err := f.recover(); err != nil {
		return f.refuse("cannot be written: %v: %s", cause(err), another)
	}
	if err := f.look(parent); err != nil {
		return err
	}
	if err := os.Mkdir(f.stage(), 0o777); err != nil {
		return f.refuse("cannot be written: %v: %s", cause(err), another)
	}
	return nil
}

// look checks the folder as it is.
func (f *Folder) look(parent string) error {
	st, err := os.Lstat(f.dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if f.options.Kind == "" {
			return f.refuse("no such folder: give a folder of results")
		}
		return nil
	case err != nil:
		return f.refuse("%v: %s", cause(err), another)
	case st.Mode()&os.ModeSymlink != 0:
		return f.refuse("is a symbolic link, which is not followed: give the folder itself")
	case !st.IsDir():
		return f.refuse("is no folder: %s", another)
	case !sameDevice(parent, st):
		return f.refuse("is where a file system is mounted, and cannot be replaced: give a folder in it")
	}
	if f.old, err = readMark(f.dir); err != nil {
		return f.refuse("%v: %s", err, another)
	}
	if f.old == nil {
		return f.unmarked()
	}
	if !f.old.goesWith(f.options.Kind) {
		return f.refuse("holds the results of another job (%s): %s, or remove it", f.old.kind, another)
	}
	for _, name := range f.options.Names {
		if exists(filepath.Join(f.dir, filepath.FromSlash(name))) && !f.old.owns(name) {
			return f.refuse("%s in it is not ours and would be written over: move it away", name)
		}
	}
	return nil
}

// unmarked accepts a folder without a mark if it is empty, holds nothing but folders of results, or is to be adopted.
func (f *Folder) unmarked() error {
	entries, err := os.ReadDir(f.dir)
	if err != nil {
		return f.refuse("%v: %s", cause(err), another)
	}
	if f.options.Adopt != nil {
		f.old = &mark{kind: f.options.Kind, files: map[string]bool{}}
		err := walk(f.dir, func(name string, d fs.DirEntry) error {
			if d.Type().IsRegular() && f.options.Adopt(name) {
				f.old.files[name] = true
			}
			return nil
		})
		if err != nil || len(f.old.files) == 0 {
			return f.refuse("is no folder of results")
		}
		return nil
	}
	for _, e := range entries {
		ours := e.IsDir() && (exists(filepath.Join(f.dir, e.Name(), markName)) || strings.HasPrefix(e.Name(), ".") && strings.HasSuffix(e.Name(), suffix))
		if !ours {
			return f.refuse("is not empty and no folder of results (it has no %s): %s", markName, another)
		}
	}
	return nil
}

// suffix ends the name of the folder in which a new result is made.
const suffix = ".dualbank"

// beside is the folder in which the new result for dir is made, and that is locked.
func beside(dir string) string {
	return filepath.Join(filepath.Dir(dir), "."+filepath.Base(dir)+suffix)
}

// stage is the folder of the new result.
func (f *Folder) stage() string { return filepath.Join(f.beside, "new") }

// aside is the earlier result while two renames replace it.
func (f *Folder) aside() string { return filepath.Join(f.beside, "old") }

// recover removes what a kill left behind, and undoes half a replacement.
func (f *Folder) recover() error {
	if exists(f.aside()) && !exists(f.dir) {
		if err := os.Rename(f.aside(), f.dir); err != nil {
			return err
		}
	}
	return errors.Join(os.RemoveAll(f.aside()), os.RemoveAll(f.stage()))
}

// Begin makes the folder itself, with the mark, if there is none yet: for work that keeps a journal in it.
func (f *Folder) Begin() error {
	if f.old != nil {
		if f.old.kind == f.options.Kind || f.options.Kind == "" || !strings.HasPrefix(f.options.Kind, f.old.kind) {
			return nil
		}
		f.old.kind = f.options.Kind
	} else {
		f.old = &mark{kind: f.options.Kind, files: map[string]bool{}}
	}
	if err := os.Mkdir(f.dir, 0o777); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	tmp := filepath.Join(f.beside, "mark")
	if err := writeFile(tmp, f.old.text()); err != nil {
		return err
	}
	if err := os.Rename(tmp, filepath.Join(f.dir, markName)); err != nil {
		return err
	}
	return errors.Join(syncDir(f.dir), syncDir(filepath.Dir(f.dir)))
}

// Close unlocks the folder. A new result that was not committed is dropped.
func (f *Folder) Close() error {
	var err error
	if len(f.locks) > 0 {
		// The earlier result stays in aside if it could not be renamed back.
		err = os.RemoveAll(f.stage())
		if exists(f.dir) {
			err = errors.Join(err, os.RemoveAll(f.aside()))
		}
	}
	for _, l := range f.locks {
		l.release()
	}
	f.locks = nil
	return err
}

// lock locks dir for this process alone, or shared for work inside it.
func (f *Folder) lock(dir string, shared bool) error {
	l, err := take(beside(dir), shared)
	switch {
	case errors.Is(err, errBusy) && shared:
		return f.refuse("another dualbank is at work in %s: wait for it, or %s", dir, another)
	case errors.Is(err, errBusy):
		return f.refuse("another dualbank is at work in it: wait for it, or %s", another)
	case err != nil && shared:
		return nil // the parent cannot be replaced by anyone who may not write beside it
	case err != nil:
		return f.refuse("cannot be written: %v: %s", cause(err), another)
	}
	f.locks = append(f.locks, l)
	return nil
}

// exists reports whether there is something at path, a dangling link included.
func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// cause returns the cause of a file error, without the path.
func cause(err error) error {
	if e, ok := errors.AsType[*os.PathError](err); ok {
		return e.Err
	}
	if e, ok := errors.AsType[*os.LinkError](err); ok {
		return e.Err
	}
	return err
}
