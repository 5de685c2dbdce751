package fuzz

import (
	"context"
	"io"
	"path/filepath"
	"strings"

	"dualbank/fuzz/explore"
	"dualbank/fuzz/kv"
	"dualbank/kvstore"
)

// T is what Explore needs of a *testing.T. One that has ArtifactDir, too, as testing's has, gets the files of
// the findings there: go test -artifacts keeps them.
type T interface {
	Helper()
	Errorf(format string, args ...any)
}

// shrinkTries bounds the replays spent on making a finding of Explore smaller.
const shrinkTries = 300

// Explore sweeps a store of your own in an ordinary Go test: store makes it on a device, c says on which
// device, with which seed and modes. kv.Store says what a store is; kv.FromSimple takes one with less. What a
// store cannot do is left out of the workload, and so are the rules about it. Every finding is made small,
// and is an error of the test that tells its story.
func Explore[S kv.Store](t T, store func(kvstore.BlockDevice) S, c kv.Sweep) {
	t.Helper()
	c.New = software(store)
	env := explore.Env{Software: c.New}
	s, err := kv.Cut(context.Background(), c, nil)
	if err != nil {
		t.Errorf("%v", err)
		return
	}
	dir := ""
	if a, ok := t.(interface{ ArtifactDir() string }); ok && len(s.Findings) > 0 {
		dir = filepath.Join(a.ArtifactDir(), "findings")
	}
	for i := range s.Findings {
		f := &s.Findings[i]
		f.Minimize(shrinkTries, env)
		var story strings.Builder
		if _, broken, err := f.ReplayIn(&story, env); err != nil || !broken {
			t.Errorf("%s: %d cuts break rule %d, but not when replayed (%v): is the store a function of its flash?", f.Symptom, f.Count, f.Symptom.Rule, err)
			continue
		}
		where := ""
		if dir != "" {
			where = "file     " + filepath.Join(dir, f.ID+".json") + "\n"
		}
		t.Errorf("%d cuts\n%s%s", f.Count, where, &story)
	}
	if dir != "" {
		if err := writeFindings(dir, s.Findings, env); err != nil {
			t.Errorf("%v", err)
		}
	}
}

// software is a function that makes a store, as the machine takes it.
func software[S kv.Store](store func(kvstore.BlockDevice) S) kv.Software {
	return func(dev kvstore.BlockDevice) kv.Store { return store(dev) }
}

// Replay runs the finding in file on a store of your own, which store makes, and tells w what happens. broken
// says whether the rule is broken again, in the same way.
func Replay[S kv.Store](file string, store func(kvstore.BlockDevice) S, w io.Writer) (broken bool, err error) {
	f, err := ReadFinding(file)
	if err != nil {
		return false, err
	}
	_, broken, err = f.ReplayIn(w, explore.Env{Software: software(store)})
	return broken, err
}
