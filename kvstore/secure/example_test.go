package secure_test

import (
	"fmt"
	"slices"

	"dualbank/kvstore"
	"dualbank/kvstore/secure"
	"dualbank/model"
	"dualbank/model/cell"
	"dualbank/model/part"
)

// newFlash is a simulated flash of 8 sectors of 1 KiB.
func newFlash() kvstore.BlockDevice {
	f, err := model.New(model.Config{Part: part.Plain("8x1K", 0, slices.Repeat([]uint32{1 << 10}, 8), cell.AND), Unit: 1})
	if err != nil {
		panic(err)
	}
	r, err := f.Region(0, 8<<10)
	if err != nil {
		panic(err)
	}
	return r
}

// A SecureStore detects that an older value was put back into the untrusted store.
func ExampleNew() {
	under, trusted := kvstore.NewTDB(newFlash(), kvstore.Options{}), kvstore.NewTDB(newFlash(), kvstore.Options{})
	_, _ = under.Open(), trusted.Open()
	key := secure.NewDeviceKey(trusted, nil)
	_ = key.Inject([]byte("0123456789abcdef"))
	count := byte(0)
	entropy := func(p []byte) error { // a simulation's: it repeats
		for i := range p {
			count++
			p[i] = count
		}
		return nil
	}
	store := secure.New(secure.Options{Store: under, RBP: trusted, Key: key, Entropy: entropy})
	if err := store.Open(); err != nil {
		fmt.Println(err)
		return
	}
	flags := kvstore.FlagConfidential | kvstore.FlagReplayProtection
	_ = store.Set("pin", []byte("1234"), flags)
	old := make([]byte, 200)
	n, _ := under.Get("pin", old, 0)
	_ = store.Set("pin", []byte("5678"), flags)

	buf := make([]byte, 16)
	m, err := store.Get("pin", buf, 0)
	fmt.Printf("%s %v\n", buf[:m], err)
	_ = under.Set("pin", old[:n], 0) // an attacker puts the old record back
	_, err = store.Get("pin", buf, 0)
	fmt.Println(err)
	// Output:
	// 5678 <nil>
	// rollback protection: authentication failed
}
