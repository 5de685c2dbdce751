package fleet

import "time"

// Hurry makes a piece of a worker that is silent go to another one after this time, for tests.
func Hurry(after time.Duration) { ackWait = after }
