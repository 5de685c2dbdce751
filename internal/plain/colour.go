package plain

import (
	"io"
	"os"
	"regexp"
	"strings"

	"golang.org/x/term"
)

// Coloured reports whether severities have colours where a command writes: on a terminal, unless NO_COLOR is set to
// something (https://no-color.org) or TERM says that the terminal knows none. getenv is os.Getenv.
func Coloured(terminal bool, getenv func(string) string) bool {
	return terminal && getenv("NO_COLOR") == "" && getenv("TERM") != "dumb"
}

// IsTerminal reports whether w is a terminal.
func IsTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// Colours, as a terminal takes them.
const (
	red    = "\x1b[31m"
	yellow = "\x1b[33m"
	blue   = "\x1b[36m"
	green  = "\x1b[32m"
	ends   = "\x1b[0m"
)

// colourOf says which words of a line say how bad something is. The first group of each has the colour of its first word.
var colourOf = struct {
	words    map[string]string
	patterns []*regexp.Regexp
}{
	map[string]string{
		"high": red, "failed": red, "FAIL": red, "damaged": red, "is broken": red, "(!)": red,
		"medium": yellow, "warning": yellow, "new": yellow,
		"low": blue, "note": blue, "changed": blue,
		"ok": green, "nothing is damaged": green, "no rule is broken": green,
	},
	[]*regexp.Regexp{
		regexp.MustCompile(`^(high|medium|low|ok|failed|FAIL|damaged|changed|warning|note)(?::|  )`), // begins a line
		regexp.MustCompile(`^(new)  `),
		regexp.MustCompile(`\d (high|medium|low)(?:,|;|$)`),    // 5 high, 10 medium
		regexp.MustCompile(`rule \d+, (high|medium|low): `),    // of one finding
		regexp.MustCompile(`^dualbank: .*?(warning|note): `),   // of a configuration file
		regexp.MustCompile(`^(nothing is damaged)$`),           // of a dump
		regexp.MustCompile(`^outcome  (no rule is broken)$`),   // of a replay
		regexp.MustCompile(`^outcome  rule \d+ (is broken): `), // likewise
		regexp.MustCompile(`(\(!\))`),                          // of a check of the model
	},
}

// Highlight gives the words of a line that say how bad something is their colours.
func Highlight(line string) string {
	for _, p := range colourOf.patterns {
		var b strings.Builder
		last := 0
		for _, at := range p.FindAllStringSubmatchIndex(line, -1) {
			word := line[at[2]:at[3]]
			b.WriteString(line[last:at[2]] + colourOf.words[word] + word + ends)
			last = at[3]
		}
		line = b.String() + line[last:]
	}
	return line
}
