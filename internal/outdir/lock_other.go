//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package outdir

import (
	"errors"
	"io/fs"
	"os"
)

// errBusy says that another process has the lock.
var errBusy = errors.New("locked by another process")

// lock is a folder without a lock: this system has none that ends with the process.
type lock struct{ path string }

func take(path string, _ bool) (*lock, error) {
	if err := os.Mkdir(path, 0o777); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	return &lock{path}, nil
}

func (l *lock) release() { _ = os.Remove(l.path) }

func sameDevice(string, os.FileInfo) bool { return true }

func syncDir(string) error { return nil }
