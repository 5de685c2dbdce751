// Package sut holds the software under test of the subject kv: a store at work on a flash, what it must hold,
// and the rules that it may break.
//
//  1. Software makes a Store on a device. Abilities finds out what it can do beside open, set, get, remove and
//     list. FromSimple makes a store of less, SecureStore one of more.
//  2. Run performs the operations of a script (Perform), boots (Reopen) and reads everything back (Look).
//  3. Expectation is what the store must hold: for each key one value, or after an unfinished operation the
//     old or the new one. Expect brings it to the moment after an operation.
//  4. What is wrong is a Violation with a typed symptom; rules.go has the rules and all the words.
//
// How a run is judged, after cuts or between operations or under attack, is up to package kv, which embeds
// Run. Known lists how the reference is known to break rules, for the guided search.
//
// What holds: nothing here draws from a source of randomness that it was not given; a run is a function of
// the cells that it begins on and of the script.
package sut
