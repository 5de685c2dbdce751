package bench

import (
	"context"
	"crypto/sha256"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"dualbank/boot"
	"dualbank/model"
)

func TestFetchWithoutLoss(t *testing.T) {
	// 90 bytes there, 90 + 1024 back at 250 kbit/s: 2.88 + 35.648 ms, and 80 ms of round trip.
	l := Guide().Update.Link
	l.Loss = 0
	c := newChannel(l, 1)
	if got, want := c.fetch(1024), 118528*time.Microsecond; got != want {
		t.Errorf("a block takes %v, want %v", got, want)
	}
	if c.repeats != 0 || c.resumes != 0 {
		t.Errorf("%d repeats, %d resumes", c.repeats, c.resumes)
	}
}

func TestFetchRepeats(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := Guide().Update.Link
		l.Loss = rapid.Uint32Range(0, 900).Draw(t, "loss")
		l.Repeats = rapid.Uint32Range(0, 6).Draw(t, "repeats")
		seed := rapid.Uint64().Draw(t, "seed")
		c, again := newChannel(l, seed), newChannel(l, seed)
		exchange := 118528 * time.Microsecond
		for range 20 {
			repeats, resumes := c.repeats, c.resumes
			took := c.fetch(1024)
			repeats, resumes = c.repeats-repeats, c.resumes-resumes
			least := exchange + time.Duration(repeats)*time.Duration(l.Timeout) + time.Duration(resumes)*time.Duration(l.Resume)
			most := exchange + time.Duration(repeats)*3*time.Second<<l.Repeats + time.Duration(resumes)*time.Duration(l.Resume)
			if took < least || took > most {
				t.Fatalf("%v with %d repeats and %d resumes: want %v to %v", took, repeats, resumes, least, most)
			}
			if resumes*uint64(l.Repeats+1) > repeats {
				t.Fatalf("%d resumes after %d repeats", resumes, repeats)
			}
			if got := again.fetch(1024); got != took {
				t.Fatalf("%v, then %v from the same seed", took, got)
			}
		}
	})
}

func updated(t *testing.T, s *Scenario, driver string) (*Device, *UpdateRun) {
	t.Helper()
	d, err := s.Device(driver, model.Corner(s.Board.Corner))
	if err != nil {
		t.Fatal(err)
	}
	if err := newLoad(&s.Workload, s.Seed).provision(d.Store); err != nil {
		t.Fatal(err)
	}
	u, err := d.RunUpdate(context.Background(), &s.Update, s.Seed, nil)
	if err != nil {
		t.Fatal(err)
	}
	return d, u
}

// The phases of an update, by hand: 400 KiB and a header need four sectors of 128 KiB in the slot, and
// from the header at 0x08008000 on 2 x 16, 64 and 3 x 128 KiB of the application.
func TestUpdatePhasesByHand(t *testing.T) {
	const (
		ms      = 180_000 // cycles
		us      = 180
		bytes   = 400 << 10
		blocks  = 400
		header  = 112
		erased  = 2*250*ms + 550*ms + 3*1000*ms
		reading = bytes * 5 / 100 * us // generous: 5 ns a byte and then some
	)
	for _, c := range []struct {
		driver  string
		program uint64 // cycles of program accesses for the image
	}{{"mbed", bytes * 16 * us}, {"word", bytes / 4 * 16 * us}} {
		s := free()
		s.Update.Link.Loss = 0
		d, u := updated(t, s, c.driver)
		want := map[string]uint64{
			phasePrepare:  4 * 1000 * ms,
			phaseDownload: blocks*118528*us + c.program,
			phaseVerify:   header / 4 * 16 * us,
			phaseInstall:  erased + c.program,
		}
		for _, p := range u.Phases {
			least, ok := want[p.Name]
			if !ok {
				continue
			}
			got := p.End - p.Start
			overhead := uint64(bytes*70 + 30*ms) // 60 cycles an access and the calls, and reading
			if got < least || got > least+overhead {
				t.Errorf("driver %s: %s takes %d cycles, by hand %d and up to %d around them", c.driver, p.Name, got, least, overhead)
			}
		}
		if got := u.phase(phaseInstall); u.Phases[3].Stall < erased+c.program || u.Phases[3].Stall > got {
			t.Errorf("driver %s: code in bank 1 stalls for %d of %d cycles while bank 1 is written", c.driver, u.Phases[3].Stall, got)
		}
		if stall := u.Phases[1].Stall; stall != 0 {
			t.Errorf("driver %s: the application stalls for %d cycles in the download to the other bank", c.driver, stall)
		}
		if masked := u.Phases[0].Masked; c.driver == "mbed" && masked != 4*(1000*ms+200) || c.driver == "word" && masked != 0 {
			t.Errorf("driver %s: interrupts masked for %d cycles while the slot is erased", c.driver, masked)
		}
		checkInstalled(t, d, s.Update.Version, bytes)
		checkTracks(t, d, u)
	}
}

// checkInstalled wants the active image whole, by its own header.
func checkInstalled(t *testing.T, d *Device, version, size uint64) {
	t.Helper()
	head := make([]byte, boot.HeaderSize)
	d.Flash.Peek(d.Layout.Config.Details, head)
	var h boot.Details
	if !boot.ParseHeader(head, &h) || h.Version != version || h.Size != size {
		t.Fatalf("the active header says version %d, %d bytes", h.Version, h.Size)
	}
	image := make([]byte, h.Size)
	d.Flash.Peek(d.Layout.Config.AppStart, image)
	if sha256.Sum256(image) != h.Hash {
		t.Error("the active image is not the one of its header")
	}
}

// checkTracks wants the time line to show just what the flash counted.
func checkTracks(t *testing.T, d *Device, u *UpdateRun) {
	t.Helper()
	taken := func(i int) (sum uint64) {
		if i >= len(u.tracks) {
			return 0
		}
		end := u.began
		for _, s := range u.tracks[i] {
			if s.start < end || s.end <= s.start || s.taken > s.end-s.start {
				t.Errorf("track %d: %+v after %d", i, s, end)
			}
			end = s.end
			sum += s.taken
		}
		return sum
	}
	for b := range u.Counters.Busy {
		if got := taken(trackBanks + b); got != u.Counters.Busy[b] {
			t.Errorf("bank %d: busy for %d cycles, the time line shows %d", b+1, u.Counters.Busy[b], got)
		}
	}
	if got := taken(trackStalled); got != u.Counters.Stall {
		t.Errorf("stalled for %d cycles, the time line shows %d", u.Counters.Stall, got)
	}
	overhead := u.Counters.Erases * 200 // the driver's, around the erase
	if got := taken(trackMasked); got > u.Counters.Masked || got+overhead < u.Counters.Masked {
		t.Errorf("masked for %d cycles, the time line shows %d", u.Counters.Masked, got)
	}
	at := u.began
	for _, p := range u.Phases {
		if p.Start != at || p.End < p.Start {
			t.Errorf("phase %s from %d to %d, the one before it ends at %d", p.Name, p.Start, p.End, at)
		}
		at = p.End
	}
	tl := u.Timeline(d.Flash, "")
	if len(tl.Tracks) != 4 || len(tl.Phases) != 5 {
		t.Errorf("%d tracks, %d phases", len(tl.Tracks), len(tl.Phases))
	}
}

// Sizes and fragments that do not divide each other, both clients, code elsewhere.
func TestUpdateOfAnySize(t *testing.T) {
	rapid.Check(t, func(t0 *rapid.T) {
		s := Guide()
		s.Update.Bytes = rapid.Uint32Range(1, 60_000).Draw(t0, "bytes")
		s.Update.Fragment = rapid.Uint32Range(1, 3000).Draw(t0, "fragment")
		s.Update.Link.Block = 16 << rapid.IntRange(0, 6).Draw(t0, "block")
		s.Update.Client = Client(rapid.SampledFrom([]boot.Generation{boot.ClientNew, boot.ClientOld}).Draw(t0, "client"))
		s.Board.Code = Code(rapid.SampledFrom([]model.Code{0, 1, model.CodeInRAM}).Draw(t0, "code"))
		s.Workload.Keys = s.Workload.Keys[:3]
		d, u := updated(t, s, rapid.SampledFrom([]string{"mbed", "word"}).Draw(t0, "driver"))
		checkInstalled(t, d, s.Update.Version, uint64(s.Update.Bytes))
		checkTracks(t, d, u)
		if s.Board.Code == Code(model.CodeInRAM) && u.Counters.Stall != 0 {
			t0.Errorf("code in RAM stalled for %d cycles", u.Counters.Stall)
		}
	})
}

func TestUpdateErrors(t *testing.T) {
	s := Guide()
	s.Update.Bytes = 2 << 20
	if _, err := s.Device("mbed", model.Typ); err == nil || !strings.Contains(err.Error(), "update.bytes: 2097152 bytes of firmware, the layout has room for 1014784") {
		t.Errorf("firmware of 2 MiB: %v", err)
	}
	// Larger than the slot, though not than the application's region.
	s.Update.Bytes = 950 << 10
	d, err := s.Device("mbed", model.Typ)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.RunUpdate(context.Background(), &s.Update, 1, nil); err == nil || !strings.Contains(err.Error(), "prepare: 972800 bytes of firmware: firmware too large for the slot") {
		t.Errorf("firmware of 950 KiB: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	u := Guide().Update
	if _, err := d.RunUpdate(ctx, &u, 1, func(done, total uint64) {
		if done > total/2 {
			cancel()
		}
	}); err != context.Canceled {
		t.Errorf("stopped half way: %v", err)
	}
}
