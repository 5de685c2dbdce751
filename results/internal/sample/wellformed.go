package sample

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"testing"
)

// WellFormed reads markup to its end as strict XML and gives the number of elements by name.
func WellFormed(t *testing.T, name string, markup []byte) map[string]int {
	t.Helper()
	seen := map[string]int{}
	dec := xml.NewDecoder(bytes.NewReader(markup))
	for {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return seen
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if e, ok := tok.(xml.StartElement); ok {
			seen[e.Name.Local]++
		}
	}
}
