package kvstore

import "strings"

// Error is an error of the KVStore API. Name is the reference's name for it (MBED_ERROR_ and
// MBED_ERROR_CODE_ left out), as the recorded traces spell it. A code of the block device, which the
// reference hands on in one place, is named by its number.
type Error struct {
	Name string
	text string
}

func (e *Error) Error() string { return e.text }

// The errors of the KVStore API.
var (
	ErrItemNotFound      = &Error{"ITEM_NOT_FOUND", "item not found"}
	ErrMediaFull         = &Error{"MEDIA_FULL", "media full"}
	ErrInvalidArgument   = &Error{"INVALID_ARGUMENT", "invalid argument"}
	ErrInvalidSize       = &Error{"INVALID_SIZE", "invalid size"}
	ErrInvalidData       = &Error{"INVALID_DATA_DETECTED", "invalid data detected"}
	ErrReadFailed        = &Error{"READ_FAILED", "read failed"}
	ErrWriteFailed       = &Error{"WRITE_FAILED", "write failed"}
	ErrWriteProtected    = &Error{"WRITE_PROTECTED", "write protected"}
	ErrOutOfResources    = &Error{"OUT_OF_RESOURCES", "out of resources"}
	ErrNotReady          = &Error{"NOT_READY", "store is not open"}
	ErrFailedOperation   = &Error{"FAILED_OPERATION", "operation failed"}
	ErrAuthentication    = &Error{"AUTHENTICATION_FAILED", "authentication failed"}
	ErrDevice            = &Error{"-4001", "error of the block device (-4001)"}
	ErrRBPAuthentication = &Error{"RBP_AUTHENTICATION_FAILED", "rollback protection: authentication failed"}
)

// ErrUndefined stands for an outcome that the reference leaves to chance, and is no error of its API: a
// remove of a record that fails its checks and has an entry in the rollback protection store. The
// record below is gone; a variable that was never set decides in the reference whether the entry goes
// too. Here it stays.
var ErrUndefined = &Error{"UNDEFINED", "stand-in: the reference's outcome is undefined"}

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
