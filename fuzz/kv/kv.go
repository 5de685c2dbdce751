// Package kv is the subject of key-value stores: what TDBStore, a SecureStore, or a store of your own makes of
// power cuts, device errors, attacks, watchdogs, and of plain use.
//
// The ways to judge a store, each with its sweep and its replay:
//
//	Cut        (cut.go, recovery.go) the workload is recorded once; package explore cuts the power at its
//	           steps, and a recovery opens the store, reads it, uses it and cuts it again
//	Live       (live.go, checks.go) no fault: what fails although nothing is wrong, what a second store finds
//	           on the same flash, and the checks
//	Fail       (deviceerror.go) a step reports an error, and the power stays on
//	Attack     (attack.go) a SecureStore whose external flash is changed record by record
//	Watched    (watchdog.go) a watchdog resets the device in the middle of what takes too long
//	Target and SecureTarget (input.go, walk.go, securewalk.go) the guided search: faults and attacks
//	           anywhere in a run
//
// How they fit together:
//
//  1. A Sweep says which store does what on which device.
//  2. Package script holds operations, faults and attacks as data. Package sut holds the store at work, what
//     it must hold, the rules and their words. Both know nothing of sweeps.
//  3. A sweep's findings hold a Case: device, software, how it is judged, and a script. Case.Replay runs it
//     from an erased device; Case.Shrink offers simpler ones.
//
// What holds: a result is a function of the sweep, whatever the number of workers. A store is asked for no
// more than its abilities (Store), and rules about what it cannot do are left out. A replay uses the store
// itself, not the recording.
package kv

import (
	"dualbank/fuzz/kv/sut"
	"dualbank/kvstore"
)

// The software under test: see package sut.
type (
	Store    = sut.Store
	Software = sut.Software
	Simple   = sut.Simple
)

// FromSimple is the software that a simple store is: one without flags, offsets and iterators.
func FromSimple[S Simple](make func(dev kvstore.BlockDevice) S) Software { return sut.FromSimple(make) }
