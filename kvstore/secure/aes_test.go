package secure

import (
	"encoding/hex"
	"testing"
)

// TestCMAC has the examples of RFC 4493, section 4, in every split into two pieces.
func TestCMAC(t *testing.T) {
	key := unhex("2b7e151628aed2a6abf7158809cf4f3c")
	message := unhex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51" +
		"30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710")
	for _, c := range []struct {
		n    int
		want string
	}{
		{0, "bb1d6929e95937287fa37d129b756746"},
		{16, "070a16b46b4d4144f79bdd9dd04a287c"},
		{40, "dfa66747de9ae63030ca32611497c827"},
		{64, "51f0bebf7e3b9d92fc49741779363cfe"},
	} {
		for i := range c.n + 1 {
			var m cmac
			if err := m.start(key, nil); err != nil {
				t.Fatal(err)
			}
			m.write(message[:i])
			m.write(message[i:c.n])
			if sum := m.sum(); hex.EncodeToString(sum[:]) != c.want {
				t.Errorf("%d bytes, split at %d: %x, want %s", c.n, i, sum, c.want)
			}
		}
	}
}
