package kvstore_test

import (
	"errors"
	"fmt"

	"dualbank/kvstore"
)

// chip is the flash of these examples: 8 sectors of 1 KiB that program single bytes. After left programs
// its power fails; -1 means never.
type chip struct {
	cells []byte
	left  int
}

var errNoPower = errors.New("no power")

func newChip() *chip {
	c := &chip{cells: make([]byte, 8<<10), left: -1}
	for i := range c.cells {
		c.cells[i] = 0xFF
	}
	return c
}

func (c *chip) Size() uint32            { return uint32(len(c.cells)) }
func (c *chip) ProgramUnit() uint32     { return 1 }
func (c *chip) EraseSize(uint32) uint32 { return 1 << 10 }

func (c *chip) Read(addr uint32, p []byte) error {
	copy(p, c.cells[addr:])
	return nil
}

func (c *chip) Program(addr uint32, p []byte) error {
	if c.left == 0 {
		return errNoPower
	}
	c.left--
	for i, b := range p {
		c.cells[addr+uint32(i)] &= b // programming clears bits only
	}
	return nil
}

func (c *chip) Erase(addr, size uint32) error {
	if c.left == 0 {
		return errNoPower
	}
	for i := range size {
		c.cells[addr+i] = 0xFF
	}
	return nil
}

// A store on a flash of one's own: whatever implements BlockDevice will do.
func ExampleNewTDB() {
	store := kvstore.NewTDB(newChip(), kvstore.Options{Profile: kvstore.MbedCE})
	if err := store.Open(); err != nil {
		fmt.Println(err)
		return
	}
	_ = store.Set("serial", []byte("0042"), kvstore.FlagWriteOnce)
	_ = store.Set("wifi", []byte("guest"), 0)
	_ = store.Set("wifi", []byte("office"), 0)

	buf := make([]byte, 32)
	n, err := store.Get("wifi", buf, 0)
	fmt.Printf("%s %v\n", buf[:n], err)
	fmt.Println(store.Set("serial", []byte("0043"), 0))
	fmt.Println(store.Remove("wifi"), store.Remove("wifi"))
	// Output:
	// office <nil>
	// write protected
	// <nil> item not found
}

// The power fails in the middle of a set: after a reboot the old value is there.
func ExampleTDBStore_Open() {
	flash := newChip()
	store := kvstore.NewTDB(flash, kvstore.Options{})
	_ = store.Open()
	_ = store.Set("wifi", []byte("guest"), 0)

	flash.left = 2
	fmt.Println("set:", store.Set("wifi", []byte("office"), 0) != nil)

	flash.left = -1
	fmt.Println("open:", store.Open())
	buf := make([]byte, 32)
	n, _ := store.Get("wifi", buf, 0)
	fmt.Printf("%s\n", buf[:n])
	// Output:
	// set: true
	// open: <nil>
	// guest
}

// An incremental set takes a value in pieces. It becomes visible as a whole.
func ExampleTDBStore_SetStart() {
	store := kvstore.NewTDB(newChip(), kvstore.Options{})
	_ = store.Open()
	_ = store.SetStart("cert", 10, 0)
	_ = store.SetAdd([]byte("BEGIN"))
	_, err := store.Info("cert")
	fmt.Println(err)
	_ = store.SetAdd([]byte("-END."))
	_ = store.SetFinalize()
	info, err := store.Info("cert")
	fmt.Println(info.Size, err)
	// Output:
	// item not found
	// 10 <nil>
}

// A picture shows what a flash holds without changing it: live and dead records of each area.
func ExampleInspect() {
	flash := newChip()
	store := kvstore.NewTDB(flash, kvstore.Options{})
	_ = store.Open()
	_ = store.Set("wifi", []byte("guest"), 0)
	_ = store.Set("wifi", []byte("office"), 0)
	picture, err := kvstore.Inspect(flash, kvstore.MbedCE)
	if err != nil {
		fmt.Println(err)
		return
	}
	area := picture.Areas[picture.Active]
	for _, r := range area.Records {
		fmt.Printf("%d %s %q live=%t\n", r.Offset, r.Key, r.Data, r.Live)
	}
	fmt.Println("next record at", area.Free, area.Tail)
	// Output:
	// 108 wifi "guest" live=false
	// 141 wifi "office" live=true
	// next record at 175 erased
}
