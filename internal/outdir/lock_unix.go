//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package outdir

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// errBusy says that another process has the lock.
var errBusy = errors.New("locked by another process")

// lock is the kernel's lock on a folder. It ends with the process at the latest.
type lock struct {
	dir  *os.File
	path string
}

// take locks the folder path, which it makes if need be.
func take(path string, shared bool) (*lock, error) {
	how := syscall.LOCK_EX
	if shared {
		how = syscall.LOCK_SH
	}
	for {
		if err := os.Mkdir(path, 0o777); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
		if st, err := os.Lstat(path); err == nil && !st.IsDir() {
			return nil, &fs.PathError{Op: "open", Path: path, Err: errors.New(path + " is in the way")}
		}
		dir, err := os.Open(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue // its owner removed it
		}
		if err != nil {
			return nil, err
		}
		err = syscall.Flock(int(dir.Fd()), how|syscall.LOCK_NB)
		if err != nil {
			dir.Close()
			if errors.Is(err, syscall.EWOULDBLOCK) {
				err = errBusy
			}
			return nil, err
		}
		// The owner before may have removed the folder after it was opened here.
		mine, err := dir.Stat()
		if err == nil {
			if now, err := os.Lstat(path); err == nil && os.SameFile(mine, now) {
				return &lock{dir, path}, nil
			}
		}
		dir.Close()
	}
}

// release removes the folder if no one else has a lock on it and it is empty, and unlocks it.
func (l *lock) release() {
	if syscall.Flock(int(l.dir.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil {
		_ = os.Remove(l.path) // it stays if something is in it
	}
	_ = l.dir.Close()
}

// sameDevice reports whether a folder is on the file system of its parent.
func sameDevice(parent string, st os.FileInfo) bool {
	up, err := os.Stat(parent)
	if err != nil {
		return true
	}
	a, ok := up.Sys().(*syscall.Stat_t)
	b, too := st.Sys().(*syscall.Stat_t)
	return !ok || !too || a.Dev == b.Dev
}

// syncDir puts the entries of a folder on the disk.
func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	err = dir.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		err = nil // a file system that has no such call
	}
	return errors.Join(err, dir.Close())
}
