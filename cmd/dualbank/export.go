package main

import (
	"bytes"
	"encoding/json"
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

// jsonFlag is of a command that prints a result. Names of fields stay: docs/json.md lists them.
type jsonFlag struct {
	JSON bool `name:"json" without:"print,verbose,detach,as-test,template,all" help:"Print the result as JSON."`
}

// printJSON writes a result for another program.
func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	return enc.Encode(v)
}

// campaignJSON is what crash prints.
type campaignJSON struct {
	Folder   string `json:"folder"`   // of the results
	Complete bool   `json:"complete"` // false: stopped before the end
	Cuts     uint64 `json:"cuts"`
	Judged   uint64 `json:"judged"`
	Equal    uint64 `json:"equal"`  // to one that was judged
	Second   uint64 `json:"second"` // cuts of a recovery
	page.Brief
	New []string `json:"new"` // IDs of findings that --known does not list
}

// replayJSON is what replay prints.
type replayJSON struct {
	Finding string          `json:"finding"` // ID
	Subject string          `json:"subject"`
	Rule    int             `json:"rule"`
	Broken  bool            `json:"broken"` // again, in the same way
	Outcome []violationJSON `json:"outcome"`
	Story   string          `json:"story"` // what happened, for people
}

type violationJSON struct {
	Rule     int    `json:"rule"`
	Symptom  string `json:"symptom"`
	Expected string `json:"expected"`
	Seen     string `json:"seen"`
}

// minimizeJSON is what minimize prints.
type minimizeJSON struct {
	Finding string `json:"finding"` // file
	Steps   int    `json:"steps"`
	Before  int    `json:"before"` // steps
	Replays int    `json:"replays"`
}

// layoutJSON is what layout prints.
type layoutJSON struct {
	Target   string        `json:"target"`
	Flash    flashJSON     `json:"flash"`
	Regions  []regionJSON  `json:"regions"`
	Slots    []regionJSON  `json:"slots"` // of candidates on the internal flash
	Notes    []string      `json:"notes"`
	Swapped  []regionJSON  `json:"swapped,omitempty"` // regions with --strategy swap
	Problems []problemJSON `json:"problems"`
}

type flashJSON struct {
	Name  string   `json:"name"`
	Start uint32   `json:"start"`
	Bytes uint32   `json:"bytes"`
	Unit  uint32   `json:"unit"`  // bytes programmed at once
	Banks []uint32 `json:"banks"` // addresses
}

type regionJSON struct {
	Name  string `json:"name"`
	Start uint32 `json:"start"`
	Bytes uint32 `json:"bytes"`
}

type problemJSON struct {
	Severity string `json:"severity"` // "error", "warning" or "note"
	File     string `json:"file,omitempty"`
	Line     int    `json:"line,omitempty"`
	Column   int    `json:"column,omitempty"`
	Key      string `json:"key,omitempty"`
	Text     string `json:"text"`
	Remedy   string `json:"remedy,omitempty"`
}

// nativeJSON is what native check prints.
type nativeJSON struct {
	Sound bool     `json:"sound"`
	Lines []string `json:"lines"` // what was found, for people
}

// partsJSON is what parts prints: a list, one of it, or the checks of the model.
type partsJSON struct {
	Data   []dataJSON  `json:"data"`
	Checks []checkJSON `json:"checks,omitempty"`
}

type dataJSON struct {
	Kind  string           `json:"kind"`
	Name  string           `json:"name"`
	Title string           `json:"title"`
	Facts []results.Source `json:"facts,omitempty"` // of one that is named
	Hints []string         `json:"hints,omitempty"` // what will not work with it
}

type checkJSON struct {
	Name      string   `json:"name"`
	Part      string   `json:"part"`
	Unit      string   `json:"unit"`
	Model     float64  `json:"model"`
	Low       *float64 `json:"low"` // null: the known figure is an upper bound
	High      *float64 `json:"high"`
	Tolerance float64  `json:"tolerance"` // share by which the model may be off
	OK        bool     `json:"ok"`
	Mark      string   `json:"mark"`
	From      string   `json:"from"`
	Note      string   `json:"note,omitempty"`
}

// versionJSON is what version prints.
type versionJSON struct {
	Version string `json:"version"` // in words
	Sources string `json:"sources"` // digest of those that decide on results
}

// exportFlags name files for other tools.
type exportFlags struct {
	TraceOut string `without:"print" placeholder:"FILE" help:"Write the update and garbage collections over time as a Chrome trace, for Perfetto."`
	VCDOut   string `without:"print" name:"vcd-out" placeholder:"FILE" help:"Write the same as a value change dump, for wave viewers."`
	findingFlags
}

// findingFlags are those of a command that has findings alone.
type findingFlags struct {
	JUnitOut string `without:"print" name:"junit-out" placeholder:"FILE" help:"Write the causes of findings as a JUnit report, for CI servers."`
	SARIFOut string `without:"print" name:"sarif-out" placeholder:"FILE" help:"Write the causes of findings as SARIF 2.1.0, for code hosts."`
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
