//go:build !linux

package outdir

import "errors"

// exchange is not possible: the caller renames twice.
func exchange(_, _ string) error { return errors.ErrUnsupported }
