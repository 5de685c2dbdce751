// Package kvstore is the KVStore of Mbed OS: TDBStore, and what all stores have in common. On flash it is the same
// as the reference, byte for byte and operation for operation, known defects included. Traces recorded from the
// reference (testdata, TestReferenceTraces) check that.
//
// A key is stored in these steps:
//
//  1. The caller provides a BlockDevice (a simulation, or any flash), and opens a TDBStore on it. Open finds the
//     active one of two areas by the master records' versions, and scans its log into the RAM table.
//  2. Set, Remove or SetStart, SetAdd and SetFinalize append a record to the log: erase the units it needs,
//     program key and data, then the header with the CRC. The record is read back and entered into the
//     RAM table (tdbset.go, record.go).
//  3. If the area is full, collect copies the live records to the other area, writes its master record last, and
//     makes it the active one (collect.go).
//
// Package secure has SecureStore and the device key, package storage the partitions and their names. Both are built
// on this one, with the interface Store.
//
// Inspect and FindMasters show what a flash holds without changing it. Defects put defects of the reference's
// history back, for a harness to find.
//
// Invariants:
//
//   - After a power loss Open is called again. Nothing but the device's contents survives.
//   - A set that has returned success is found after any later power loss, except where the reference has a
//     known defect.
//   - Errors are the sentinels of this package, to be compared with errors.Is. A *FatalError is where the
//     reference halts the system.
//   - The stores know no clock and no random source. CPU is told of the processor's work, Entropy gives random
//     bytes.
//   - A store is used by one goroutine at a time.
package kvstore
