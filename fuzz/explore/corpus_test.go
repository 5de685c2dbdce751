package explore

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// TestInputFiles: an input goes from one engine's corpus to the other's and back.
func TestInputFiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "FuzzLayout")
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	for _, data := range [][]byte{nil, {0}, []byte("\"\\\n\xFF"), bytes.Repeat([]byte{7, 200, 0}, 90)} {
		for _, text := range [][]byte{NativeInput(data), data} {
			path := filepath.Join(dir, "0123")
			if err := os.WriteFile(path, text, 0o666); err != nil {
				t.Fatal(err)
			}
			got, name, err := ReadInput(path)
			if err != nil || !bytes.Equal(got, data) || name != "FuzzLayout" {
				t.Errorf("%q: %q of %q, %v", text, got, name, err)
			}
		}
	}
	for _, text := range []string{"", "string(\"x\")", "[]byte(\"x\")\nint(1)", "[]byte(\"x\"", "[]byte(x)"} {
		if _, err := ParseInput([]byte(nativeHead + text + "\n")); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
	if _, _, err := ReadInput(filepath.Join(dir, "none")); err == nil {
		t.Error("a file that is not there is read")
	}
}

// FuzzInputFile: any text is an input or an error, and an input's own file gives it back.
func FuzzInputFile(f *testing.F) {
	f.Add([]byte(nativeHead + "[]byte(\"a\\x00\")\n"))
	f.Add([]byte("raw"))
	f.Fuzz(func(t *testing.T, text []byte) {
		data, err := ParseInput(text)
		if err != nil {
			return
		}
		if again, err := ParseInput(NativeInput(data)); err != nil || !bytes.Equal(again, data) {
			t.Fatalf("%q, then %q, %v", data, again, err)
		}
	})
}
