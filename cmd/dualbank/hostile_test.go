package main

import (
	"bytes"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// elfFile is an ELF file for ARM with n loadable segments of size bytes; shared says that they are the same bytes.
func elfFile(n, size int, shared bool) []byte {
	le := binary.LittleEndian
	b := append([]byte("\x7fELF\x01\x01\x01"), make([]byte, 9)...)
	b = le.AppendUint16(le.AppendUint16(b, 2), 40)
	for _, v := range []uint32{1, 0x08000000, 52, 0, 0} {
		b = le.AppendUint32(b, v)
	}
	for _, v := range []uint16{52, 32, uint16(n), 0, 0, 0} {
		b = le.AppendUint16(b, v)
	}
	begin, total := uint32(52+32*n), size
	for i := range n {
		off, addr := begin, uint32(0x08000000+i*size)
		if !shared {
			off, total = begin+uint32(i*size), n*size
		}
		for _, v := range []uint32{1, off, addr, addr, uint32(size), uint32(size), 5, 4} {
			b = le.AppendUint32(b, v)
		}
	}
	return append(b, make([]byte, total)...)
}

// TestBounded gives files that ask for much memory or time to the commands that read them, with 2 GB of memory and 10 s
// of processor time: each is refused on one short line that names it, with exit code 2.
func TestBounded(t *testing.T) {
	dir := t.TempDir()
	for name, data := range map[string][]byte{
		"shared.elf": elfFile(1000, 2<<20, true),
		"many.elf":   elfFile(65535, 16, false),
		"keys.txt":   []byte(manySettings(20000)),
		"banks.toml": []byte("name = 'x'\n" + strings.Repeat("[[bank]]\nsectors = [{ count = 1, bytes = 4096 }]\n", 100_000)),
		"long.json":  []byte(`{"` + strings.Repeat("\\u001b", 300_000) + `": 1}`),
		"tail.json":  []byte(`{"format": 2} {}`),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{
		{"inspect", "shared.elf"},
		{"inspect", "many.elf"},
		{"update", "--firmware", "shared.elf"},
		{"update", "--firmware", "many.elf"},
		{"compare", "keys.txt", "keys.txt"},
		{"parts", "banks.toml"},
		{"replay", "long.json"},
		{"replay", "tail.json"},
		{"findings", "/dev/zero"},
		{"inspect", "/dev/zero"},
		{"run", "/dev/zero"},
		{"parts", "/dev/zero"},
		{"compare", "/dev/zero", "keys.txt"},
		{"layout", "--target", "X", "/dev/zero"},
		{"crash", "--target", "FuzzKV", "--input", "/dev/zero"},
		{"plan", "--trace", "/dev/zero"},
	} {
		c := exec.Command("bash", append([]string{"-c", `ulimit -v 2000000; ulimit -t 10; exec "$0" "$@"`, filepath.Join(program, "dualbank")}, args...)...)
		c.Dir = dir
		var stderr bytes.Buffer
		c.Stderr = &stderr
		_ = c.Run() // the exit code says more
		line := strings.TrimSuffix(stderr.String(), "\n")
		name := args[len(args)-1]
		if args[0] == "compare" {
			name = args[1]
		}
		if code := c.ProcessState.ExitCode(); code != 2 || strings.Contains(line, "\n") || len(line) > 700 || !strings.Contains(line, name) || strings.Contains(line, "goroutine") {
			t.Errorf("%v: exit code %d, %.800s", args, code, &stderr)
		}
	}
}

// manySettings is a benchmark file with n settings before each of n results.
func manySettings(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString("key")
		b.WriteString(strings.Repeat("x", 1+i%7))
		b.WriteByte(byte('a' + i%26))
		b.WriteString(string(rune('a'+i/26%26)) + string(rune('a'+i/676%26)) + string(rune('a'+i/17576%26)))
		b.WriteString(": v\n")
	}
	return b.String() + strings.Repeat("BenchmarkX 1 1 ns/op\n", n)
}
