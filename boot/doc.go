// Package boot is the device's side of a firmware update with Mbed OS: the update client that downloads
// and stores a candidate (Updater, Client, BlockClient), and mbed-bootloader, which installs it
// (Bootloader). What client and bootloader do on the flash is what Arm's do, step for step;
// TestReferenceTraces replays what was recorded from them. Where everything lies on the flash is computed
// from configuration files by package layout; package firmware reads and packs images.
//
// It knows nothing of the simulation: Flash, BlockDevice and CPU are what it needs of a device.
package boot
