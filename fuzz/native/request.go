package native

import "encoding/binary"

// serve answers a request of the process; served is false where the item is to be stopped: the request belongs to a
// call whose time has not come, or the power is gone. It runs while the store's caller waits.
func (s *store) serve(it *item, r record) (a answer, served bool) {
	if len(r.data) < 16 {
		return a, false
	}
	le := binary.LittleEndian
	reads, addr, n, data := le.Uint64(r.data), le.Uint32(r.data[8:])-s.g.base, le.Uint32(r.data[12:]), r.data[16:]
	ahead := 0
	changes := false
	for b := it.buf[s.at:]; len(b) > 0; {
		x, k := readRecord(b)
		b = b[k:]
		switch x.typ {
		case logCall:
			if ahead++; ahead < len(it.calls) && it.calls[ahead].Boot {
				changes = true
			}
		case logProgram, logErase:
			changes = true
		}
	}
	// A read of an ECC unit may stop the device: not before its time.
	if ahead >= len(it.calls) || ahead > 0 && (changes || r.status != requestRead || !s.g.clears) {
		return a, false
	}
	if ahead == 0 {
		for s.at < len(it.buf) {
			x, k := readRecord(it.buf[s.at:])
			if x.typ == logKey {
				break // keys are taken when the call is over; what follows changes nothing that was applied
			}
			s.at += k
			if err := s.apply(x); err != nil {
				s.down = err
				return a, false
			}
		}
	}
	it.served = true
	var err error
	switch r.status {
	case requestRead:
		if addr > s.g.size || n > s.g.size-addr {
			err = s.dev.Read(addr, make([]byte, min(n, 16)))
			a.status = -5
			break
		}
		a.data = make([]byte, n)
		s.dev.SetReads(reads - 1)
		if err = s.dev.Read(addr, a.data); err != nil {
			a.status = -5
		}
	case requestProgram:
		if uint32(len(data)) != n {
			data = make([]byte, s.g.size+1) // longer than the device, whatever it holds
		}
		err = s.dev.Program(addr, data)
		a = s.now(addr, uint32(len(data)), err)
	case requestErase:
		err = s.dev.Erase(addr, n)
		a = s.now(addr, n, err)
	case requestNow:
		a.data = make([]byte, 8)
		if s.clock != nil {
			le.PutUint64(a.data, s.clock.Micros()-s.booted)
		}
	default:
		return a, false
	}
	if err != nil && s.off() {
		s.down = err
		return a, false
	}
	s.answers[ahead] = append(s.answers[ahead], a)
	return a, true
}

// now is the answer to a program or an erase: its outcome, and what the cells hold.
func (s *store) now(addr, n uint32, err error) (a answer) {
	if err != nil {
		a.status = -6
	}
	if addr <= s.g.size && n <= s.g.size-addr {
		a.data = make([]byte, n)
		s.dev.Peek(addr, a.data)
	}
	return a
}

// off reports whether the power is gone: then even a read fails that is within the device.
func (s *store) off() bool { return s.dev.Read(0, nil) != nil }
