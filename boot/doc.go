// Package boot is the device's side of a firmware update with Mbed OS: the update client, which downloads
// a candidate and stores it in a slot, and mbed-bootloader, which installs it. Both perform the same flash
// operations as Arm's code, in the same order; TestReferenceTraces replays traces recorded from it.
//
// An update runs in these steps:
//
//  1. Package layout, or a test, provides a Config: where header, application and candidate storage lie.
//     Slots divides the storage into slots on erase boundaries.
//  2. A server offers a Campaign: version, size and hash, the firmware, and perhaps a delta against the
//     image that the device runs (package firmware).
//  3. Updater.Run picks the slot with the oldest candidate, erases it (Storage.Prepare), downloads blocks
//     over a Link, and writes fragments (Storage.Write). With a Journal, an interrupted download resumes.
//  4. Updater hashes what was stored and activates it (Storage.Activate): Client programs the internal
//     header of HeaderSize bytes. BlockClient does the same on a block device, with the external header,
//     which is signed with the device's key.
//  5. The device resets. Bootloader.Boot verifies the active image, counts boots of an image that keeps
//     failing, verifies newer candidates, installs the best one and jumps, or halts.
//
// Flash, BlockDevice and CPU are declared here and implemented by the caller: the package knows nothing of
// a simulation. CPU and the Enter callbacks put the processor's work and the phases on the caller's clock.
//
// Invariants:
//
//   - An operation ends at its first error. After ErrPowerCut or ErrFault it touches the flash no more.
//   - Client and Bootloader hold only what the device's RAM holds; Reset and Boot start it afresh.
//   - Bootloader.Boot allocates nothing.
//   - Nothing here reads a clock or a random source; losses of a Link follow from its seed.
package boot
