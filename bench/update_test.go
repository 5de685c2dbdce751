package bench

import (
	"context"
	"crypto/sha256"
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"dualbank/boot"
	"dualbank/boot/layout"
	"dualbank/internal/long"
	"dualbank/model"
)

// A block by hand: 90 bytes there, 90 + 1024 back at 250 kbit/s: 2.88 + 35.648 ms, and 80 ms of round
// trip. An exchange fails if one of its two messages does.
func TestLink(t *testing.T) {
	l := Guide().Update.Link
	l.Loss = 0
	got := l.boot(7)
	want := boot.Link{
		BitsPerSecond: 250_000, RoundTrip: 80 * time.Millisecond, Block: 1024, Overhead: 180,
		Timeout: 2 * time.Second, Retransmits: 4, Seed: 7,
	}
	if got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	rapid.Check(t, func(t *rapid.T) {
		l := Link{Loss: rapid.Uint32Range(0, 900).Draw(t, "loss"), Repeats: rapid.Uint32Range(0, 16).Draw(t, "repeats"), Block: 16}
		got := l.boot(0)
		if err := got.Check(); err != nil {
			t.Fatal(err)
		}
		p := float64(l.Loss) / 1000
		if want := 1e6 * (1 - (1-p)*(1-p)); math.Abs(float64(got.LossPPM)-want) > 1e-6 {
			t.Fatalf("%d exchanges of a million are lost, want %v", got.LossPPM, want)
		}
		if (got.Retransmits == -1) != (l.Repeats == 0) {
			t.Fatalf("%d retransmissions for %d", got.Retransmits, l.Repeats)
		}
	})
}

// updated is a device of s that has been through the first of its updates.
func updated(t testing.TB, s *Scenario, driver string) (*Device, *UpdateRun) {
	t.Helper()
	d := provisioned(t, s, driver)
	u, err := d.RunUpdate(context.Background(), &s.Update, s.Seed, nil)
	if err != nil {
		t.Fatal(err)
	}
	return d, u
}

// provisioned is the scenario's device with its keys set.
func provisioned(t testing.TB, s *Scenario, driver string) *Device {
	t.Helper()
	d, err := s.Device(driver, model.Corner(s.Board.Corner))
	if err != nil {
		t.Fatal(err)
	}
	if err := NewLoad(&s.Workload, s.Seed).Provision(d.KV); err != nil {
		t.Fatal(err)
	}
	return d
}

// The phases of an update, by hand: 400 KiB and a header need four sectors of 128 KiB in the slot, and
// from the header at 0x08008000 on 2 x 16, 64 and 3 x 128 KiB of the application.
func TestUpdatePhasesByHand(t *testing.T) {
	const (
		ms     = 168_000 // cycles
		us     = 168
		bytes  = 400 << 10
		blocks = 400
		header = 112
		erased = 2*250*ms + 550*ms + 3*1000*ms
		sha    = 59 * bytes // at least: waiting for code comes on top
	)
	for _, c := range []struct {
		driver  string
		program uint64 // cycles of program accesses for the image
	}{{"mbed", bytes * 16 * us}, {"word", bytes / 4 * 16 * us}} {
		s := Guide()
		s.Update.Link.Loss, s.Update.Delta = 0, false
		d, u := updated(t, s, c.driver)
		want := [phases]uint64{
			PhasePrepare:         4 * 1000 * ms,
			PhaseDownload:        blocks * 118528 * us,
			PhaseWrite:           c.program,
			PhaseVerify:          sha + header/4*16*us,
			PhaseReboot:          3 * ms,
			PhaseVerifyActive:    sha,
			PhaseVerifyCandidate: sha,
			PhaseErase:           erased,
			PhaseCopy:            c.program,
			PhaseVerifyInstalled: sha,
			PhaseFirstBoot:       3 * ms,
		}
		overhead := [phases]uint64{
			PhasePrepare: 12 * ms, // the key in the store
			// 10 % of waiting for code, 2 cycles a byte to read, the calls.
			PhaseVerify: bytes*8 + 30*ms, PhaseVerifyActive: bytes*8 + ms, PhaseVerifyCandidate: bytes*8 + ms, PhaseVerifyInstalled: bytes*8 + ms,
			PhaseWrite: bytes * 70, PhaseCopy: bytes*70 + header*20*us, PhaseErase: ms, PhaseFirstBoot: 25 * ms,
		}
		for p, least := range want {
			if got := u.Phases[p].Cycles; got < least || got > least+overhead[p] {
				t.Errorf("driver %s: %s takes %d cycles, by hand %d and up to %d around them", c.driver, phaseInfo[p].name, got, least, overhead[p])
			}
		}
		if sum := u.Phases[PhaseErase].Stall + u.Phases[PhaseCopy].Stall; sum < erased+c.program || sum > u.Down() {
			t.Errorf("driver %s: code in bank 1 stalls for %d of %d cycles while bank 1 is written", c.driver, sum, u.Down())
		}
		for _, p := range []Phase{PhaseDownload, PhaseWrite} {
			if stall := u.Phases[p].Stall; stall != 0 {
				t.Errorf("driver %s: the application stalls for %d cycles in %s, which is in the other bank", c.driver, stall, phaseInfo[p].name)
			}
		}
		if masked := u.Phases[PhasePrepare].Masked; c.driver == "mbed" && masked != 4*(1000*ms+200) || c.driver == "word" && masked != 0 {
			t.Errorf("driver %s: interrupts masked for %d cycles while the slot is erased", c.driver, masked)
		}
		if u.Link.Bytes != bytes || u.Link.Blocks != blocks || u.Restarts != 0 || u.Slot != 0 || u.Version != 2 {
			t.Errorf("driver %s: %+v", c.driver, u)
		}
		checkInstalled(t, d, s.Update.Version, bytes)
		checkTracks(t, d, u)
		if tl := u.Timeline(d.Flash, ""); len(tl.Tracks) != 4 || len(tl.Phases) != 7 {
			t.Errorf("%d tracks, %d phases", len(tl.Tracks), len(tl.Phases))
		}
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
	if got := taken(trackExternal); got != u.External.Busy {
		t.Errorf("external flash: busy for %d cycles, the time line shows %d", u.External.Busy, got)
	}
	if got := taken(trackStalled); got != u.Counters.Stall {
		t.Errorf("stalled for %d cycles, the time line shows %d", u.Counters.Stall, got)
	}
	overhead := u.Counters.Erases * 200 // the driver's, around the erase
	if got := taken(trackMasked); got > u.Counters.Masked || got+overhead < u.Counters.Masked {
		t.Errorf("masked for %d cycles, the time line shows %d", u.Counters.Masked, got)
	}
	at, sum := u.began, uint64(0)
	for _, p := range u.panes {
		if p.start != at || p.end < p.start {
			t.Errorf("%s from %d to %d, what is before it ends at %d", p.name, p.start, p.end, at)
		}
		at = p.end
	}
	for _, p := range u.Phases {
		sum += p.Cycles
	}
	if at != u.ended || sum != u.Cycles() {
		t.Errorf("an update from %d to %d: the time line ends at %d, the phases have %d cycles", u.began, u.ended, at, sum)
	}
}

// Sizes and fragments that do not divide each other, both clients, several slots, code elsewhere, whole
// and by delta, over a bad link, interrupted: several campaigns in a row all come to their end.
func TestUpdateOfAnyKind(t *testing.T) {
	rapid.Check(t, func(t0 *rapid.T) {
		s := Guide()
		u := &s.Update
		u.Bytes = rapid.Uint32Range(1, 30_000).Draw(t0, "bytes")
		u.Fragment = rapid.Uint32Range(1, 3000).Draw(t0, "fragment")
		u.Link.Block = 16 << rapid.IntRange(0, 6).Draw(t0, "block")
		u.Link.Loss = rapid.SampledFrom([]uint32{0, 5, 400}).Draw(t0, "loss")
		u.Link.Repeats = rapid.Uint32Range(0, 2).Draw(t0, "repeats")
		u.Client = Client(rapid.SampledFrom([]boot.Generation{boot.ClientNew, boot.ClientOld}).Draw(t0, "client"))
		u.Delta = rapid.Bool().Draw(t0, "delta")
		u.Candidate = rapid.SampledFrom([]Candidate{"", InternalCandidate, ExternalCandidate}).Draw(t0, "candidate")
		u.Slots = rapid.Uint32Range(0, 4).Draw(t0, "slots")
		u.Interruptions = rapid.Uint32Range(0, 4).Draw(t0, "interruptions")
		s.App.Code = Code(rapid.SampledFrom([]model.Code{0, 1, model.CodeInRAM}).Draw(t0, "code"))
		s.Workload.Keys = s.Workload.Keys[:3]
		d := provisioned(t, s, rapid.SampledFrom([]string{"mbed", "word"}).Draw(t0, "driver"))
		for n := range rapid.Uint64Range(1, 3).Draw(t0, "campaigns") {
			run, err := d.RunUpdate(context.Background(), u, s.Seed, nil)
			if err != nil {
				t0.Fatal(err)
			}
			checkInstalled(t, d, u.Version+n, uint64(u.Bytes))
			checkTracks(t, d, run)
			if s.App.Code == Code(model.CodeInRAM) && run.Counters.Stall != 0 {
				t0.Errorf("code in RAM stalled for %d cycles", run.Counters.Stall)
			}
			if run.Restarts > uint64(u.Interruptions) {
				t0.Errorf("%d restarts after %d interruptions", run.Restarts, u.Interruptions)
			}
		}
	})
}

// moveTo puts the guide's layout on another part whose driver programs 8 bytes at once.
func moveTo(s *Scenario, part, target string) {
	s.Board.Part, s.Board.Hz, s.Layout.Target = part, 0, target
	if target == "NUCLEO_F429ZI" {
		return
	}
	fit := strings.NewReplacer("NUCLEO_F429ZI", target, `"update-client.storage-page": 1`, `"update-client.storage-page": 8`)
	files := layout.Example()
	s.Layout.Bootloader, s.Layout.BootloaderText = "bootloader_app.json", fit.Replace(string(files[0].Text))
	s.Layout.Application, s.Layout.ApplicationText = "mbed_app.json", fit.Replace(string(files[1].Text))
}

// Downloads that the power fails in are resumed, campaign after campaign, on whatever slot is next: what
// was written before is not downloaded again, but for one sector and one block an interruption.
func TestInterruptedCampaigns(t *testing.T) {
	long.Test(t)
	for _, c := range []struct {
		part, target, client string
		slots                uint32
		sector               uint64 // largest of the slots
	}{
		{"stm32f429zi", "NUCLEO_F429ZI", "new", 1, 128 << 10},
		{"stm32f429zi", "NUCLEO_F429ZI", "old", 3, 128 << 10},
		{"stm32l4r5zi", "NUCLEO_L4R5ZI", "new", 2, 4 << 10},
		{"stm32l4r5zi", "NUCLEO_L4R5ZI", "old", 2, 4 << 10},
	} {
		s := Guide()
		u := &s.Update
		moveTo(s, c.part, c.target)
		u.Bytes, u.Interruptions, u.Slots, u.Link.Loss = 200<<10, 3, c.slots, 0
		if err := u.Client.UnmarshalText([]byte(c.client)); err != nil {
			t.Fatal(err)
		}
		d := provisioned(t, s, "mbed")
		for n := range 5 {
			u.Delta = n == 3
			run, err := d.RunUpdate(context.Background(), u, s.Seed, nil)
			if err != nil {
				t.Fatalf("%s, %s client, campaign %d: %v", c.part, c.client, n, err)
			}
			checkInstalled(t, d, u.Version+uint64(n), uint64(u.Bytes))
			checkTracks(t, d, run)
			most := uint64(u.Bytes) + 3*(c.sector+1024)
			if u.Delta {
				most = 4 * uint64(run.Delta) // a delta is read from its start
			}
			if run.Restarts != 3 || run.Phases[PhaseRestart].Cycles == 0 || run.Link.Bytes > most {
				t.Errorf("%s, %s client, campaign %d: %d restarts, %d bytes downloaded, at most %d are wanted", c.part, c.client, n, run.Restarts, run.Link.Bytes, most)
			}
			if want := n % int(c.slots); run.Slot != want {
				t.Errorf("%s, %s client: campaign %d is in slot %d, want %d", c.part, c.client, n, run.Slot, want)
			}
			if _, _, ok := (journal{d.Store}).Load(); ok {
				t.Errorf("%s: campaign %d is over, and the store still has it", c.part, n)
			}
		}
	}
}

// What a delta saves is what does not come over the link; the rest takes as long.
func TestDeltaUpdate(t *testing.T) {
	s := Guide()
	s.Update.Link.Loss, s.Update.Delta = 0, false
	_, whole := updated(t, s, "mbed")
	s.Update.Delta = true
	d, delta := updated(t, s, "mbed")
	checkInstalled(t, d, s.Update.Version, uint64(s.Update.Bytes))
	if delta.Delta == 0 || delta.Link.Bytes != uint64(delta.Delta) || delta.Delta > s.Update.Bytes/5 {
		t.Errorf("a delta of %d bytes, %d downloaded", delta.Delta, delta.Link.Bytes)
	}
	if got, want := delta.Phases[PhaseDownload].Cycles, whole.Phases[PhaseDownload].Cycles; got > want/5 {
		t.Errorf("the delta downloads in %d cycles, the image in %d", got, want)
	}
	// Unpacking takes time on top of programming the same bytes.
	if got, want := delta.Phases[PhaseWrite].Cycles, whole.Phases[PhaseWrite].Cycles; got <= want || got > want+want/50 {
		t.Errorf("writing takes %d cycles with the delta, %d without", got, want)
	}
	for p := PhaseVerify; p < phases; p++ {
		if got, want := delta.Phases[p].Cycles, whole.Phases[p].Cycles; got != want {
			t.Errorf("%s takes %d cycles after a delta, %d else", phaseInfo[p].name, got, want)
		}
	}
}

func TestUpdateErrors(t *testing.T) {
	s := Guide()
	s.Update.Bytes = 2 << 20
	if _, err := s.Device("mbed", model.Typ); err == nil || !strings.Contains(err.Error(), "update.bytes: 2097152 bytes of firmware, the layout has room for 1014784") {
		t.Errorf("firmware of 2 MiB: %v", err)
	}
	for want, change := range map[string]func(u *Update){
		"update.fragment: 100 bytes, the driver programs 8 at once": func(u *Update) { u.Fragment = 100 },
		"update.slots: slot 0 of 60 is empty":                       func(u *Update) { u.Slots = 60 },
		"update.firmware: app.bin was not read":                     func(u *Update) { u.Firmware = "app.bin" },
	} {
		s := Guide()
		moveTo(s, "stm32l496zg", "NUCLEO_L496ZG")
		if strings.Contains(want, "slots") {
			s = Guide()
		}
		change(&s.Update)
		if _, err := s.Device("mbed", model.Typ); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	// Larger than the slot, though not than the application's region.
	s.Update.Bytes = 950 << 10
	d := provisioned(t, s, "mbed")
	if _, err := d.RunUpdate(context.Background(), &s.Update, 1, nil); err == nil || !strings.Contains(err.Error(), "prepare: 972800 bytes of firmware: firmware too large for the slot") {
		t.Errorf("firmware of 950 KiB: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	s = Guide()
	s.Update.Bytes = 40 << 10
	if _, err := provisioned(t, s, "mbed").RunUpdate(ctx, &s.Update, 1, func(done, total uint64) {
		if done > total/2 {
			cancel()
		}
	}); err != context.Canceled {
		t.Errorf("stopped half way: %v", err)
	}
}

// With fast programming the bootloader copies faster, and on a G4 interrupts are masked for a row and no longer.
func TestFastProgramming(t *testing.T) {
	run := func(board, driver string) (copies, masked float64) {
		s, err := BoardScenario(board)
		if err != nil {
			t.Fatal(err)
		}
		s.Update.Bytes = 64 << 10
		d, err := s.Device(driver, model.Typ)
		if err != nil {
			t.Fatal(err)
		}
		if err := NewLoad(&s.Workload, 1).Provision(d.KV); err != nil {
			t.Fatal(err)
		}
		u, err := d.RunUpdate(context.Background(), &s.Update, 1, nil)
		if err != nil {
			t.Fatal(err)
		}
		return d.Flash.Seconds(u.Phases[PhaseCopy].Cycles), d.Flash.Seconds(u.Counters.LongestMasked)
	}
	for board, want := range map[string][2]float64{"nucleo-u575zi-q": {2.4, 0}, "nucleo-g474re": {1.36, 3.9e-3}} {
		slow, m := run(board, "ram-code")
		fast, masked := run(board, "burst")
		if slow/fast < want[0] || slow/fast > want[0]*1.05 || m != 0 || masked > want[1] || (masked > 0) != (want[1] > 0) {
			t.Errorf("%s: copies in %v s and %v s, masked for %v s and %v s", board, slow, fast, m, masked)
		}
	}
}
