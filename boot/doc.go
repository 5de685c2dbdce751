// Package boot is the way of a firmware update through a device with Mbed OS: where everything lies on
// the flash (Layout), the update client that downloads and stores a candidate (Updater, Client,
// BlockClient), and mbed-bootloader, which installs it (Bootloader). What client and bootloader do on
// the flash is what Arm's do, step for step; TestReferenceTraces replays what was recorded from them.
//
// It knows nothing of the simulation: Flash, BlockDevice and CPU are what it needs of a device.
package boot
