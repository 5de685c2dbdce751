//go:build gofuzz

package fuzz

// Fuzz is what go-fuzz-build looks for. The native engine's FuzzKV has the same body.
func Fuzz(data []byte) int { return RunInput(data, true) }
