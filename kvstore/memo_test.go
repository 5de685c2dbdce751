package kvstore_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"dualbank/kvstore"
	"dualbank/model"
	"dualbank/model/cell"
	"dualbank/model/part"
)

// TestMemo: a store that remembers what it has read gives the same answers as one that reads everything,
// whatever happens to the flash in between: writes, collections, cuts, forks that are thrown away, bytes that
// others change.
func TestMemo(t *testing.T) {
	part := part.Plain("16x512", 0, slices.Repeat([]uint32{512}, 16), cell.AND)
	rapid.Check(t, func(t *rapid.T) {
		f, err := model.New(model.Config{Part: part, Unit: rapid.SampledFrom([]uint32{1, 8}).Draw(t, "unit")})
		if err != nil {
			t.Fatal(err)
		}
		dev, err := f.Region(0, f.Size())
		if err != nil {
			t.Fatal(err)
		}
		memo := kvstore.NewTDB(dev, kvstore.Options{Memo: true})
		open := func() {
			f.Boot()
			f.Mark()
			want := survey(f, kvstore.NewTDB(dev, kvstore.Options{}))
			f.Rollback()
			f.Boot()
			got := survey(f, memo)
			if got != want {
				t.Fatalf("with a memo:\n%s\nwithout:\n%s", got, want)
			}
		}
		open()
		forks := 0
		for range rapid.IntRange(1, 60).Draw(t, "operations") {
			key := fmt.Sprintf("k%d", rapid.IntRange(0, 9).Draw(t, "key"))
			switch rapid.IntRange(0, 9).Draw(t, "operation") {
			default:
				_ = memo.Set(key, make([]byte, rapid.IntRange(0, 200).Draw(t, "size")), 0)
			case 4:
				_ = memo.Remove(key)
			case 5:
				f.Mark()
				forks++
			case 6:
				if forks > 0 {
					forks--
					f.Rollback()
					open()
				}
			case 7:
				f.Arm(model.Cut{Step: uint64(rapid.IntRange(0, 300).Draw(t, "step")), Mode: model.Torn, Seed: 1})
				_ = memo.Set(key, make([]byte, 40), 0)
				f.Disarm()
				open()
			case 8:
				f.Poke(uint32(rapid.IntRange(0, int(f.Size())-1).Draw(t, "address")), []byte{0})
				open()
			case 9:
				open()
			}
		}
		open()
	})
}

// survey opens the store and tells all that it shows.
func survey(f *model.Flash, s *kvstore.TDBStore) string {
	if err := s.Open(); err != nil {
		return err.Error()
	}
	keys, room := s.Table()
	text := fmt.Sprintln(s.Layout(), keys, room, f.Steps())
	it, err := s.Iterate("")
	for err == nil {
		var key string
		if key, err = it.Next(); err == nil {
			buf := make([]byte, 256)
			n, failed := s.Get(key, buf, 0)
			text += fmt.Sprintf("%q %x %v\n", key, buf[:n], failed)
		}
	}
	if !errors.Is(err, kvstore.ErrItemNotFound) {
		text += err.Error()
	}
	return text
}
