package part_test

import (
	"fmt"
	"os"
	"path/filepath"

	"dualbank/model/part"
)

// What a part's file says: sectors, and times with mark and source.
func Example() {
	p, err := part.ByName("stm32h743zi")
	if err != nil {
		panic(err)
	}
	t, err := p.EraseTime(128<<10, 4)
	if err != nil {
		panic(err)
	}
	fmt.Println(p.Title)
	fmt.Println("erase of 128 KiB, x32:", t.Typ.Time, "typ,", t.Max.Time, "max")
	// Output:
	// STM32H743/753, 2 MiB, dual bank
	// erase of 128 KiB, x32: 1.1s typ, 2.2s max
}

// A part of the user's own says what differs. A mistake is one line with file, line and key.
func ExampleByName() {
	dir, err := os.MkdirTemp("", "part")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	own := filepath.Join(dir, "own.toml")
	for _, time := range []string{"300ms", "3000ms"} {
		text := `name = "own"
extends = "stm32f429zi"

[[erase]]
bytes = 16384
width = 4
typ = { time = "` + time + `", mark = "M", from = "my bench" }
max = { time = "500ms" }
`
		if err := os.WriteFile(own, []byte(text), 0o600); err != nil {
			panic(err)
		}
		p, err := part.ByName(own)
		if err != nil {
			fmt.Println(err.Error()[len(dir)+1:])
			continue
		}
		t, err := p.EraseTime(16<<10, 4)
		fmt.Println(t.Typ.Time, err)
	}
	// Output:
	// 300ms <nil>
	// own.toml:7: erase[0].typ: typ 3s is above max 500ms
}
