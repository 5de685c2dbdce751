package sut

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"dualbank/fuzz/explore"
	"dualbank/fuzz/kv/script"
	"dualbank/kvstore"
)

// Informer is a store that tells size and flags of a key.
type Informer interface {
	Info(key string) (kvstore.Info, error)
}

// Answers asks a store that reads back what it should in all other ways: for what it tells of a key, for values from
// offsets on, and for the keys with a prefix.
func (r *Run) Answers(when string) {
	if _, ok := r.Store.(Informer); !ok {
		return // a store of the least that there is answers none of this
	}
	for i := range r.Exp.Keys {
		if k := &r.Exp.Keys[i]; k.Now != nil && !k.Either {
			r.ask(k, when)
		}
	}
	if len(r.Exp.Keys) > 0 {
		name := r.Exp.Keys[0].Name
		for _, prefix := range []string{name[:1], name, name[len(name)-1:], name[len(name)/2:], "no-such-prefix"} {
			r.prefixed(prefix, when)
		}
	}
}

// answersOne asks for one key: the one in flight, or else the first that is there. Every look does, so it asks little.
func (r *Run) answersOne(when string) {
	if _, ok := r.Store.(Informer); !ok {
		return
	}
	i := r.Flight
	if i < 0 || r.Exp.Keys[i].Now == nil {
		i = slices.IndexFunc(r.Exp.Keys, func(k Key) bool { return k.Now != nil })
	}
	if i < 0 {
		return
	}
	k := &r.Exp.Keys[i]
	r.info(k, when)
	r.offset(k, uint32(len(k.Now)+1)/2, when)
	r.prefixed(k.Name[len(k.Name)/2:], when)
}

// ask asks for what is known of one key.
func (r *Run) ask(k *Key, when string) {
	r.info(k, when)
	size := uint32(len(k.Now))
	for _, off := range []uint32{1, size / 2, size - min(size, 1), size, size + 1} {
		r.offset(k, off, when)
	}
}

// info asks an Informer for size and flags of a key.
func (r *Run) info(k *Key, when string) {
	size := uint32(len(k.Now))
	info, err := r.Store.(Informer).Info(k.Name)
	want := k.Flags
	if _, secure := r.Store.(*SecureStore); secure {
		want |= script.Protection(k.Name)
	}
	switch {
	case err != nil:
		r.Report(explore.Symptom{Rule: RuleDurable, Kind: "info-fails", When: when, Error: ErrorName(err)}, fmt.Sprintf("%d bytes, flags 0x%X", size, want), fmt.Sprintf("info %q: %v", k.Name, err))
	case info.Size != size:
		r.Report(explore.Symptom{Rule: RuleDurable, Kind: "info-size", When: when}, fmt.Sprintf("%d bytes", size), fmt.Sprintf("info %q: %d bytes", k.Name, info.Size))
	case k.Loose:
	case info.Flags != want && r.can.Flags&want == want:
		r.Report(explore.Symptom{Rule: RuleDurable, Kind: "info-flags", When: when}, fmt.Sprintf("flags 0x%X", want), fmt.Sprintf("info %q: flags 0x%X", k.Name, info.Flags))
	}
}

// offset asks for the value of a key from an offset on, which may be beyond its end.
func (r *Run) offset(k *Key, off uint32, when string) {
	size := uint32(len(k.Now))
	n, err := r.Store.Get(k.Name, r.Buf, off)
	switch {
	case off > size && err == nil:
		r.Report(explore.Symptom{Rule: RuleDurable, Kind: "offset-beyond", When: when}, kvstore.ErrInvalidSize.Error(), fmt.Sprintf("get %q of %d bytes from offset %d: %d bytes", k.Name, size, off, n))
	case off > size:
	case err != nil:
		r.Report(explore.Symptom{Rule: RuleDurable, Kind: "offset-fails", When: when, Error: ErrorName(err)}, fmt.Sprintf("%d bytes", size-off), fmt.Sprintf("get %q of %d bytes from offset %d: %v", k.Name, size, off, err))
	case string(r.Buf[:n]) != string(k.Now[off:]):
		r.Report(explore.Symptom{Rule: RuleDurable, Kind: "offset-wrong", When: when}, "what was stored", fmt.Sprintf("get %q of %d bytes from offset %d: %d bytes", k.Name, size, off, n))
	}
}

// prefixed lists the keys with a prefix.
func (r *Run) prefixed(prefix, when string) {
	it, err := r.Store.Iterate(prefix)
	if err != nil {
		return // a list of all keys says so, too
	}
	defer it.Close()
	var got, want []string
	for range len(r.Exp.Keys) + 8 {
		key, err := it.Next()
		if err != nil {
			if !errors.Is(err, kvstore.ErrItemNotFound) {
				return
			}
			break
		}
		if _, ok := r.Exp.Index[key]; ok || !r.Own[key] {
			got = append(got, key)
		}
	}
	for i := range r.Exp.Keys {
		switch k := &r.Exp.Keys[i]; {
		case k.Either:
			return
		case k.Now != nil && strings.HasPrefix(k.Name, prefix):
			want = append(want, k.Name)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		r.Report(explore.Symptom{Rule: RuleNoMore, Kind: "prefix-wrong", When: when}, fmt.Sprintf("%q", want), fmt.Sprintf("with prefix %q: %q", prefix, got))
	}
}
