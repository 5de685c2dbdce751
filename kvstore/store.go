package kvstore

// Flags are the create flags of a record, as the KVStore API has them.
type Flags uint32

// The create flags. FlagDeleted marks a tombstone on flash; a set that carries it is a remove.
const (
	FlagWriteOnce        Flags = 1 << 0
	FlagConfidential     Flags = 1 << 1
	FlagReplayProtection Flags = 1 << 3
	FlagDeleted          Flags = 1 << 31
)

// Info is what a store knows of a key without reading its value.
type Info struct {
	Size  uint32 // bytes of the value
	Flags Flags
}

// Store is the KVStore API. TDBStore, SecureStore and the global name space satisfy it, and so can
// a store of your own: nothing in it knows of simulated flash. Errors are the sentinels of this
// package (ErrItemNotFound, ErrMediaFull, ...), to be told apart with errors.Is.
type Store interface {
	// Open makes the store usable, as the first call or after a power loss; what was in RAM is
	// forgotten.
	Open() error
	// Close ends the use of the store.
	Close() error
	// Set stores value under key, all or nothing. Setting an existing key replaces it.
	Set(key string, value []byte, flags Flags) error
	// Get reads the value of key from offset on into buf and returns the number of bytes read:
	// the smaller of len(buf) and what the value has from offset on.
	Get(key string, buf []byte, offset uint32) (int, error)
	// Info returns size and flags of key.
	Info(key string) (Info, error)
	// Remove deletes key.
	Remove(key string) error
	// SetStart begins an incremental set of a value of size bytes; SetAdd appends to it,
	// SetFinalize makes it visible. One incremental set at a time.
	SetStart(key string, size uint32, flags Flags) error
	SetAdd(data []byte) error
	SetFinalize() error
	// Iterate lists the keys that begin with prefix, in the store's own order.
	Iterate(prefix string) (Iterator, error)
	// Reset removes every key.
	Reset() error
}

// Iterator walks over keys. Sets and removes may happen between two calls of Next.
type Iterator interface {
	// Next returns the next key, or ErrItemNotFound at the end.
	Next() (string, error)
	// Close frees the iterator.
	Close() error
}
