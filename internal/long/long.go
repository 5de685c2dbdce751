// Package long keeps the tests that take long out of the default set.
//
//  1. A test that takes long and covers code that shorter tests cover too calls Test first.
//  2. `make test` runs the default set: such tests are skipped, and property tests make fewer checks.
//  3. `make test LONG=1`, and .ci/run, run the tests once more, without the race detector, and with DUALBANK_LONG set:
//     every test runs.
//
// Only tests import this package.
package long

import (
	"os"
	"testing"
)

// Enabled reports whether DUALBANK_LONG is set.
func Enabled() bool { return os.Getenv("DUALBANK_LONG") != "" }

// Test skips t unless DUALBANK_LONG is set.
func Test(t testing.TB) {
	t.Helper()
	if !Enabled() {
		t.Skip("takes long: make test LONG=1 runs it")
	}
}
