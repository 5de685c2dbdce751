// Package export writes the records of a run in the formats of other tools.
//
//  1. Commands run, crash and report call it for their flags, with a results.Report that results.Check accepts.
//  2. Trace writes the update over time and garbage collections as a Chrome trace, which Perfetto and chrome://tracing
//     show (trace.go). VCD writes the same as a value change dump, which wave viewers such as GTKWave show (vcd.go).
//  3. JUnit writes a test case for each rule, with the findings that break it as failures, for CI servers (junit.go).
//     SARIF writes the findings as static-analysis results, for code hosts (sarif.go).
//
// Invariants: the same report gives the same bytes; times are those of the records, in the unit of the format; every
// string is escaped; an error is the writer's.
package export
