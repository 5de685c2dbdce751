package boot

import (
	"crypto/sha256"
	"slices"
	"testing"

	"dualbank/model"
	"dualbank/model/cell"
	"dualbank/model/part"
	"dualbank/model/random"
)

// swapper is a device whose bootloader swaps the banks: 16 sectors of 2 KiB in each.
type swapper struct {
	t   *testing.T
	f   *model.Flash
	cfg Config
	ram RAM
}

func newSwapper(t *testing.T) *swapper {
	f, err := model.New(model.Config{Part: part.Halves("halves", 0x08000000, slices.Repeat([]uint32{2048}, 16), cell.AND), Unit: 8, Options: true})
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{Details: 0x08002000, AppStart: 0x08002400, MaxAppSize: 0x10000, BootRetries: 3, CopyRetries: 1, ResetReason: true}
	s := &swapper{t: t, f: f, cfg: cfg.Swapping(f, 0x08006000)}
	if s.cfg.MaxAppSize != 0x3C00 || s.cfg.StorageAddr != 0x0800A000 || s.cfg.StorageSize != 0x4000 || s.cfg.Locations != 1 {
		t.Fatalf("%+v", s.cfg)
	}
	header := make([]byte, HeaderSize)
	image := s.image(1)
	EncodeHeader(header, &Details{Version: 1, Size: uint64(len(image)), Hash: sha256.Sum256(image)})
	f.Poke(cfg.Details, header)
	f.Poke(cfg.AppStart, image)
	return s
}

func (s *swapper) image(version uint64) []byte {
	image := make([]byte, 3000)
	random.New(version).Fill(image)
	return image
}

func (s *swapper) download(version uint64) {
	s.t.Helper()
	image := s.image(version)
	u := Updater{Store: NewClient(s.cfg, s.f, ClientNew, nil), Locations: 1}
	if err := u.Run(NewCampaign(version, [16]byte{}, image)); err != nil {
		s.t.Fatal(err)
	}
}

func (s *swapper) boot(reason ResetReason) (out Outcome, phases []Phase, restarts int) {
	s.f.Boot()
	b := NewBootloader(s.cfg, s.f, nil)
	b.Enter = func(p Phase) { phases = append(phases, p) }
	b.Restart = func() { restarts++ }
	return b.Boot(reason, &s.ram), phases, restarts
}

// TestSwapUpdate: an update is installed by one swap, the next one by a swap back; a boot with nothing to install swaps
// nothing. The old image stays in the other bank, and runs again when the new one fails three times.
func TestSwapUpdate(t *testing.T) {
	s := newSwapper(t)
	for version := uint64(2); version < 5; version++ {
		s.download(version)
		out, phases, restarts := s.boot(Software)
		if out != (Outcome{Jumped, version, 0, true}) || restarts != 1 || s.f.Swapped() != (version%2 == 0) {
			t.Fatalf("version %d: %+v, %d restarts, swapped %v", version, out, restarts, s.f.Swapped())
		}
		want := []Phase{VerifyActive, VerifyCandidate, SwapBanks, VerifyActive, VerifyCandidate, Done}
		if !slices.Equal(phases, want) {
			t.Errorf("phases %v", phases)
		}
		if out, _, restarts := s.boot(PowerOn); out != (Outcome{Jumped, version, -1, false}) || restarts != 0 {
			t.Errorf("version %d again: %+v, %d restarts", version, out, restarts)
		}
	}
	var out Outcome
	for range 4 {
		out, _, _ = s.boot(Watchdog)
	}
	if out.Version != 3 || out.Result != Jumped || s.f.Swapped() {
		t.Errorf("after four resets by the watchdog: %+v", out)
	}
}

// TestSwapFails: a write of the options that fails leaves the old image running; without option bytes nothing is
// installed; a mismatch locks the device.
func TestSwapFails(t *testing.T) {
	s := newSwapper(t)
	s.download(2)
	s.f.Boot()
	s.f.Arm(model.Cut{Mode: model.Fail})
	if out := NewBootloader(s.cfg, s.f, nil).Boot(Software, &s.ram); out != (Outcome{Jumped, 1, 0, false}) || s.f.Swapped() {
		t.Errorf("a failed write: %+v", out)
	}
	s.f.Boot()
	s.f.Arm(model.Cut{Mode: model.Torn})
	if out := NewBootloader(s.cfg, s.f, nil).Boot(Software, &s.ram); out.Result != PowerCut {
		t.Errorf("a cut: %+v", out)
	}
	for range 2 {
		if out, _, _ := s.boot(PowerOn); out.Result != Locked || out.Result.String() != "LOCKED" {
			t.Errorf("after the cut: %+v", out)
		}
	}
	plain, err := model.New(model.Config{Part: part.Halves("halves", 0x08000000, slices.Repeat([]uint32{2048}, 16), cell.AND), Unit: 8})
	if err != nil {
		t.Fatal(err)
	}
	s2 := newSwapper(t)
	s2.download(2)
	all := make([]byte, plain.Size())
	s2.f.Peek(plain.Start(), all)
	plain.Poke(plain.Start(), all)
	if out := NewBootloader(s.cfg, plain, nil).Boot(Software, &RAM{}); out != (Outcome{Jumped, 1, 0, false}) || plain.Steps() != 0 {
		t.Errorf("without option bytes: %+v, %d steps", out, plain.Steps())
	}
}

// TestSwapAgain: where an image reads now as valid and now as broken, the bootloader gives up after a number of swaps.
func TestSwapAgain(t *testing.T) {
	s := newSwapper(t)
	s.download(2)
	if out := NewBootloader(s.cfg, &unsteady{Flash: s.f, cfg: s.cfg}, nil).Boot(Software, &s.ram); out.Result != Hang {
		t.Errorf("%+v", out)
	}
}

// unsteady is a flash whose running image never has the bytes of its hash.
type unsteady struct {
	*model.Flash
	cfg Config
}

func (u *unsteady) Read(addr uint32, p []byte) error {
	err := u.Flash.Read(addr, p)
	if addr == u.cfg.AppStart {
		p[0] ^= 1
	}
	return err
}
