// Package layout is the subject for configurations: the files of a bootloader and of an application, from
// which boot/layout computes where everything lies. A layout that it calls right must work.
//
// The way of a configuration:
//
//  1. The guided search (Target) reads any bytes as a flash and configuration files for it: right ones, such
//     with wrong numbers, and such whose text was changed.
//  2. A Case holds the configuration itself: the flash, the files line by line, and the numbers that each
//     file says. It is what a finding's file holds, and people can edit it.
//  3. trial computes the layout twice, and compares it with the numbers that the files say and with the
//     flash's sectors.
//  4. Where the flash is small, it makes a device of a layout without errors: a KVStore is opened and written
//     in its region, an update is downloaded and installed (update.Once), and the KVStore must still have its
//     values. All the while every write must lie in a region of whoever writes.
//
// What holds: the judgement is a function of the case. Case.Shrink leaves out lines of the files and makes
// numbers smaller; the numbers that a file says are forgotten as soon as its text changes. The files of this
// package refer to each other one way, and no file of the host is read.
package layout
