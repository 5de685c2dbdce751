package input

import "fmt"

// Bounds of a JSON text. A value of one or two bytes can become hundreds in memory.
const (
	mostObjects = 200_000
	mostValues  = 4_000_000
)

// Values checks, before a JSON text is decoded, that it has no more objects and values than any file of ours. It
// counts brackets and commas outside of strings, and does not check the syntax.
func Values(text []byte) error {
	objects, values, quoted := 0, 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{':
			objects++
			values++
		case c == '[' || c == ',':
			values++
		}
	}
	switch {
	case objects > mostObjects:
		return fmt.Errorf("more than %d objects", mostObjects)
	case values > mostValues:
		return fmt.Errorf("more than %d values", mostValues)
	}
	return nil
}
