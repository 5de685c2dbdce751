// Package browser drives a headless Chromium in tests of pages.
//
//  1. A test with the build tag browser calls Start, sets size and colours, and opens an address.
//  2. Eval runs JavaScript in the page. Complaints and Faults list what is wrong with it.
//  3. With -shots=DIR, Keep leaves pictures to be looked at.
//
// All but this comment is built with the tag browser alone. .ci/run installs Debian's Chromium and runs these tests.
package browser
