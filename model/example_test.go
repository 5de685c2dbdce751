package model_test

import (
	"fmt"
	"time"

	"dualbank/model"
	"dualbank/model/part"
)

// guide is the porting guide's board with the driver of Mbed OS.
func guide() model.Config {
	board, err := part.BoardByName("nucleo-f429zi")
	if err != nil {
		panic(err)
	}
	c, err := model.BoardConfig(board)
	if err != nil {
		panic(err)
	}
	return c
}

// What erasing a sector of bank 2 costs an application in bank 1: it runs on, but interrupts are masked.
func Example() {
	c := guide()
	c.App.Interrupts = []model.Interrupt{{Name: "control", Period: time.Millisecond, Deadline: 100 * time.Microsecond}}
	f, err := model.New(c)
	if err != nil {
		panic(err)
	}
	if err := f.Erase(0x0810_0000, 16<<10); err != nil {
		panic(err)
	}
	count := f.Counters()
	control := f.Latencies()[0]
	fmt.Printf("erase: %.0f ms, stalled %.0f ms, masked %.0f ms\n",
		1000*f.Seconds(f.Now()), 1000*f.Seconds(count.Stall), 1000*f.Seconds(count.Masked))
	fmt.Printf("control: %d of %d activations delayed, worst %.0f ms\n", control.Delayed, control.Ticks, 1000*f.Seconds(control.Worst))
	// Output:
	// erase: 250 ms, stalled 0 ms, masked 250 ms
	// control: 250 of 251 activations delayed, worst 249 ms
}

// A power cut in the middle of a program: three steps complete, the fourth is torn, the rest never happens.
func ExampleFlash_Arm() {
	f, err := model.New(guide())
	if err != nil {
		panic(err)
	}
	f.Arm(model.Cut{Step: 3, Mode: model.Torn, Seed: 1})
	fmt.Println(f.Program(0x0810_0000, []byte{0, 0, 0, 0, 0, 0}))
	f.Boot()
	got := make([]byte, 6)
	fmt.Println(f.Read(0x0810_0000, got))
	fmt.Printf("% x\n", got)
	// Output:
	// model: power cut
	// <nil>
	// 00 00 00 3e ff ff
}

// A fork: what happens after Mark is undone by Rollback; the clock and the wear go on.
func ExampleFlash_Mark() {
	f, err := model.New(guide())
	if err != nil {
		panic(err)
	}
	before := f.Hash()
	f.Mark()
	if err := f.Program(0x0810_0000, []byte("settings")); err != nil {
		panic(err)
	}
	changed := f.Hash() != before
	f.Rollback()
	fmt.Println(changed, f.Hash() == before)
	// Output: true true
}
