// Package layout computes where everything lies on a device's flash (Layout) from the configuration files
// of its bootloader and its application, checks it, and draws it.
package layout
