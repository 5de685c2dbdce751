package native

import "time"

// Tests wait for blocked programs several times.
func init() { blockedAfter = 4 * time.Second }
