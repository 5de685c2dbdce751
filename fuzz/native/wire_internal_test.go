package native

import (
	"encoding/binary"
	"strings"
	"testing"
)

// FuzzWire: whatever a program writes into the shared memory, its info and the records of its log are read within the
// bytes that are there, or refused in one line.
func FuzzWire(f *testing.F) {
	le := binary.LittleEndian
	info := make([]byte, 4096)
	for i, v := range []uint32{magic, version, 0x1F, uint32(Fork), 3, 64, 128, 1 << 20, 4096} {
		le.PutUint32(info[4*i:], v)
	}
	f.Add(info)
	var log []byte
	for _, size := range []uint32{0, 1, 8, 9, 1<<31 - 1, 1<<32 - 1} {
		log = le.AppendUint32(le.AppendUint32(le.AppendUint32(le.AppendUint32(log, 1), 2), 3), size)
		log = append(log, make([]byte, min(size+7, 24)&^7)...)
		f.Add(log)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		page := make([]byte, 4096)
		copy(page, b)
		if n, err := parseInfo(page); err != nil && strings.Contains(err.Error(), "\n") {
			t.Errorf("%v", err)
		} else if err == nil {
			n.Has(Open)
		}
		for at := 0; ; {
			r, n := readRecord(b[at:])
			if n == 0 {
				break
			}
			if n < recordSize || at+n > len(b) || len(r.data) > n-recordSize {
				t.Fatalf("a record of %d bytes with %d of data in %d", n, len(r.data), len(b)-at)
			}
			at += n
		}
	})
}
