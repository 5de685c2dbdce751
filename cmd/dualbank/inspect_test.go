package main

import (
	"bytes"
	"errors"
	"os"

	"github.com/rogpeppe/go-internal/testscript"

	"dualbank/boot/firmware"
	"dualbank/kvstore"
	"dualbank/model"
	"dualbank/model/part"
)

// interrupted is the store of a guide's device whose last set a power cut interrupted, as a binary and as
// Intel HEX.
func interrupted() (dump, text []byte, err error) {
	part, err := part.ByName("stm32f429zi")
	if err != nil {
		return nil, nil, err
	}
	f, err := model.New(model.Config{Part: part})
	if err != nil {
		return nil, nil, err
	}
	const base, size = 0x0810_0000, 128 << 10
	region, err := f.Region(base, size)
	if err != nil {
		return nil, nil, err
	}
	store := kvstore.NewTDB(region, kvstore.Options{})
	if err := errors.Join(
		store.Open(), store.Set("uptime", []byte("41 days"), 0), store.Set("serial", []byte{1, 2, 3}, kvstore.FlagWriteOnce), store.Set("uptime", []byte("42 days"), 0),
	); err != nil {
		return nil, nil, err
	}
	f.Arm(model.Cut{Step: 9, Mode: model.After})
	if err := store.Set("uptime", []byte("43 days"), 0); err == nil {
		return nil, nil, errors.New("the power did not fail")
	}
	dump = make([]byte, size)
	f.Peek(base, dump)
	var out bytes.Buffer
	err = firmware.WriteHex(&out, []firmware.Segment{{Addr: base, Data: dump}})
	return dump, out.Bytes(), err
}

// specimen writes it: specimen DUMP.bin DUMP.hex
func specimen(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: specimen DUMP.bin DUMP.hex")
	}
	dump, text, err := interrupted()
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), dump, 0o666))
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), text, 0o666))
}
