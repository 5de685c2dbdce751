// Package firmware reads firmware images and makes and applies deltas between two of them.
//
//  1. Read takes a firmware file as a build leaves it (ELF, Intel HEX, plain binary) and the region of the
//     active application, and returns the bytes that an update installs at the region's start.
//  2. ParseHex and WriteHex convert between Intel HEX and segments; other packages use them for whole flash
//     contents.
//  3. MakeDelta, on the server's side, describes a new image as its difference against the image that the
//     device runs.
//  4. Patch, on the device's side, applies a delta while it is being downloaded. It reads the old image and
//     hands out the new one in pieces, in DeltaRAM bytes of memory.
//
// The callers are package bench and the commands, for files, and package boot, whose Updater feeds a Patch.
//
// Invariants:
//
//   - Segments are ascending and disjoint, and end at 1<<32 at most.
//   - A file that cannot be used is refused with one line that says what lies where and what to do.
//   - MakeDelta is deterministic. Applying its result to the same base gives the new image, byte for byte.
//   - A damaged delta, or one for another base, ends with ErrDelta or ErrDeltaBase. A Patch never reads past
//     the base's end nor makes more bytes than the delta's header says.
package firmware
