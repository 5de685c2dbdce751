// Package layout computes where everything lies on a device's flash from the configuration files of its
// bootloader and its application, checks it, and draws it.
//
//  1. ReadSources, or the caller, provides the files: mbed_app.json of the bootloader, of the application, or
//     both, mbed_lib.json of libraries, and a targets.json.
//  2. parseFile reads each file's JSON5 into options, macros and target_overrides. findLabels collects the labels
//     whose overrides apply.
//  3. kind and pairUp decide which image an mbed_app.json belongs to. resolve applies libraries and the image's
//     file in Mbed's order, for "*", labels, parents and the target, and yields one value for each option and each
//     macro of the image.
//  4. Values are C integer expressions over macros; package cexpr computes them as the compiler would.
//  5. place applies Mbed's ROM parameters to each image, with the bootloader image if it is at hand. regions places
//     bootloader, header, application, KVStore and candidate storage, and fills in the boot.Config that bootloader
//     and update client are built with.
//  6. checks compares regions with each other, with erase units, program units and banks (Chip), and both
//     images' settings with each other. Each finding is a Problem: one line with file, place, key and remedy. An
//     error keeps the device from working; a warning does not; a note only informs.
//  7. The caller gets the Layout and all Problems at once. Draw writes the map of the flash as a table;
//     Option returns single settings.
//
// MCUboot is refused; the FOTA client is laid out only (Layout.FOTA). What is not known, such as the end of an
// application without a limit or the size of a bootloader image that is not at hand, never makes an error.
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
