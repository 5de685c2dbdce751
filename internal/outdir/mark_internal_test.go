package outdir

import (
	"bytes"
	"strings"
	"testing"
)

// FuzzMark: any text is a mark or an error of one line, and what a mark writes is read as that mark.
func FuzzMark(f *testing.F) {
	f.Add([]byte(markHead + "\nrun\nbench.txt\nplots/wear.png\n"))
	f.Add([]byte(markHead + "\ncrash, profile MbedCE, seed 1\n"))
	f.Add([]byte(markHead + "\n\n../../etc/passwd\n\n"))
	f.Add([]byte("dualbank results, format 2\nrun\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := parseMark(text)
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("%v", err)
			}
			return
		}
		again, err := parseMark(m.text())
		if err != nil || again.kind != m.kind || !bytes.Equal(again.text(), m.text()) {
			t.Errorf("%q: %q, then %v", text, m.text(), err)
		}
		if m.goesWith("run") != strings.HasPrefix(m.kind+",", "run,") {
			t.Errorf("kind %q goes with run: %t", m.kind, m.goesWith("run"))
		}
	})
}
