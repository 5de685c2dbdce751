//go:build !libfuzzer

// Command libfuzzer writes the seeds of a target of the guided search into a folder as libFuzzer reads them: an input a file.
//
//  1. The target is looked up by its name, and its seeds are read.
//  2. Each becomes a file of the folder.
//
// It runs in the folder of the sources:
//
//	go run ./scripts/libfuzzer FuzzKV DIR
//
// With the tag libfuzzer the package is the target itself, for a C compiler: .clusterfuzzlite/build.sh builds it.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"dualbank/fuzz"
	"dualbank/fuzz/explore"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: libfuzzer TARGET DIR")
		os.Exit(2)
	}
	if err := seeds(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintf(os.Stderr, "libfuzzer: %v\n", err)
		os.Exit(2)
	}
}

// seeds copies the seeds of a target from the module's root.
func seeds(target, dir string) error {
	t, err := fuzz.TargetByName(target)
	if err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join("fuzz", "testdata", "fuzz", t.Name, "*"))
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return fmt.Errorf("there are no seeds of %s: run it in the folder of the sources", t.Name)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, f := range files {
		data, _, err := explore.ReadInput(f)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(f)), data, 0o644); err != nil {
			return err
		}
	}
	return nil
}
