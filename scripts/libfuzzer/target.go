//go:build libfuzzer

// With the tag libfuzzer this is a C archive with the function that libFuzzer, AFL++ and honggfuzz call. Which target it is
// of is said when it is built, by -ldflags "-X main.target=FuzzKV": see .clusterfuzzlite/build.sh.
package main

/*
#include <stddef.h>
#include <stdint.h>
*/
import "C"

import (
	"runtime/debug"
	"unsafe"

	"dualbank/fuzz"
	"dualbank/fuzz/explore"
)

// target is the name of one of fuzz.Targets.
var target string

var body *explore.Target

func init() {
	debug.SetTraceback("crash") // a panic is an abort, which engines take for a crash
	var err error
	if body, err = fuzz.TargetByName(target); err != nil {
		panic(err)
	}
}

// LLVMFuzzerTestOneInput performs an input. What breaks a rule and has no known cause is a panic.
//
//export LLVMFuzzerTestOneInput
func LLVMFuzzerTestOneInput(data *C.uint8_t, size C.size_t) C.int {
	body.Run(C.GoBytes(unsafe.Pointer(data), C.int(size)), fuzz.News)
	return 0
}

func main() {}
