package kvstore

import "strings"

// Undefined is undefined behaviour that the reference has run into: what happens then depends on its
// compiler and its heap, and no port can show it. The store goes on with the outcome given here.
type Undefined uint8

const (
	// UndefinedHeap: an open failed after the RAM table had grown. The reference frees the first table a
	// second time, which damages the heap. The open here only fails.
	UndefinedHeap Undefined = 1 << iota
	// UndefinedKey: a comparison read beyond the end of the caller's key. The keys are taken to differ.
	UndefinedKey
)

var undefinedNames = [...]string{"the heap is damaged", "a key is read beyond its end"}

// String lists what happened; "" if nothing did.
func (u Undefined) String() string {
	var all []string
	for i, name := range undefinedNames {
		if u&(1<<i) != 0 {
			all = append(all, name)
		}
	}
	return strings.Join(all, ", ")
}

// Undefined is the undefined behaviour of the reference since the last call of Open.
func (s *TDBStore) Undefined() Undefined { return s.undefined }
