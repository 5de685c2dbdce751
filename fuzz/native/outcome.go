package native

import (
	"fmt"
	"strings"
	"syscall"

	"dualbank/kvstore"
)

// How an item ends.
const (
	endOK      = 0
	endStopped = 1
	endSignal  = 2
	endStack   = 3
	endHalt    = 4
	endBudget  = 5
	endTime    = 6
	endHeap    = 7
	endExit    = 8

	// What the harness sees when the program itself says nothing.
	endGone    = 100 // it has ended
	endBlocked = 101 // it waits, and uses no CPU time
	endLies    = 102 // it breaks the protocol
	endLeak    = 103 // it crashes in a process that ran other items before, and not in a fresh one
)

// Crash is code under test that did not return: a signal, an endless loop, an assertion. Its text is the same for
// equal causes.
type Crash struct {
	What string // "crashes: SIGSEGV, null pointer"
	Log  string // what the program wrote, a sanitizer's report for example
}

// Error is what happened, and what a sanitizer has to say about it.
func (c *Crash) Error() string {
	s := "the code under test " + c.What
	if _, report, ok := strings.Cut(c.Log, "Sanitizer: "); ok {
		report, _, _ = strings.Cut(report, "\n\n")
		s += "; it wrote: " + strings.Join(strings.Fields(report[:min(len(report), 600)]), " ")
	}
	return s
}

// Unwrap gives the crash the name of an error of the API: how it happened, without what differs from run to run.
func (c *Crash) Unwrap() error { return &kvstore.Error{Name: "the code under test " + c.What} }

func crashOf(end, code int, text, log string) *Crash {
	c := &Crash{Log: log}
	switch end {
	case endSignal:
		c.What = "crashes: " + signalName(code)
		if text != "" {
			c.What += ", " + text
		}
	case endStack:
		c.What = "overflows its stack"
	case endHalt:
		c.What = "halts: " + text
	case endBudget:
		c.What = "does not end: too many flash operations in one call"
	case endTime:
		c.What = "does not end: too much CPU time in one call"
	case endHeap:
		c.What = "misuses the heap: " + text
	case endExit:
		c.What = "exits"
		if s := sanitized(log); s != "" {
			c.What = "is stopped by a sanitizer: " + s
		}
	case endGone:
		c.What = "ends its process"
		if s := sanitized(log); s != "" {
			c.What = "is stopped by a sanitizer: " + s
		}
	case endBlocked:
		c.What = "is blocked: it waits without using CPU time"
	case endLeak:
		c.What = "keeps state over a boot: it " + text + ", but not in a fresh process"
	default:
		c.What = "breaks the protocol: " + text
	}
	return c
}

var signalNames = map[int]string{
	int(syscall.SIGSEGV): "SIGSEGV", int(syscall.SIGBUS): "SIGBUS", int(syscall.SIGFPE): "SIGFPE", int(syscall.SIGILL): "SIGILL",
	int(syscall.SIGABRT): "SIGABRT", int(syscall.SIGTRAP): "SIGTRAP", int(syscall.SIGKILL): "SIGKILL",
}

func signalName(n int) string {
	if s := signalNames[n]; s != "" {
		return s
	}
	return fmt.Sprintf("signal %d", n)
}

// statuses are the errors that the header has names for.
var statuses = map[int32]error{
	-1: kvstore.ErrItemNotFound,
	-2: kvstore.ErrMediaFull,
	-3: kvstore.ErrInvalidArgument,
	-4: kvstore.ErrInvalidData,
	-5: kvstore.ErrReadFailed,
	-6: kvstore.ErrWriteFailed,
	-7: kvstore.ErrWriteProtected,
	-8: errUnsupported,
}

var errUnsupported = fmt.Errorf("the code under test has no such function")

// statusError is what a number returned by the code under test means.
func statusError(n int32) error {
	if n == 0 {
		return nil
	}
	if err := statuses[n]; err != nil {
		return err
	}
	return fmt.Errorf("error %d", n)
}

// sanitized is the kind of error that a sanitizer's report names; "" if log is none.
func sanitized(log string) string {
	if _, s, ok := strings.Cut(log, "Sanitizer: "); ok {
		s, _, _ = strings.Cut(s, " on ")
		s, _, _ = strings.Cut(s, "\n")
		s, _, _ = strings.Cut(s, " (")
		return s
	}
	if _, s, ok := strings.Cut(log, "runtime error: "); ok {
		s, _, _ = strings.Cut(s, "\n")
		return s
	}
	return ""
}
