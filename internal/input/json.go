package input

import "fmt"

// Values checks, before a JSON text is decoded, that it has no more than so many objects and values: one of two bytes
// can become hundreds in memory. It counts brackets and commas outside of strings, and does not check the syntax.
func Values(text []byte, mostObjects, mostValues int) error {
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
