// Package edge looks at what lies at the edges, where no made workload and no random input comes by in time: a
// version of 2^32, a root of trust of 32 bytes, the last program unit of an area, the second of two cuts that have to
// hit just where reserved data is put back.
//
//  1. A Probe (probes.go) looks at one such edge of a KVStore (store.go, clearing.go, reserved.go) or of an update
//     (board.go, update.go), with the rules of that subject. It has trials, which are numbered from 0 on.
//  2. A Sweep runs all trials of a probe.
//  3. A finding's Case (case.go) is the number of a trial. A trial runs from nothing, so that it replays.
//
// What holds: a trial is a function of its number, of the profile and of the defects that are planted. What it expects
// is worked out here, from the documents of the formats, and not by the code under test.
package edge
