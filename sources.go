// Package dualbank holds the sources of the packages that decide what a run comes to.
//
//  1. The sources are embedded when the program is built.
//  2. Digest hashes them. It is the same on every architecture, and covers changes that are not committed.
//  3. Each line of a journal of package fuzz/explore carries the digest: the verdicts that it keeps from one run to the
//     next are good only for the program that made them.
//  4. Version adds the digest to what `dualbank version` prints.
//
// Tests are left out,
// and so are packages that only show results. A test checks that all packages that package fuzz is built from are
// here.
package dualbank

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"strings"
	"sync"
)

//go:embed go.mod go.sum
//go:embed kvstore/*.go kvstore/*/*.go boot/*.go boot/*/*.go boot/*/*/*.go boot/layout/*.json boot/layout/examples model/*.go model/*/*.go
//go:embed model/part/boards model/part/cores model/part/drivers model/part/families model/part/nor model/part/parts model/part/wear model/part/templates
//go:embed fuzz/*.go fuzz/*/*.go fuzz/*/*/*.go fuzz/native/include results/*.go internal/*/*.go sources.go
var sources embed.FS

// Digest identifies the program: 16 hexadecimal digits of a hash over the names and contents of its deciding sources
// and their data.
var Digest = sync.OnceValue(func() string {
	sum := sha256.New()
	err := fs.WalkDir(sources, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !Decides(path) {
			return err
		}
		text, err := sources.ReadFile(path)
		fmt.Fprintf(sum, "%s %d\n%s", path, len(text), text)
		return err
	})
	if err != nil {
		panic(err) // the files are embedded: the build would have failed
	}
	return hex.EncodeToString(sum.Sum(nil)[:8])
})

// Decides reports whether the file at path, from the module's root, is among the sources that Digest covers.
func Decides(path string) bool {
	if strings.HasSuffix(path, "_test.go") || strings.HasSuffix(path, ".md") || strings.Contains(path, "testdata/") {
		return false
	}
	_, err := fs.Stat(sources, path)
	return err == nil
}
