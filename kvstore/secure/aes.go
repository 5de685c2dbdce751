package secure

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"

	"dualbank/kvstore"
)

// cmac is AES-CMAC (RFC 4493, NIST SP 800-38B) over bytes that come in pieces.
type cmac struct {
	block cipher.Block
	state [aes.BlockSize]byte // CBC-MAC so far
	last  [aes.BlockSize]byte // the bytes that may yet be the last block
	n     int                 // how many
	cpu   kvstore.CPU
}

// start begins a MAC under key, which has 16, 24 or 32 bytes.
func (c *cmac) start(key []byte, cpu kvstore.CPU) error {
	block, err := aes.NewCipher(key)
	if err != nil {
		return err
	}
	if cpu != nil {
		cpu.AESKey()
	}
	*c = cmac{block: block, cpu: cpu}
	return nil
}

func (c *cmac) write(p []byte) {
	for len(p) > 0 {
		if c.n == len(c.last) {
			c.mix(c.last[:])
			c.n = 0
		}
		n := copy(c.last[c.n:], p)
		c.n += n
		p = p[n:]
	}
}

func (c *cmac) mix(p []byte) {
	subtle.XORBytes(c.state[:], c.state[:], p)
	c.encrypt(c.state[:])
}

func (c *cmac) encrypt(p []byte) {
	c.block.Encrypt(p, p)
	if c.cpu != nil {
		c.cpu.AES(aes.BlockSize)
	}
}

// sum ends the MAC.
func (c *cmac) sum() [aes.BlockSize]byte {
	var subkey [aes.BlockSize]byte
	c.encrypt(subkey[:])
	double(&subkey)
	if c.n < len(c.last) {
		double(&subkey)
		c.last[c.n] = 0x80
		clear(c.last[c.n+1:])
	}
	subtle.XORBytes(c.last[:], c.last[:], subkey[:])
	c.mix(c.last[:])
	return c.state
}

// double multiplies by x in GF(2^128).
func double(p *[aes.BlockSize]byte) {
	carry := p[0] >> 7
	for i := range len(p) - 1 {
		p[i] = p[i]<<1 | p[i+1]>>7
	}
	p[len(p)-1] = p[len(p)-1]<<1 ^ carry*0x87
}

// counter is AES in counter mode, the counter counted up as one big-endian number.
type counter struct {
	block  cipher.Block
	next   [aes.BlockSize]byte
	stream [aes.BlockSize]byte
	used   int // bytes of stream
	cpu    kvstore.CPU
}

// start begins with iv and zeros as the counter.
func (c *counter) start(key, iv []byte, cpu kvstore.CPU) error {
	block, err := aes.NewCipher(key)
	if err != nil {
		return err
	}
	if cpu != nil {
		cpu.AESKey()
	}
	*c = counter{block: block, used: aes.BlockSize, cpu: cpu}
	copy(c.next[:], iv)
	return nil
}

// xor puts len(dst) bytes of src through the key stream.
func (c *counter) xor(dst, src []byte) {
	for i := range dst {
		if c.used == aes.BlockSize {
			c.block.Encrypt(c.stream[:], c.next[:])
			c.used = 0
			if c.cpu != nil {
				c.cpu.AES(aes.BlockSize)
			}
			for j := len(c.next) - 1; j >= 0; j-- {
				if c.next[j]++; c.next[j] != 0 {
					break
				}
			}
		}
		dst[i] = src[i] ^ c.stream[c.used]
		c.used++
	}
}
