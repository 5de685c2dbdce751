// Package explore cuts the power at every step of a run and has what is left judged. It knows flash,
// runs and findings, and no store, no bootloader and no configuration: those are subjects, each in a
// package of its own beside this one.
//
// The way of a sweep:
//
//  1. A subject performs its run once, undisturbed, on a Device. A Recording keeps what reached the
//     flash: the cells before, and every program and erase with the operation that it belongs to.
//  2. The subject makes a Plan: the recording, the steps to cut, the modes in which an interrupted
//     step may leave its cells, and a function that makes a Runner.
//  3. Plan.Run divides the steps into chunks. A worker restores the cells before a chunk, and at each
//     step forks them, leaves the step as the mode says, powers up, and asks the Runner what is
//     broken. Then it rolls the fork back. So a cut costs a recovery and a judgement, and not the
//     history before it. Equal cells under the same operation are judged once.
//  4. Each Violation has a typed Symptom and a Place. Groups puts those of one symptom and place
//     together; Groups.Findings makes a Finding of each, with a Case that runs again from nothing.
//  5. Finding.Replay runs the case. Finding.Minimize offers it simpler cases and keeps those that
//     still show the same. A finding's file is JSON; the case stands under the name that its subject
//     registered.
//
// The guided search (Guided) goes another way to the same findings: a Target reads any string of bytes
// as a run with faults; the search changes bytes and keeps those that bring the software to a place
// where none before has been. Islands search on their own for a round; then what they have found is put together, by
// island and in the order of discovery, into the Pool that the next round begins with. An island in a round is a chunk.
//
// What holds: results are a function of the plan, whatever the number of workers. A journal keeps whole
// chunks, so that a sweep that was stopped or killed resumes and ends with the same result. Words are
// for people: nothing here decides by what a sentence says.
package explore
