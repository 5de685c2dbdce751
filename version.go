package dualbank

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// Version names the program in one line: module version or commit, the digest of the deciding sources, and what it was
// built by and for. Of two programs with the same digest all results are the same.
func Version() string {
	version := "(devel)"
	if info, ok := debug.ReadBuildInfo(); ok {
		if info.Main.Version != "" {
			version = info.Main.Version
		}
		revision, changed := "", ""
		for _, s := range info.Settings {
			switch {
			case s.Key == "vcs.revision":
				revision = s.Value[:min(len(s.Value), 12)]
			case s.Key == "vcs.modified" && s.Value == "true":
				changed = " with changes"
			}
		}
		if version == "(devel)" && revision != "" {
			version = "commit " + revision + changed
		}
	}
	return fmt.Sprintf("dualbank %s, sources %s, %s %s/%s", version, Digest(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
