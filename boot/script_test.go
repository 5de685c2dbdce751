package boot

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"strconv"
	"strings"

	"dualbank/model"
)

// run executes one line of a script.
func (m *machine) run(text string) error {
	m.line("> %s", text)
	if strings.HasPrefix(text, "#") || strings.TrimSpace(text) == "" {
		return nil
	}
	f := strings.Fields(text)
	args := &arguments{rest: f[1:]}
	m.watch(0, 0)
	switch f[0] {
	case "config":
		c := &m.cfg
		m.line("config name=%s flash=0x%08x+0x%x page=%d details=0x%08x app=0x%08x max=%d storage=0x%08x+0x%x locations=%d boot_retries=%d copy_retries=%d reset_reason=%d",
			m.name, m.flash.Start(), m.flash.Size(), m.flash.PageSize(), c.Details, c.AppStart, c.MaxAppSize, c.StorageAddr, c.StorageSize,
			c.Locations, c.BootRetries, c.CopyRetries, digit(c.ResetReason))
	case "status":
		m.line("status %s reason=%d heap=%d/%d active=%s", m.state, m.reason, m.heap.Version, m.heap.Counter, m.active())
		for i, s := range m.client[m.gen].slots {
			var d Details
			rc := uint32(0)
			if err, ok := m.client[m.gen].GetFirmwareDetails(uint32(i), &d).(*Error); ok {
				rc = err.Code
			}
			m.line("  slot %d header_at=0x%08x details_rc=%d version=%d size=%d", i, s.Addr, rc, d.Version, d.Size)
		}
	case "crc":
		p := make([]byte, args.numberOr(1, uint64(m.flash.Size())))
		m.flash.Peek(uint32(args.numberOr(0, uint64(m.flash.Start()))), p)
		m.line("crc %08x", crc32.ChecksumIEEE(p))
		args.rest = nil
	case "peek":
		addr, p := uint32(args.number()), make([]byte, args.number())
		m.flash.Peek(addr, p)
		m.line("peek %x", p)
	case "log":
		how := args.word()
		m.logging, m.raw = how != "off", how == "raw"
		m.line("log %s", how)
	case "autocrc":
		how := args.word()
		m.autocrc = how == "on"
		m.line("autocrc %s", how)
	case "fill":
		addr, p := uint32(args.number()), make([]byte, args.number())
		stream(args.number(), 0, p)
		m.flash.Poke(addr, p)
		m.result("fill OK")
	case "corrupt":
		addr := uint32(args.number())
		p, err := hex.DecodeString(args.word())
		if err != nil {
			return err
		}
		m.flash.Poke(addr, p)
		m.result("corrupt OK")
	case "eraseall":
		m.flash.Poke(m.flash.Start(), bytes.Repeat([]byte{0xFF}, int(m.flash.Size())))
		m.result("eraseall OK")
	case "dump":
		p := make([]byte, m.flash.Size())
		m.flash.Peek(m.flash.Start(), p)
		if err := os.WriteFile(m.file(args.word()), p, 0o666); err != nil {
			return err
		}
		m.line("dump OK")
	case "load":
		p, err := os.ReadFile(m.file(args.word()))
		if err != nil {
			return err
		}
		m.flash.Poke(m.flash.Start(), p)
		m.result("load OK")
	case "rawheader":
		addr := uint32(args.number())
		fw := m.generate(args.number(), args.number(), args.number())
		h := make([]byte, HeaderSize)
		EncodeHeader(h, &fw.Details)
		m.flash.Poke(addr, h)
		m.result("rawheader OK")
	case "factory":
		m.factory(args.number(), args.number(), args.number())
	case "client":
		how := args.word()
		m.gen = map[string]Generation{"old": ClientOld, "new": ClientNew}[how]
		m.line("client %s", how)
	case "prepare":
		slot := uint32(args.number())
		m.fw = m.generate(args.number(), args.number(), args.number())
		m.watch(m.cfg.StorageAddr, m.cfg.StorageSize)
		err := m.client[m.gen].Prepare(slot, &m.fw.Details)
		m.clientDone("prepare", err, fmt.Sprintf(" sha=%x campaign=%x", m.fw.Hash, m.fw.Campaign))
	case "write":
		slot, offset, n := uint32(args.number()), args.number(), args.number()
		frag := args.numberOr(0, Fragment)
		args.rest = nil
		m.watch(m.cfg.StorageAddr, m.cfg.StorageSize)
		m.clientDone("write", m.write(slot, offset, n, frag), "")
	case "finalize":
		m.clientDone("finalize", m.client[m.gen].Finalize(uint32(args.number())), "")
	case "activate":
		m.watch(m.cfg.StorageAddr, m.cfg.StorageSize)
		m.clientDone("activate", m.client[m.gen].Activate(uint32(args.number())), "")
	case "download":
		slot := uint32(args.number())
		m.fw = m.generate(args.number(), args.number(), args.number())
		m.watch(m.cfg.StorageAddr, m.cfg.StorageSize)
		c := m.client[m.gen]
		err := c.Prepare(slot, &m.fw.Details)
		if err == nil {
			err = m.write(slot, 0, m.fw.Size, Fragment)
		}
		if err == nil {
			err = c.Finalize(slot)
		}
		if err == nil {
			err = c.Activate(slot)
		}
		m.clientDone("download", err, "")
	case "boot":
		m.bootOnce()
	case "powercycle":
		p := make([]byte, 24)
		switch args.wordOr("zero") {
		case "ones":
			p = bytes.Repeat([]byte{0xFF}, 24)
		case "rand":
			stream(args.number(), 0, p)
		}
		m.setHeap(p)
		m.reset(PowerOn)
		m.line("powercycle heap=%d/%d", m.heap.Version, m.heap.Counter)
	case "warmreset":
		name := args.wordOr("WATCHDOG")
		reason, ok := ParseResetReason(name)
		if !ok {
			return fmt.Errorf("unknown reset reason %q", name)
		}
		m.reset(reason)
		m.line("warmreset %s heap=%d/%d", name, m.heap.Version, m.heap.Counter)
	case "clobber":
		p := make([]byte, 24)
		stream(args.number(), 0, p)
		m.setHeap(p)
		m.line("clobber heap=%d/%d", m.heap.Version, m.heap.Counter)
	case "setheap":
		m.heap = RAM{args.number(), uint8(args.number())}
		m.line("setheap heap=%d/%d", m.heap.Version, m.heap.Counter)
	case "cut":
		n, mode := args.number(), args.word()
		seed := args.numberOr(0, 0)
		args.rest = nil
		m.flash.Arm(model.Cut{Step: n - 1, Mode: cutMode(mode), Seed: seed})
		m.line("cut %d %s %d", n, mode, seed)
	case "fail":
		n := args.number()
		m.flash.Arm(model.Cut{Step: n - 1, Mode: model.Fail})
		m.line("fail %d", n)
	case "save":
		name := args.word()
		m.saved[name] = snapshot{m.flash.Snapshot(), m.heap, m.reason}
		m.line("save %s", name)
	case "restore":
		name := args.word()
		s, ok := m.saved[name]
		if !ok {
			return fmt.Errorf("nothing saved as %q", name)
		}
		m.flash.Restore(s.cells)
		m.heap, m.reason, m.state = s.heap, s.reason, "RUN"
		m.flash.Boot()
		m.line("restore %s", name)
	case "maxprep":
		m.maxPrepare(uint32(args.number()))
	default:
		return fmt.Errorf("unknown command %q", f[0])
	}
	return args.err()
}

func (m *machine) reset(reason ResetReason) {
	m.reason, m.state = reason, "RUN"
	m.flash.Boot()
	m.resetRAM()
}

// factory puts an image in place as a programmer on the bench does.
func (m *machine) factory(version, size, seed uint64) {
	fw := m.generate(version, size, seed)
	for a := m.flash.Start(); a-m.flash.Start() < m.flash.Size(); {
		n := m.flash.SectorSize(a)
		if a < m.cfg.AppStart+uint32(size) && a+n > m.cfg.Details {
			m.flash.Poke(a, bytes.Repeat([]byte{0xFF}, int(n)))
		}
		a += n
	}
	h := make([]byte, HeaderSize)
	EncodeHeader(h, &fw.Details)
	m.flash.Poke(m.cfg.Details, h)
	m.flash.Poke(m.cfg.AppStart, fw.bytes(0, size))
	m.result("factory OK sha=%x", fw.Hash)
}

func (m *machine) bootOnce() {
	// Where the bootloader may write begins with the erase unit of the header.
	lo := m.flash.Start()
	for lo+m.flash.SectorSize(lo) <= m.cfg.Details {
		lo += m.flash.SectorSize(lo)
	}
	m.watch(lo, m.cfg.AppStart+m.cfg.MaxAppSize-lo)
	m.resetRAM()
	o := m.boot.Boot(m.reason, &m.heap)
	jump := ""
	switch o.Result {
	case Jumped:
		m.state = "RUN"
		jump = fmt.Sprintf(" jump=0x%08x", m.cfg.AppStart)
	case Halted:
		m.state = "HALTED"
	case PowerCut:
		m.state = "OFF"
	default:
		m.state = o.Result.String()
	}
	m.result("boot %s%s active=%s heap=%d/%d", o.Result, jump, m.active(), m.heap.Version, m.heap.Counter)
}

// arguments are the words behind a command.
type arguments struct {
	rest []string
	bad  error
}

func (a *arguments) word() string {
	if len(a.rest) == 0 {
		a.bad = errors.New("argument missing")
		return ""
	}
	w := a.rest[0]
	a.rest = a.rest[1:]
	return w
}

func (a *arguments) wordOr(def string) string {
	if len(a.rest) == 0 {
		return def
	}
	return a.word()
}

func (a *arguments) number() uint64 {
	n, err := strconv.ParseUint(a.word(), 0, 64)
	if err != nil && a.bad == nil {
		a.bad = err
	}
	return n
}

// numberOr is the i-th of the arguments that are left, or def.
func (a *arguments) numberOr(i int, def uint64) uint64 {
	if i >= len(a.rest) {
		return def
	}
	n, err := strconv.ParseUint(a.rest[i], 0, 64)
	if err != nil && a.bad == nil {
		a.bad = err
	}
	return n
}

func (a *arguments) err() error {
	if a.bad == nil && len(a.rest) > 0 {
		return fmt.Errorf("arguments %q left over", a.rest)
	}
	return a.bad
}
