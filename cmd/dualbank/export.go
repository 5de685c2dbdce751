package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"dualbank/internal/outdir"
	"dualbank/results"
	"dualbank/results/export"
	"dualbank/results/page"
)

// exportFlags name files for other tools.
type exportFlags struct {
	TraceOut string `without:"print" placeholder:"FILE" help:"Write the update and garbage collections over time as a Chrome trace, for Perfetto."`
	VCDOut   string `without:"print" name:"vcd-out" placeholder:"FILE" help:"Write the same as a value change dump, for wave viewers."`
	findingFlags
}

// findingFlags are those of a command that has findings alone.
type findingFlags struct {
	JUnitOut string `without:"print" name:"junit-out" placeholder:"FILE" help:"Write the findings as a JUnit report, for CI servers."`
	SARIFOut string `without:"print" name:"sarif-out" placeholder:"FILE" help:"Write the findings as SARIF 2.1.0, for code hosts."`
}

// exported is a file for another tool. Files of its format begin with begins: no other file is written over.
type exported struct {
	flag, path, begins string
	write              func(io.Writer, *results.Report) error
}

func (f *exportFlags) files() []exported {
	return append([]exported{
		{"--trace-out", f.TraceOut, `{"displayTimeUnit":"ms","traceEvents":`, export.Trace},
		{"--vcd-out", f.VCDOut, "$version dualbank $end", export.VCD},
	}, f.findingFlags.files()...)
}

func (f *findingFlags) files() []exported {
	return []exported{
		{"--junit-out", f.JUnitOut, `<?xml version="1.0" encoding="UTF-8"?>` + "\n<testsuites", export.JUnit},
		{"--sarif-out", f.SARIFOut, "{\n \"$schema\": \"https://json.schemastore.org/sarif-2.1.0.json\"", export.SARIF},
	}
}

// exportable refuses, before the work, files that must not be written over.
func exportable(files []exported) error {
	seen := map[string]string{}
	for _, e := range files {
		if e.path == "" {
			continue
		}
		if other, ok := seen[filepath.Clean(e.path)]; ok {
			return badInput(fmt.Errorf("%s: %s is the file of %s: give another name", e.flag, e.path, other))
		}
		seen[filepath.Clean(e.path)] = e.flag
		if st, err := os.Stat(filepath.Dir(e.path)); err != nil || !st.IsDir() {
			return badInput(fmt.Errorf("%s: %s is no folder: make it first", e.flag, filepath.Dir(e.path)))
		}
		st, err := os.Lstat(e.path)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil || !st.Mode().IsRegular() {
			return badInput(fmt.Errorf("%s: %s is no regular file and is not written over: give another name", e.flag, e.path))
		}
		begins := make([]byte, len(e.begins))
		file, err := os.Open(e.path)
		if err == nil {
			_, err = io.ReadFull(file, begins)
			file.Close()
		}
		if err != nil || string(begins) != e.begins {
			return badInput(fmt.Errorf("%s: %s is not a file that dualbank wrote with this flag: remove it, or give another name", e.flag, e.path))
		}
	}
	return nil
}

// exportAll writes the files, and the summary of the CI job that GITHUB_STEP_SUMMARY names.
func exportAll(files []exported, r *results.Report) error {
	for _, e := range files {
		if e.path == "" {
			continue
		}
		var b bytes.Buffer
		if err := e.write(&b, r); err != nil {
			return err
		}
		if err := outdir.Replace(e.path, b.Bytes()); err != nil {
			return badInput(fmt.Errorf("%s: %w", e.flag, err))
		}
	}
	return stepSummary(r)
}

// stepSummary appends to the summary of a job on GitHub, as its steps are meant to.
func stepSummary(r *results.Report) error {
	name := os.Getenv("GITHUB_STEP_SUMMARY")
	if name == "" {
		return nil
	}
	file, err := os.OpenFile(name, os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0o666)
	if err != nil {
		return fmt.Errorf("GITHUB_STEP_SUMMARY: %w", err)
	}
	return errors.Join(page.WriteMarkdown(file, r), file.Close())
}
