//go:build race

package long

// raced reports whether the race detector is on.
const raced = true
