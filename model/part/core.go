package part

import "strings"

// Core is what a processor needs for the work beside the flash, at zero wait states.
type Core struct {
	Name      string  `toml:"name"`
	Title     string  `toml:"title"`
	Interrupt Cycles  `toml:"interrupt"` // from an interrupt to the first instruction of its handler
	Call      Cycles  `toml:"call"`      // one call into the storage software
	Copy      PerByte `toml:"copy"`
	CRC32     PerByte `toml:"crc32"`
	SHA256    PerByte `toml:"sha256"`
	AES       PerByte `toml:"aes"` // AES-128, one pass over the data
	AESKey    Cycles  `toml:"aes_key"`
	Code      Rate    `toml:"code"` // what it fetches while it runs without a wait

	// Speculation is the share of erases of one bank that stall code of another one, since the core fetches ahead
	// into the bank that is busy; 0: it does not.
	Speculation Share `toml:"speculation"`
}

// Cycles is a number of core cycles with its source.
type Cycles struct {
	Cycles uint64 `toml:"cycles"`
	Source
}

// PerByte is a number of core cycles for each byte, with its source.
type PerByte struct {
	Cycles float64 `toml:"cycles_per_byte"`
	Source
}

// Rate is bytes in a core cycle, with its source.
type Rate struct {
	Bytes float64 `toml:"bytes_per_cycle"`
	Source
}

// Check finds what cannot be true of any core. The error names the key.
func (c *Core) Check() error {
	if c.Name == "" || strings.ContainsAny(c.Name, "/\\ \t\n") {
		return badKey("name", "%q is no name: give the core one without blanks or slashes", c.Name)
	}
	for _, b := range []struct {
		key string
		v   PerByte
	}{{"copy", c.Copy}, {"crc32", c.CRC32}, {"sha256", c.SHA256}, {"aes", c.AES}} {
		if !(b.v.Cycles >= 0 && b.v.Cycles <= 1e5) {
			return badKey(b.key+".cycles_per_byte", "%v is no cost: give 0 to 100000", b.v.Cycles)
		}
	}
	for _, b := range []struct {
		key string
		v   Cycles
	}{{"interrupt", c.Interrupt}, {"call", c.Call}, {"aes_key", c.AESKey}} {
		if b.v.Cycles > 1e9 {
			return badKey(b.key+".cycles", "more than a second of any core for one call: give cycles")
		}
	}
	if r := c.Code.Bytes; !(r >= 0 && r <= 64) {
		return badKey("code.bytes_per_cycle", "%v is no rate: give 0 to 64", r)
	}
	if r := c.Speculation.Share; !(r >= 0 && r <= 1) {
		return badKey("speculation.share", "%v is no share: give 0 to 1", r)
	}
	return checkMarks(c)
}
