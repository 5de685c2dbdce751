package inspect_test

import (
	"bytes"
	"fmt"

	"dualbank/inspect"
	"dualbank/kvstore"
)

// chip is a flash in memory: 2 sectors of 1 KiB that program single bytes.
type chip [2 << 10]byte

func (c *chip) Size() uint32            { return uint32(len(c)) }
func (c *chip) ProgramUnit() uint32     { return 1 }
func (c *chip) EraseSize(uint32) uint32 { return 1 << 10 }

func (c *chip) Read(addr uint32, p []byte) error {
	copy(p, c[addr:])
	return nil
}

func (c *chip) Program(addr uint32, p []byte) error {
	copy(c[addr:], p)
	return nil
}

func (c *chip) Erase(addr, size uint32) error {
	copy(c[addr:addr+size], bytes.Repeat([]byte{0xFF}, int(size)))
	return nil
}

// A dump of a flash of which nothing is known: the store is found by its master records.
func ExampleInspect() {
	flash := new(chip)
	_ = flash.Erase(0, flash.Size())
	store := kvstore.NewTDB(flash, kvstore.Options{})
	_ = store.Open()
	_ = store.Set("wifi", []byte("office"), 0)
	_ = store.Set("serial", []byte("0042"), kvstore.FlagWriteOnce)

	dump, err := inspect.Read("dump.bin", flash[:], 0x08100000)
	if err != nil {
		fmt.Println(err)
		return
	}
	report, err := inspect.Inspect(dump, inspect.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, s := range report.Stores {
		fmt.Printf("store at 0x%08X, guessed: %s\n", s.Start, s.Guessed)
		for _, r := range s.Records {
			fmt.Printf("%s = %q flags %d\n", r.Key, r.Text, r.Flags)
		}
	}
	fmt.Println(len(report.Damage), "things are damaged")
	// Output:
	// store at 0x08100000, guessed: the size of the area: the other one has no valid master record, or is not in the dump
	// wifi = "office" flags 0
	// serial = "0042" flags 1
	// 0 things are damaged
}

// A file that is no dump is refused in one line.
func ExampleRead() {
	_, err := inspect.Read("dump.hex", []byte(":10010000\n"), 0)
	fmt.Println(err)
	// Output:
	// dump.hex: line 1: not a record of hexadecimal bytes
}
