// Package script holds runs of a key-value store as data: operations, faults and attacks, and nothing that
// performs them.
//
// A Step is one operation with the faults that hit it, or an attack on the flash. Steps come from three
// sources:
//
//  1. made workloads: Workload, and the shapes Uniform, Brim, Edge, Secure and Attacked, which bring about
//     what stores get wrong;
//  2. the guided search: Decode and DecodeSecure read any bytes as a run;
//  3. the file of a finding, which people read and edit.
//
// A step is one line of text there, and MarshalText and UnmarshalText go both ways:
//
//	set "k00", 16 bytes, seed 7; torn at step 12, seed 3; then before at step 2
//
// The first fault hits the operation, those that follow hit the boots after it. A value is told by its
// size and the seed of its bytes, so that a script stays readable and a run repeats.
//
// Package kv performs scripts. This package imports neither it nor a store's code beyond the names of
// flags and of a layout.
package script
