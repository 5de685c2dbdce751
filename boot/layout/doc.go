// Package layout computes where everything lies on a device's flash from the configuration files of its
// bootloader and its application, checks it, and draws it.
//
//  1. ReadSources, or the caller, provides the files: mbed_app.json of the bootloader, of the application, or
//     both, mbed_lib.json of libraries, and a targets.json.
//  2. parseFile reads each file's JSON, with comments, into options, macros and target_overrides.
//  3. kind decides which image an mbed_app.json belongs to. resolve applies libraries and the image's file
//     in Mbed's order, for "*", the target's parents and the target, and yields one value for each option
//     and each macro of the image.
//  4. Values are C integer expressions over macros; evaluate computes them as the compiler would.
//  5. regions places bootloader, header, application, KVStore and candidate storage, and fills in the
//     boot.Config that bootloader and update client are built with.
//  6. checks compares regions with each other, with erase units, program units and banks (Chip), and both
//     images' settings with each other. Each finding is a Problem: one line with file, place, key and remedy.
//  7. The caller gets the Layout and all Problems at once. Draw writes the map of the flash as a table;
//     Option returns single settings.
//
// The callers are the command layout and the packages bench, fuzz and inspect. ChipOf knows the flash of the
// targets that mbed-bootloader has configurations for.
//
// Invariants:
//
//   - New never panics and always returns, whatever the files hold. Without a Layout there is an error.
//   - Problems come in the order of the files and then of the flash, the same on each call.
//   - A Layout with errors among its Problems is good for drawing only.
package layout
