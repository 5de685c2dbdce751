package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"
)

// hostileFile is a file that no reader of its format may take.
type hostileFile struct {
	format string
	name   string
	make   func() []byte
}

// specimens are good files in the text formats that the program reads, each with a mark in it where a number or a
// word is expected. What stands there decides whether the file is good.
var specimens = []struct{ format, ext, text string }{
	{"scenario", "toml", "seed = @@1\n[workload]\nhours = 1\n"},
	{"part", "toml", "name = 'x'\nextends = 'nrf52840'\nmax_hz = @@64_000_000\n"},
	{"board", "toml", "name = 'x'\npart = 'nrf52840'\ndriver = 'mbed'\nlayout = 'guide'\nclock = { hz = @@64_000_000, mark = 'R', from = 'x' }\n"},
	{"driver", "toml", "name = 'x'\n[common]\ntries = { value = @@16, mark = 'A', from = 'x' }\n"},
	{"core", "toml", "name = 'x'\ncrc32 = { cycles = @@1, mark = 'A', from = 'x' }\n"},
	{"wear law", "toml", "name = 'x'\nshape = { value = @@4, mark = 'A', from = 'x' }\n"},
	{"serial NOR", "toml", "name = 'x'\nsize = { bytes = @@8388608, mark = 'A', from = 'x' }\n"},
	{"configuration", "json", `{"target_overrides": {"*": {"target.restrict_size": @@"0x8000", "storage.storage_type": "TDB_INTERNAL"}}}`},
	{"configuration", "mbed_lib.json", `{"name": "storage", "config": {"storage_type": {"value": @@"TDB_INTERNAL"}}}`},
	{"configuration", "targets.json", `{"X": {"inherits": @@["MCU_X"], "device_name": "STM32F429ZITx"}}`},
	{"configuration", "CMakeLists.txt", "set(MBED_APP_START @@0x8008000)\ntarget_compile_definitions(app PRIVATE MBED_APP_SIZE=1)\n"},
	{"configuration", "mbed_config.h", "/* made */\n#define MBED_APP_START @@0x8008000\n"},
	{"configuration", "x.ld", "MEMORY { FLASH (rx) : ORIGIN = @@0x8008000, LENGTH = 256k }\n"},
	{"configuration", "PinNames.h", "typedef enum { PA_0 = @@0x00 } PinName;\n"},
	{"image", "hex", ":10000000@@000102030405060708090A0B0C0D0E0F78\n" + strings.Repeat(":10000000000102030405060708090A0B0C0D0E0F78\n", 40) + ":00000001FF\n"},
	{"image", "srec", "S00600004844521B\nS1130000@@000102030405060708090A0B0C0D0E0F74\n" + strings.Repeat("S1130000000102030405060708090A0B0C0D0E0F74\n", 40) + "S9030000FC\n"},
	{"finding", "json", `{"format":2,"subject":"KVStore","symptom":{"rule":1,"kind":"not-open"},"kv":{"device":{"sectors":"8x512","unit":@@1,"size":4096},"profile":"MbedCE","judge":"cut","keys":["a"],"script":["set \"a\", 3 bytes; before at step 0"]}}`},
	{"finding", "update.json", `{"format":2,"subject":"update","symptom":{"rule":1,"kind":"no-boot"},"update":{"device":{"part":"stm32f429zi","unit":1},"seed":@@1}}`},
	{"records", "json", `{"format":1,"title":"x","config":[],"facts":[],"bench":[],"wear":[],"sets":[],"updates":[],"cuts":[],"findings":[],"seed":@@1}`},
	{"bench", "txt", "goos: linux\nBenchmarkX @@1 1 ns/op\n"},
	{"trace", "csv", "seconds,key,bytes\n0,a,1\n@@1,a,2\n"},
	{"corpus", "corpus", "go test fuzz v1\n[]byte(@@\"a\")\n"},
	{"mark", "dualbank", "dualbank results, format @@1\nrun\nbench.txt\n"},
}

// spoilers are put where a specimen has its mark.
var spoilers = []struct {
	name string
	text func() string
}{
	{"zero", func() string { return "\x00" }},
	{"escape", func() string { return "\x1b]0;mine\a\x1b[2J\u202e\u2066" }},
	{"not-utf8", func() string { return "\xff\xfe\xc0\x80" }},
	{"open-string", func() string { return `"` }},
	{"long", func() string { return strings.Repeat("Z", 1<<20) }},
	{"digits", func() string { return strings.Repeat("9", 100_000) }},
	{"exponent", func() string { return "1e999999999" }},
	{"deep-array", func() string { return strings.Repeat("[", 200_000) }},
	{"deep-object", func() string { return strings.Repeat(`{"a":`, 100_000) }},
	{"deep-table", func() string { return "1\n[" + strings.Repeat("a.", 50_000) + "a]\n" }},
	{"many", func() string { return "[" + strings.Repeat("{},", 1_000_000) + "]" }},
}

// hostileFiles is the hostile set: for each specimen what may stand at its mark, its text in UTF-16, and files that
// ask for more memory or time than their size shows.
func hostileFiles() []hostileFile {
	var all []hostileFile
	add := func(format, name string, make func() []byte) { all = append(all, hostileFile{format, name, make}) }
	for _, s := range specimens {
		for _, p := range spoilers {
			add(s.format, p.name+"."+s.ext, func() []byte { return []byte(strings.Replace(s.text, "@@", p.text(), 1)) })
		}
		add(s.format, "utf16."+s.ext, func() []byte {
			b := []byte{0xFF, 0xFE}
			for _, c := range utf16.Encode([]rune(strings.Replace(s.text, "@@", "", 1))) {
				b = binary.LittleEndian.AppendUint16(b, c)
			}
			return b
		})
	}
	text := func(s string) func() []byte { return func() []byte { return []byte(s) } }
	times := func(head, one string, n int, tail string) func() []byte {
		return func() []byte { return []byte(head + strings.Repeat(one, n) + tail) }
	}
	numbered := func(head, one string, n int, tail string) func() []byte {
		return func() []byte {
			b := []byte(head)
			for i := range n {
				b = fmt.Appendf(b, one, i)
			}
			return append(b, tail...)
		}
	}
	const finding = `{"format":2,"symptom":{"rule":1,"kind":"not-open"},"kv":{"profile":"MbedCE","judge":"cut","keys":["a"],`
	const step = `"script":["set \"a\", 3 bytes; before at step 0"]}}`
	add("scenario", "tables.toml", times("", "[[application.interrupts]]\nname = 'a'\n", 60_000, ""))
	add("scenario", "keys.toml", times("", "[[workload.keys]]\nname = 'k'\nbytes = [1, 4294967295]\n", 50_000, ""))
	add("scenario", "unknown-keys.toml", numbered("", "k%d = 1\n", 300_000, ""))
	add("scenario", "braces.toml", times("[workload]\nkeys = [", "{name = 'k', bytes = [1, 2]},", 140_000, "]\n"))
	add("scenario", "comment-only.toml", times("seed = ", "# x\n", 1_000_000, ""))
	add("scenario", "escape-in-key.toml", text("\"\\u001b[2J\\u202e\" = 1\n"))
	add("part", "banks.toml", times("name = 'x'\n", "[[bank]]\nsectors = [{ count = 1, bytes = 4096 }]\n", 2000, ""))
	add("part", "bank-100000.toml", times("name = 'x'\n", "[[bank]]\nsectors = [{ count = 1, bytes = 4096 }]\n", 100_000, ""))
	add("part", "sectors.toml", text("name = 'x'\nextends = 'nrf52840'\n[[bank]]\nsectors = [{ count = 4294967295, bytes = 1 }]\nmark = 'C'\nfrom = 'x'\n"))
	add("part", "itself.toml", text("name = 'x'\nextends = './itself.toml'\n"))
	add("driver", "families.toml", times("name = 'x'\n", "[[family]]\nparts = ['stm32f4']\n", 3000, ""))
	add("fine", "long-key.json", times(`{"`, "\\u001b", 300_000, `": 1}`))
	add("fine", "other-overrides.json", numbered(`{"target_overrides": {"*": {`, `"a.k%d": 1,`, 190_000, `"a.z": 1}}}`))
	add("fine", "other-keys.json", numbered(`{`, `"k%d": 1,`, 190_000, `"z": 1}`))
	add("configuration", "overrides.json", times(`{"target_overrides": {"*": {`, `"a.b": "(1+1)",`, 200_000, ""))
	add("configuration", "expression.json", times(`{"target_overrides": {"*": {"target.restrict_size": "`, "(", 100_000, `"}}}`))
	add("configuration", "macros.json", times(`{"macros": [`, `"A=A+A",`, 200_000, `"A=A", ]}`))
	add("image", "shared.elf", func() []byte { return elfFile(1000, 2<<20, true) })
	add("image", "many.elf", func() []byte { return elfFile(65535, 16, false) })
	add("image", "cut.elf", func() []byte { return elfFile(4, 64, false)[:60] })
	add("image", "gzip.bin", text("\x1f\x8b\x08\x00"+strings.Repeat("\x00", 1000)))
	add("image", "zip.bin", text("PK\x03\x04"+strings.Repeat("\x00", 1000)))
	add("image", "cut.uf2", text("UF2\n\x57\x51\x5d\x9e"+strings.Repeat("\x00", 700)))
	add("image", "overlap.uf2", func() []byte { return uf2File(40_000, 0) })
	add("image", "cut.dfu", text("DfuSe\x01\x00\x00\x00\x00\xff"))
	add("image", "elements.dfu", func() []byte {
		return append([]byte("DfuSe\x01\x00\x00\x00\x00\x01Target"), bytes.Repeat([]byte{0xFF}, 300)...)
	})
	add("image", "records.hex", times(":10000000000102030405060708090A0B0C0D0E0F78\n", ":10000000000102030405060708090A0B0C0D0E0F78\n", 400_000, ":00000001FF\n"))
	add("image", "spread.hex", times(":02000004FFFFFC\n", ":0100000000FF\n:0100020000FD\n", 300_000, ":00000001FF\n"))
	add("finding", "tail.json", text(finding+`"device":{"sectors":"8x512","unit":1,"size":4096},`+step+` {}`))
	add("finding", "bracket.json", text(finding+`"device":{"sectors":"8x512","unit":1,"size":4096},`+step+`]`))
	add("case", "sectors.json", text(finding+`"device":{"sectors":"65535x16777215","unit":1,"size":4294967295},`+step))
	add("case", "unit.json", text(finding+`"device":{"sectors":"8x512","unit":4294967295,"size":4096},`+step))
	add("finding", "steps.json", times(finding+`"device":{"sectors":"8x512","unit":1,"size":4096},"script":[`, `"reset",`, 1_500_000, `"rest"]}}`))
	add("finding", "keys.json", times(finding+`"own":[`, `"",`, 5_000_000, `""]}}`))
	add("finding", "code.json", text(`{"id":"x(t *testing.T) { panic(1) }; func TestY","format":2,"symptom":{"rule":1},"kv":{}}`))
	add("case", "part.json", text(finding+`"device":{"part":"/etc/passwd.toml","unit":1},`+step))
	add("case", "layout.json", times(`{"format":2,"symptom":{"rule":1},"layout":{"target":"NOWHERE","client":"old","files":[`, `{"name":"a","lines":[]},`, 150_000, `{}]}}`))
	add("records", "tail.json", text(`{"format":1} {}`))
	add("records", "settings.json", times(`{"format":1,"config":[`, `{"key":"a","value":"1"},`, 150_000, `{"key":"a","value":"1"}]}`))
	add("records", "findings.json", times(`{"format":1,"findings":[`, `{},`, 20_000_000, `{}]}`))
	add("records", "numbers.json", times(`{"format":1,"sets":[{"plain":[`, `0,`, 30_000_000, `0]}]}`))
	add("bench", "settings.txt", func() []byte { return []byte(manySettings(20_000)) })
	add("bench", "names.txt", numbered("", "BenchmarkX%d 1 1 ns/op\n", 400_000, ""))
	add("bench", "other-units.txt", numbered("", "BenchmarkX 1 1 u%d\n", 400_000, ""))
	add("bench", "infinite.txt", text("BenchmarkX 1 +Inf ns/op\n"))
	add("bench", "units.txt", times("BenchmarkX 1", " 1 ns/op", 20_000, "\n"))
	add("trace", "keys.csv", func() []byte {
		var b bytes.Buffer
		b.WriteString("seconds,key,bytes\n")
		for i := range 200_000 {
			fmt.Fprintf(&b, "%d,k%d,1\n", i, i)
		}
		return b.Bytes()
	})
	add("trace", "lines.csv", times("seconds,key,bytes\n", "0,a,1\n", 5_000_000, ""))
	add("trace", "columns.csv", times("seconds", ",a", 5_000_000, "\n"))
	add("trace", "quoted.csv", times("seconds,key,bytes\n0,\"", "\"\"\n", 2_000_000, ""))
	add("corpus", "quoted.corpus", times("go test fuzz v1\n[]byte(\"", "\\x00", 100_000, ")\n"))
	add("mark", "lines.dualbank", times("dualbank results, format 1\nrun\n", "../../etc/passwd\n", 200_000, "no end"))
	add("empty", "empty.toml", text(""))
	add("random", "random.toml", func() []byte {
		b, r := make([]byte, 1<<16), rand.New(rand.NewPCG(1, 2))
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		return b
	})
	// More than any kind of file may have.
	add("large", "large.toml", nil)
	// No files.
	for _, name := range []string{"/dev/zero", "folder.toml", "gone.toml", "loop.toml"} {
		add("special", name, nil)
	}
	return all
}

// largeFile is above the limits of all inputs, in bytes.
const largeFile = 300 << 20

// write puts the file into dir and returns its path.
func (h *hostileFile) write(t testing.TB, dir string, n int) string {
	t.Helper()
	path := filepath.Join(dir, fmt.Sprintf("%03d-%s", n, h.name))
	var err error
	switch {
	case h.name == "/dev/zero" || h.name == "gone.toml":
		return h.name
	case h.name == "folder.toml":
		err = os.Mkdir(path, 0o700)
	case h.name == "loop.toml":
		err = os.Symlink(filepath.Base(path), path)
	case h.name == "itself.toml":
		path = filepath.Join(dir, h.name)
		err = os.WriteFile(path, h.make(), 0o700)
	case h.make == nil:
		if err = os.WriteFile(path, nil, 0o700); err == nil {
			err = os.Truncate(path, largeFile)
		}
	default:
		err = os.WriteFile(path, h.make(), 0o700) // executable: it is tried as a program, too
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// uf2File is n blocks of UF2 with data for the same address, or each behind the one before it.
func uf2File(n int, step uint32) []byte {
	var b []byte
	for i := range n {
		block := make([]byte, 512)
		for at, v := range map[int]uint32{0: 0x0A324655, 4: 0x9E5D5157, 12: 0x08000000 + uint32(i)*step, 16: 256, 20: uint32(i), 24: uint32(n), 508: 0x0AB16F30} {
			binary.LittleEndian.PutUint32(block[at:], v)
		}
		b = append(b, block...)
	}
	return b
}

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
