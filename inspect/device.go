package inspect

import "dualbank/kvstore"

// region is a part of a dump as a block device. It refuses to program and erase.
type region struct {
	dump       *Dump
	base, size uint32
	unit       uint32
	erase      func(addr uint32) uint32
}

func (r *region) Size() uint32                 { return r.size }
func (r *region) ProgramUnit() uint32          { return r.unit }
func (r *region) EraseSize(addr uint32) uint32 { return r.erase(addr) }

func (r *region) Read(addr uint32, p []byte) error {
	if addr > r.size || uint64(len(p)) > uint64(r.size-addr) {
		return kvstore.ErrReadFailed
	}
	r.dump.read(r.base+addr, p)
	return nil
}

func (r *region) Program(uint32, []byte) error { return kvstore.ErrWriteFailed }
func (r *region) Erase(uint32, uint32) error   { return kvstore.ErrWriteFailed }

// oneArea is a region whose second half is unknown and reads as erased.
type oneArea struct{ *region }

func (r *oneArea) Read(addr uint32, p []byte) error {
	if addr >= r.size/2 {
		for i := range p {
			p[i] = 0xFF
		}
		return nil
	}
	return r.region.Read(addr, p)
}
