//go:build gofuzz

package fuzz

// Fuzz and FuzzUpdate are what go-fuzz-build looks for (-func). The native engine's FuzzKV and
// FuzzUpdate have the same bodies.
func Fuzz(data []byte) int { return RunInput(data, true) }

// FuzzUpdate is the guided search of firmware updates.
func FuzzUpdate(data []byte) int { return RunUpdateInput(data, true) }
