package explore

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"dualbank/internal/input"
)

// nativeHead begins a corpus file of the native engine.
const nativeHead = "go test fuzz v1\n"

// ReadInput reads a file of either engine's corpus: the native one's holds one []byte as Go source, go-fuzz's is
// the input itself. target is the name of the target if the folder of a native file says it, else "".
func ReadInput(path string) (data []byte, target string, err error) {
	text, err := input.Read(path, input.Corpus)
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w: give a corpus file of the native engine or a crasher of go-fuzz", path, err)
	}
	if dir := filepath.Base(filepath.Dir(path)); strings.HasPrefix(dir, "Fuzz") {
		target = dir
	}
	data, err = ParseInput(text)
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", path, err)
	}
	return data, target, nil
}

// ParseInput reads the text of such a file.
func ParseInput(text []byte) ([]byte, error) {
	body, native := strings.CutPrefix(string(text), nativeHead)
	if !native {
		return text, nil
	}
	body = strings.TrimSpace(body)
	quoted, ok := strings.CutPrefix(body, "[]byte(")
	quoted, closed := strings.CutSuffix(quoted, ")")
	data, err := strconv.Unquote(quoted)
	if !ok || !closed || err != nil || strings.Contains(body, "\n") {
		return nil, fmt.Errorf("not a corpus file with one []byte: give an input of one of the guided search's targets")
	}
	return []byte(data), nil
}

// NativeInput is an input as a corpus file of the native engine.
func NativeInput(data []byte) []byte {
	return fmt.Appendf(nil, "%s[]byte(%q)\n", nativeHead, data)
}
