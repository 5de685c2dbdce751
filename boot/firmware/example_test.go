package firmware_test

import (
	"bytes"
	"fmt"

	"dualbank/boot/firmware"
)

// An Intel HEX file becomes the bytes of the application's region. A file that is linked for another place is
// refused.
func ExampleRead() {
	var hex bytes.Buffer
	segments := []firmware.Segment{
		{Addr: 0x0800_8400, Data: []byte("code")},
		{Addr: 0x0800_8408, Data: []byte("data")},
	}
	if err := firmware.WriteHex(&hex, segments); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(hex.String())

	image, err := firmware.Read("app.hex", hex.Bytes(), 0x0800_8400, 0x1000)
	fmt.Printf("%q %v\n", image, err)
	_, err = firmware.Read("app.hex", hex.Bytes(), 0x0801_0000, 0x1000)
	fmt.Println(err)
	// Output:
	// :020000040800F2
	// :04840000636F6465DD
	// :0484080064617461D6
	// :00000001FF
	// "code\xff\xff\xff\xffdata" <nil>
	// app.hex: data at 0x08008400-0x08008404 does not lie in the application's region 0x08010000-0x08011000: link the application for that region
}

// The device applies a delta while it arrives, in pieces of any size.
func ExamplePatch() {
	base := bytes.Repeat([]byte("instructions of the old image. "), 400)
	image := append(bytes.Clone(base[:6000]), append([]byte("new function "), base[6000:]...)...)
	delta, err := firmware.MakeDelta(base, image)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("smaller than a tenth:", len(delta) < len(image)/10)

	read := func(offset uint32, p []byte) error { copy(p, base[offset:]); return nil }
	var made []byte
	write := func(_ uint32, p []byte) error { made = append(made, p...); return nil }
	// The patch compares the base's hash with the one in the delta's header.
	patch := firmware.NewPatch([32]byte(delta[12:44]), read, write, nil)
	for len(delta) > 0 {
		n := min(100, len(delta))
		if _, err := patch.Write(delta[:n]); err != nil {
			fmt.Println(err)
			return
		}
		delta = delta[n:]
	}
	fmt.Println(patch.Close(), bytes.Equal(made, image))
	// Output:
	// smaller than a tenth: true
	// <nil> true
}
