// Package update is the subject for firmware updates: an update client and a bootloader, which together must
// never leave a device without an application that runs. Package explore drives it.
//
// A run is a script: a Step is a download of a candidate or a reset, with the power cuts that hit it. A
// finding's file holds it as text, one line a step:
//
//	download version 2, 900 bytes, seed 1, to slot 0; torn in write at step 12, seed 7
//	reset POWER_ON, RAM seed 4; before at step 2
//
// The way of a script:
//
//  1. A Sweep, a LifeSweep or a Watched says on which device, with which configuration and which Software.
//     The software is an update client and a bootloader of this module, or yours: Client and Loader are
//     what is asked of them.
//  2. A setup puts the first image on the flash, and fills everything that no update may touch.
//  3. A run performs the steps of a script and looks at what runs afterwards, byte by byte.
//  4. The ways of judging embed the run, each in a file of its own: recovery and Cut for a power cut at
//     every step of one update, life and Lives for devices that live without a cut, walk for the guided
//     search (Target), watched for an install under a watchdog.
//  5. What breaks a rule becomes a Case, which replays from an erased device, and which Shrink makes smaller.
//
// Once performs one whole update on a flash that holds other things too, for subjects that try those.
//
// What holds: all results are functions of their arguments. Images, the rest of the flash, and what a power
// cycle leaves in RAM follow from seeds that the script names. Only rules.go has the words for symptoms and
// places, and no code decides by them. The files of this package refer to each other one way.
package update
