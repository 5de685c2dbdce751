package part

import (
	"fmt"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// keyError is a value that cannot be: at which key of a data file, and why. The key counts tables of
// an array from 0: "erase[2].typ".
type keyError struct {
	key string
	msg string
}

func (e *keyError) Error() string { return e.key + ": " + e.msg }

func badKey(key, format string, args ...any) error {
	return &keyError{key, fmt.Sprintf(format, args...)}
}

// KeyLines gives the line in which of a TOML text each key stands, down to the keys of inline tables. A
// text that is no TOML gives what comes before the mistake.
func KeyLines(text []byte) map[string]int {
	lines := map[string]int{}
	counts := map[string]int{} // tables of an array so far
	table := ""
	var p unstable.Parser
	p.Reset(text)
	join := func(prefix string, it unstable.Iterator) (path string, line int) {
		path = prefix
		for it.Next() {
			key := string(it.Node().Data)
			if path != "" {
				path += "."
			}
			path += key
			if n := counts[path]; n > 0 {
				path += fmt.Sprintf("[%d]", n-1)
			}
			line = p.Shape(it.Node().Raw).Start.Line
		}
		return path, line
	}
	note := func(path string, line int) {
		if _, ok := lines[path]; !ok {
			lines[path] = line
		}
	}
	var value func(n *unstable.Node, path string, line int)
	value = func(n *unstable.Node, path string, line int) {
		note(path, line)
		switch n.Kind {
		case unstable.InlineTable:
			for it := n.Children(); it.Next(); {
				sub, at := join(path, it.Node().Key())
				value(it.Node().Value(), sub, at)
			}
		case unstable.Array:
			i := 0
			for it := n.Children(); it.Next(); i++ {
				value(it.Node(), fmt.Sprintf("%s[%d]", path, i), line)
			}
		}
	}
	for p.NextExpression() {
		e := p.Expression()
		switch e.Kind {
		case unstable.Table:
			path, line := join("", e.Key())
			table = path
			note(path, line)
		case unstable.ArrayTable:
			path, line := join("", e.Key())
			if strings.HasSuffix(path, "]") {
				path = path[:strings.LastIndexByte(path, '[')]
			}
			counts[path]++
			note(path, line)
			table = fmt.Sprintf("%s[%d]", path, counts[path]-1)
			note(table, line)
		case unstable.KeyValue:
			path, line := join(table, e.Key())
			value(e.Value(), path, line)
		}
	}
	return lines
}

// lineOf is the line of a key, or of the table around it; 0 if the text has neither.
func lineOf(lines map[string]int, key string) int {
	for {
		if line, ok := lines[key]; ok {
			return line
		}
		i := strings.LastIndexAny(key, ".[")
		if i < 0 {
			return 0
		}
		key = key[:i]
	}
}
