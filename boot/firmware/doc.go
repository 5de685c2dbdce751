// Package firmware reads firmware images (ELF, Intel HEX, plain binary) and makes and applies deltas
// between two of them.
package firmware
