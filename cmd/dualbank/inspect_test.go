package main

import (
	"bytes"
	"os"

	"github.com/rogpeppe/go-internal/testscript"

	"dualbank/boot"
	"dualbank/kvstore"
	"dualbank/model"
)

// specimen writes the store of a guide's device, whose last set a power cut interrupted, as a binary and
// as Intel HEX: specimen DUMP.bin DUMP.hex
func specimen(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: specimen DUMP.bin DUMP.hex")
	}
	part, err := model.PartByName("stm32f429zi")
	ts.Check(err)
	f, err := model.New(model.Config{Part: part})
	ts.Check(err)
	const base, size = 0x0810_0000, 128 << 10
	region, err := f.Region(base, size)
	ts.Check(err)
	store := kvstore.NewTDB(region, kvstore.Options{})
	ts.Check(store.Open())
	ts.Check(store.Set("uptime", []byte("41 days"), 0))
	ts.Check(store.Set("serial", []byte{1, 2, 3}, kvstore.FlagWriteOnce))
	ts.Check(store.Set("uptime", []byte("42 days"), 0))
	f.Arm(model.Cut{Step: 9, Mode: model.After})
	if err := store.Set("uptime", []byte("43 days"), 0); err == nil {
		ts.Fatalf("the power did not fail")
	}
	dump := make([]byte, size)
	f.Peek(base, dump)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), dump, 0o666))
	var text bytes.Buffer
	ts.Check(boot.WriteHex(&text, []boot.Segment{{Addr: base, Data: dump}}))
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), text.Bytes(), 0o666))
}
