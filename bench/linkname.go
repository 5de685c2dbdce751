package bench

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"dualbank/results"
	"dualbank/results/unit"
)

// knownLink is a link by name, in round figures: what a standard promises at best, and a round trip and
// a loss as one meets them. All are assumptions.
type knownLink struct {
	name      string
	bits      uint64
	roundTrip time.Duration
	loss      uint32 // of 1000
	from      string
}

var knownLinks = []knownLink{
	{"none", 1e12, 0, 0, "no link at all: what flash and processor need"},
	{"ethernet", 100e6, 30 * time.Millisecond, 0, "100BASE-TX and a server on the same continent"},
	{"wifi", 20e6, 40 * time.Millisecond, 2, "802.11n on a microcontroller's module, one access point"},
	{"lte-m", 300e3, 120 * time.Millisecond, 2, "Cat-M1, half duplex: 3GPP release 13 promises 300 kbit/s down"},
	{"802.15.4", 250e3, 80 * time.Millisecond, 5, "2.4 GHz: the radio's 250 kbit/s, one hop and a border router"},
	{"nb-iot", 26e3, 1500 * time.Millisecond, 10, "Cat-NB1: 3GPP release 13 promises 26 kbit/s down; round trips of 1.4 s to 10 s in coverage"},
}

// NamedLink is a link with the name that it has in reports.
type NamedLink struct {
	Name string // "" for the scenario's own
	Link
	From string // where it comes from
}

// Named reads a link by its name, or as bits a second, round trip and, if there is any, loss of 1000
// messages: "250k/80ms/5". What that does not say is as in l. Errors are one line.
func (l Link) Named(text string) (NamedLink, error) {
	var names []string
	for _, k := range knownLinks {
		if k.name == text {
			l.BitsPerSecond, l.RoundTrip, l.Loss = k.bits, Duration(k.roundTrip), k.loss
			return NamedLink{k.name, l, k.from}, nil
		}
		names = append(names, k.name)
	}
	bad := func(what string) (NamedLink, error) {
		return NamedLink{}, fmt.Errorf("link %q%s: give one of %s, or bits a second, round trip and losses of 1000, as in 250k/80ms/5", text, what, strings.Join(names, ", "))
	}
	parts := strings.Split(text, "/")
	if len(parts) < 2 || len(parts) > 3 {
		return bad(" is unknown")
	}
	bits, err := parseScaled(parts[0], 1e12, 1000)
	if err != nil || bits == 0 {
		return bad(": bits a second from 1 to 10^12 are wanted first")
	}
	l.BitsPerSecond = bits
	trip, err := time.ParseDuration(parts[1])
	if err != nil || trip < 0 || trip > time.Hour {
		return bad(": a round trip from 0s to 1h is wanted second")
	}
	l.RoundTrip, l.Loss = Duration(trip), 0
	if len(parts) == 3 {
		loss, err := strconv.ParseUint(parts[2], 10, 32)
		if err != nil || loss > 900 {
			return bad(": losses from 0 to 900 of 1000 are wanted third")
		}
		l.Loss = uint32(loss)
	}
	return NamedLink{strings.Join(parts, "-"), l, "as asked for"}, nil
}

// Source is the link as a fact of the model.
func (l *NamedLink) Source() results.Source {
	return results.Source{
		Fact:  "link " + l.Name,
		Value: fmt.Sprintf("%s bit/s, round trip %v, %d of 1000 messages lost", unit.Count(l.BitsPerSecond), time.Duration(l.RoundTrip), l.Loss),
		Mark:  "A", From: l.From,
	}
}

// parseScaled reads a whole number with a suffix k, M or G for powers of unit, up to most.
func parseScaled(text string, most, unit uint64) (uint64, error) {
	digits, scale := text, uint64(1)
	for _, suffix := range []string{"k", "M", "G"} {
		scale *= unit
		if d, ok := strings.CutSuffix(text, suffix); ok {
			digits = d
			break
		}
	}
	if digits == text {
		scale = 1
	}
	n, err := strconv.ParseUint(digits, 0, 64)
	if err != nil || n > math.MaxUint64/scale || n*scale > most {
		return 0, fmt.Errorf("%q is no number up to %d", text, most)
	}
	return n * scale, nil
}

// ParseSize reads a number of bytes: "100000", "64KiB", "64K", "1M".
func ParseSize(text string) (uint32, error) {
	short := strings.TrimSuffix(strings.TrimSuffix(text, "B"), "i")
	n, err := parseScaled(strings.Replace(short, "K", "k", 1), 1<<28, 1024)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("%q is no size of a firmware: give bytes, as in 100000, 64KiB or 1M, up to 256M", text)
	}
	return uint32(n), nil
}
