// Package native runs code under test in processes of their own: stores and loaders in C, C++ or any language
// that speaks the protocol of docs/native.md. The header that they include is embedded (Header).
//
// A Program is code under test. Program.Store makes a store of it on a region of the flash model, and the store is
// used as one in this process is:
//
//  1. A call becomes an item: the pages of the flash that differ from what a process has, and the calls to make.
//     Items of all stores that wait at the same time go to a process as one batch (pool, child).
//  2. The process makes the calls on its copy of the cells and logs what it programs and erases. What it does not
//     know it asks for: scarred cells, what the part refuses (store.serve).
//  3. The log is performed on the model before the call returns. There the power may be cut: the store is then
//     down until its next Open, which is a boot on whatever cells are left.
//  4. Calls that are foreseen (Foresee, or those that followed the last boot) run in the same item. Their
//     outcomes wait until they are asked for. Where something else is asked for, or another store has used
//     the process, the calls since the boot are repeated first, with the same answers to their requests.
//  5. A crash, an endless loop, a wait or a lie ends the item. It is repeated in a fresh process before it is
//     believed, and is an error of the call (Crash).
//
// Invariants:
//
//   - What a store does is a function of the cells at its boot and of its calls, whichever process runs them and
//     whatever else is in the batch.
//   - Steps, cuts, wear and time are the model's. The process never sees a cut.
//   - A reading of undecided cells depends on the number of reads since the boot, as in this process.
//   - Nothing is started that the caller did not name; all processes end with this one.
//   - The wall clock ends a program that is blocked, and reaches no other result.
package native
