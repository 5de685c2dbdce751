//go:build gofuzz

package fuzz

// What go-fuzz-build looks for (-func). The native engine's targets of these names have the same bodies.

func gofuzz(name string, data []byte) int {
	t, err := TargetByName(name)
	if err != nil {
		panic(err)
	}
	return t.Run(data, News)
}

// FuzzKV is the guided search for what breaks a KVStore.
func FuzzKV(data []byte) int { return gofuzz("FuzzKV", data) }

// FuzzSecure is the guided search for what breaks a SecureStore.
func FuzzSecure(data []byte) int { return gofuzz("FuzzSecure", data) }

// FuzzUpdate is the guided search for lives of a device that end badly.
func FuzzUpdate(data []byte) int { return gofuzz("FuzzUpdate", data) }

// FuzzLayout is the guided search for layouts that are called right and are not.
func FuzzLayout(data []byte) int { return gofuzz("FuzzLayout", data) }
