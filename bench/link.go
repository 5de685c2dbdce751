package bench

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"dualbank/boot"
	"dualbank/results"
	"dualbank/results/unit"
)

// Link is the [update.link] section: CoAP blockwise transfer (RFC 7959), one block after the other, with
// confirmable messages that are repeated as in RFC 7252.
type Link struct {
	BitsPerSecond uint64   `toml:"bits_per_second" comment:"Bandwidth, the same in both directions."`
	RoundTrip     Duration `toml:"round_trip" comment:"From a request's last bit to the answer's first one."`
	Loss          uint32   `toml:"loss_permille" comment:"Messages lost, of 1000."`
	Block         uint32   `toml:"block" comment:"Bytes of firmware in one answer, a power of two from 16 to 1024."`
	Overhead      uint32   `toml:"overhead" comment:"Bytes around them, and in a request: IP, UDP, DTLS, CoAP."`
	Timeout       Duration `toml:"timeout" comment:"ACK_TIMEOUT of RFC 7252; drawn up to half as long again, doubled at each repetition."`
	Repeats       uint32   `toml:"repeats" comment:"MAX_RETRANSMIT of RFC 7252."`
	Resume        Duration `toml:"resume" comment:"Pause until the client tries again after it gave up on a block."`
}

// boot returns the link as package boot models it. There an exchange is one unit: it is lost if its request or its
// answer is, and has the overhead of both. Losses are drawn from seed.
func (l *Link) boot(seed uint64) boot.Link {
	b := boot.Link{
		BitsPerSecond: l.BitsPerSecond,
		RoundTrip:     time.Duration(l.RoundTrip),
		LossPPM:       l.Loss * (2000 - l.Loss), // 1 - (1 - p)^2, exactly
		Block:         l.Block,
		Overhead:      2 * l.Overhead,
		Timeout:       max(time.Duration(l.Timeout), 1),
		Retransmits:   int(l.Repeats),
		Seed:          seed,
	}
	if b.Retransmits == 0 {
		b.Retransmits = -1
	}
	return b
}

// knownLink is a link with a name. The figures are round and assumed: the best bandwidth of the standard, a usual
// round trip, a usual loss.
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

// NamedLink is a link with its name in reports.
type NamedLink struct {
	Name string // "": the scenario's own link
	Link
	From string // source of its figures
}

// Named returns the link that text names, or describes by bits a second, round trip and optionally lost messages of
// 1000, as in "250k/80ms/5". All other settings are those of l. Errors are one line.
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

// Source returns the link as a fact that a run depends on.
func (l *NamedLink) Source() results.Source {
	return results.Source{
		Fact:  "link " + l.Name,
		Value: fmt.Sprintf("%s bit/s, round trip %v, %d of 1000 messages lost", unit.Count(l.BitsPerSecond), time.Duration(l.RoundTrip), l.Loss),
		Mark:  "A", From: l.From,
	}
}

// parseScaled reads an integer up to most, with an optional suffix k, M or G for powers of unit.
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

// ParseSize reads a size, 1 byte to 4 GiB less one byte: "100000", "64KiB", "64K", "1M", "0x20000".
func ParseSize(text string) (uint32, error) {
	short := text
	if !strings.HasPrefix(text, "0x") {
		// KiB and KB are K, B alone is nothing.
		for _, end := range []string{"iB", "B"} {
			if d, ok := strings.CutSuffix(text, end); ok && (end == "B" || strings.ContainsAny(d, "kKMG")) {
				short = d
				break
			}
		}
	}
	n, err := parseScaled(strings.Replace(short, "K", "k", 1), math.MaxUint32, 1024)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("%q is no size: give bytes, as in 600, 64K, 64KiB, 1M or 0x20000", text)
	}
	return uint32(n), nil
}
