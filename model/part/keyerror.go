package part

import "fmt"

// keyError is a value that cannot be: at which key of a data file, and why. The key counts tables of
// an array from 0: "erase[2].typ".
type keyError struct {
	key string
	msg string
}

func (e *keyError) Error() string { return e.key + ": " + e.msg }

func badKey(key, format string, args ...any) error {
	return &keyError{key, fmt.Sprintf(format, args...)}
}
