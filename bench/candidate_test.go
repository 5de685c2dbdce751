package bench

import (
	"context"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"dualbank/boot"
	"dualbank/boot/layout"
	"dualbank/kvstore/storage"
	"dualbank/model"
	"dualbank/results"
)

// onExternal is the guide's scenario with an update of n bytes whose candidate is on external flash, and a link that
// loses nothing.
func onExternal(n uint32) *Scenario {
	s := Guide()
	s.Update.Candidate, s.Update.Bytes, s.Update.Link.Loss, s.Update.Delta = ExternalCandidate, n, 0, false
	return s
}

// TestExternalCandidate: updates over external flash end in the new firmware, one after the other, with both clients, by the
// whole image and by a delta, from several slots, with the keys on the same flash or not, and after power cuts. Equal runs
// are equal to the cycle.
func TestExternalCandidate(t *testing.T) {
	for _, c := range []struct {
		client        boot.Generation
		delta         bool
		slots         uint32
		interruptions uint32
		typ           storage.Type
	}{
		{boot.ClientNew, false, 0, 0, storage.TDBInternal},
		{boot.ClientOld, false, 0, 0, storage.TDBInternal},
		{boot.ClientNew, true, 2, 0, storage.TDBInternal},
		{boot.ClientNew, false, 0, 3, storage.TDBInternal},
		{boot.ClientOld, false, 3, 3, storage.TDBInternal},
		{boot.ClientOld, true, 2, 2, storage.TDBExternal},
		{boot.ClientNew, false, 2, 3, storage.TDBExternal},
	} {
		name := fmt.Sprintf("%+v", c)
		var ended []uint64
		for range 2 {
			s := onExternal(30_000)
			u := &s.Update
			u.Client, u.Delta, u.Slots, u.Interruptions, s.Store.Type = Client(c.client), c.delta, c.slots, c.interruptions, StorageType(c.typ)
			d := provisioned(t, s, s.Board.Driver)
			for n := range uint64(4) {
				run, err := d.RunUpdate(context.Background(), u, s.Seed, nil)
				if err != nil {
					t.Fatalf("%s: update %d: %v", name, n, err)
				}
				checkInstalled(t, d, u.Version+n, uint64(u.Bytes))
				checkTracks(t, d, run)
				slot := 0
				if c.slots > 0 {
					slot = int(n % uint64(c.slots))
				}
				// Of a delta the last part may come after the last step.
				if run.Slot != slot || run.Restarts > uint64(c.interruptions) || run.Restarts == 0 && c.interruptions > 0 || run.Restarts < uint64(c.interruptions) && !c.delta {
					t.Errorf("%s: update %d: slot %d, %d restarts", name, n, run.Slot, run.Restarts)
				}
				// A download begins anew after each power cut.
				size := uint64(u.Bytes)
				if c.delta {
					size = uint64(run.Delta)
				}
				if again := run.Link.Bytes > size; again != (c.interruptions > 0) || run.Link.Bytes > size*uint64(c.interruptions+1) {
					t.Errorf("%s: update %d: %d bytes of %d come over the link", name, n, run.Link.Bytes, size)
				}
				if stall := run.Phases[PhasePrepare].Stall + run.Phases[PhaseWrite].Stall; stall != 0 {
					t.Errorf("%s: update %d: the application stalls for %d cycles while the external flash is written", name, n, stall)
				}
				if run.External.ProgramBytes < uint64(u.Bytes) || run.External.Erases == 0 || run.External.Refused != 0 {
					t.Errorf("%s: update %d: %+v", name, n, run.External)
				}
			}
			ready, err := d.Ready()
			if err != nil {
				t.Fatal(err)
			}
			ended = append(ended, d.Flash.Now(), ready)
		}
		if ended[0] != ended[2] || ended[1] != ended[3] {
			t.Errorf("%s: two equal runs end at %v", name, ended)
		}
	}
}

// TestExternalCandidateByHand: a slot of 400 KiB and a header needs six blocks of 64 KiB and five units of 4 KiB, and each
// fragment of 512 bytes, which begins inside a page, three programs. The internal flash is left alone until the install.
func TestExternalCandidateByHand(t *testing.T) {
	const (
		ms    = 168_000 // cycles
		us    = 168
		erase = (6*480 + 5*48) * ms
	)
	_, inside := updated(t, func() *Scenario { s := onExternal(400 << 10); s.Update.Candidate = ""; return s }(), "mbed")
	d, u := updated(t, onExternal(400<<10), "mbed")
	if got := u.Phases[PhasePrepare].Cycles; got < erase || got > erase+40*ms {
		t.Errorf("prepare takes %d cycles, by hand %d and a little", got, erase)
	}
	if u.External.Erases != 11 || u.External.Programs != 800*3+2 || u.External.ProgramBytes != 400<<10+boot.ExternalHeaderSize {
		t.Errorf("%+v", u.External)
	}
	// A page takes 896 us, less than a page 32 us and 1 us for each byte: of a fragment 216, 256 and 40 bytes. Each
	// program sleeps twice for 1 ms or more, looking at the status.
	if got, least := u.Phases[PhaseWrite].Cycles, uint64(800*3*2*ms); got < least || got > least+least/2 {
		t.Errorf("write takes %d cycles, by hand at least %d", got, least)
	}
	for p, same := range map[Phase]bool{
		PhaseDownload: true, PhaseVerifyActive: true, PhaseErase: true, PhaseVerifyInstalled: true, PhaseFirstBoot: true,
		PhaseVerify: false, PhaseVerifyCandidate: false, PhaseCopy: false,
	} {
		got, want := u.Phases[p].Cycles, inside.Phases[p].Cycles
		// Every byte of the candidate comes over the bus.
		if bus := uint64(400 << 10 * 183); same && got != want || !same && (got < want+bus-bus/50 || got > want+bus+bus/50) {
			t.Errorf("%s takes %d cycles, with the candidate on internal flash %d", phaseInfo[p].name, got, want)
		}
	}
	if got, want := u.Counters.Erases, inside.Counters.Erases-4; got != want {
		t.Errorf("%d erases of the internal flash, want %d", got, want)
	}
	if tl := u.Timeline(d.Flash, ""); len(tl.Tracks) != 5 || tl.Tracks[2].Name != "external flash busy" || len(tl.Tracks[2].Spans) == 0 || len(tl.Tracks[1].Spans) != 2 {
		t.Errorf("%d tracks, the third %s", len(tl.Tracks), tl.Tracks[2].Name)
	}
	metrics := map[string]float64{}
	for _, m := range u.Metrics(d.Flash) {
		metrics[m.Unit] = m.Value
	}
	if metrics["external-erases/op"] != 11 || metrics["erases/op"] != float64(u.Counters.Erases)+11 || metrics["external-sec/op"] != d.Flash.Seconds(u.External.Waiting) || metrics["sim-J/op"] != 0 {
		t.Errorf("%v", metrics)
	}
}

// TestExternalCandidatePlace: the place is the scenario's, else the configuration files', else what the store leaves.
func TestExternalCandidatePlace(t *testing.T) {
	files := func(address, size string) func(*Scenario) {
		edit := strings.NewReplacer("=ARM_UCP_FLASHIAP", "=ARM_UCP_FLASHIAP_BLOCKDEVICE",
			"(MBED_ROM_START + FLASH_BANK_SIZE + KVSTORE_SIZE)", address, "(FLASH_BANK_SIZE - KVSTORE_SIZE)", size)
		return func(s *Scenario) {
			s.Layout.BootloaderText, s.Layout.ApplicationText = edit.Replace(string(layout.Example()[0].Text)), edit.Replace(string(layout.Example()[1].Text))
			s.Layout.Bootloader, s.Layout.Application = "bootloader_app.json", "mbed_app.json"
			s.Update.Candidate = ""
		}
	}
	const largest = (1014784 + 296 + 4095) / 4096 * 4096
	for name, c := range map[string]struct {
		change   func(*Scenario)
		at, size uint32
		rooms    []uint32
	}{
		"default":          {func(*Scenario) {}, 0, largest, []uint32{largest - 296}},
		"two slots":        {func(s *Scenario) { s.Update.Slots = 2 }, 0, 2 * largest, []uint32{largest - 296, largest - 296}},
		"behind the store": {func(s *Scenario) { s.Store.Type = "TDB_EXTERNAL" }, 128 << 10, largest, []uint32{largest - 296}},
		"before the store's end, which is not used": {func(s *Scenario) { s.Update.ExternalAddress = 4096 }, 4096, largest, []uint32{largest - 296}},
		"inside a unit": {func(s *Scenario) { s.Update.ExternalAddress = 100 }, 100, 4096 - 100 + largest, []uint32{largest - 296}},
		"own":           {func(s *Scenario) { s.Update.ExternalAddress, s.Update.ExternalBytes = 1<<20, 512<<10 }, 1 << 20, 512 << 10, []uint32{512<<10 - 296}},
		"what is left":  {func(s *Scenario) { s.Update.ExternalAddress = 8<<20 - 64<<10 }, 8<<20 - 64<<10, 64 << 10, []uint32{64<<10 - 296}},
		"files":         {files("0x40000", "0x80000"), 0x40000, 0x80000, []uint32{0x80000 - 296}},
		"files, and own": {func(s *Scenario) {
			files("0x40000", "0x80000")(s)
			s.Update.Candidate, s.Update.ExternalBytes = ExternalCandidate, 0x20000
		}, 0x40000, 0x20000, []uint32{0x20000 - 296}},
	} {
		s := onExternal(20_000)
		c.change(s)
		d, err := s.Device("mbed", model.Typ)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if l := &d.Layout.Config; l.StorageAddr != c.at || l.StorageSize != c.size || !reflect.DeepEqual(d.SlotRooms(), c.rooms) {
			t.Errorf("%s: 0x%X, %d bytes, rooms %v", name, l.StorageAddr, l.StorageSize, d.SlotRooms())
		}
		if err := d.KV.Open(); err != nil {
			t.Fatal(err)
		}
		if _, err := d.RunUpdate(context.Background(), &s.Update, 1, nil); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, ok := d.Layout.Region(layout.RegionCandidate); ok {
			t.Errorf("%s: the internal flash has a region for candidates", name)
		}
	}
}

// TestExternalCandidateErrors: what does not fit together is one line with what to change.
func TestExternalCandidateErrors(t *testing.T) {
	const external = "candidate = 'external'\n"
	for text, want := range map[string]string{
		"candidate = 'spi'":                                                                              `x.toml:2: update.candidate: "spi" is no place: use internal or external`,
		"external_address = 4096":                                                                        `update.external_address: has no effect, the candidate is on internal flash: set update.candidate to "external", or leave it out`,
		"external_bytes = 4096":                                                                          `update.external_bytes: has no effect, the candidate is on internal flash: set update.candidate to "external", or leave it out`,
		"external_address = 2000000000":                                                                  "x.toml:2: update.external_address: 2000000000: give up to 1073741824",
		"external_bytes = 2000000000":                                                                    "x.toml:2: update.external_bytes: 2000000000: give up to 1073741824",
		external + "strategy = 'swap'":                                                                   `update.strategy: "swap": a swap of the banks needs the candidate in the other bank, it is on external flash: use "copy", or a candidate on internal flash (update.candidate)`,
		external + "external_address = 0x800000":                                                         "update.external_address: 0x800000: mx25r6435f has 0x800000 bytes: give a smaller address",
		external + "external_address = 0x700000\nexternal_bytes = 0x200000":                              "update.external_bytes: 2097152: mx25r6435f has 1048576 bytes from 0x700000 on: give up to that",
		external + "external_bytes = 4096\nslots = 2":                                                    "update.slots: 2 slots in the candidate storage 0x0-0x1000: each takes erase units of 4096 bytes: give fewer slots, or more update.external_bytes",
		external + "external_address = 100\nexternal_bytes = 4100":                                       "update.slots: 1 slots in the candidate storage 0x64-0x1068: each takes erase units of 4096 bytes: give fewer slots, or more update.external_bytes",
		external + "external_address = 0x10000\n[store]\nstorage_type = 'TDB_EXTERNAL'":                  "update.external_address: the candidate storage 0x10000-0x108000 overlaps the store 0x0-0x20000 on mx25r6435f: begin it at 0x20000",
		external + "[store]\nstorage_type = 'TDB_EXTERNAL_NO_RBP'\nexternal_bytes = 0x800000":            "update.candidate: the store leaves nothing of mx25r6435f to the candidate: give a smaller store.external_bytes",
		external + "[store]\nexternal = 'w25q'":                                                          `store.external: serial NOR part "w25q" is unknown: choose one of mx25r6435f, w25q64jv, or name a .toml file of your own`,
		"[layout]\nbootloader = 'b.json'\napplication = 'a.json'\n[update]\ncandidate = 'internal'":      `update.candidate: "internal": b.json and a.json have the candidates on a block device: leave the key out, or change MBED_CLOUD_CLIENT_UPDATE_STORAGE and the place there`,
		"[layout]\nbootloader = 'b.json'\napplication = 'a.json'\n[update]\nstrategy = 'swap'":           `update.strategy: "swap": a swap of the banks needs the candidate in the other bank, it is on external flash: use "copy", or a candidate on internal flash (update.candidate)`,
		"[layout]\nbootloader = 'b.json'\napplication = 'a.json'\n":                                      "update-client.storage-address: 0x8120000: mx25r6435f has 0x800000 bytes: give a smaller address",
		"[layout]\nbootloader = 'b.json'\napplication = 'a.json'\n[update]\nexternal_address = 0x780000": "update-client.storage-size: 917504: mx25r6435f has 524288 bytes from 0x780000 on: give up to that",
	} {
		if !strings.HasPrefix(text, "[layout]") {
			text = "[update]\n" + text
		}
		s, err := Parse("x.toml", []byte(text+"\n"))
		if err == nil {
			if s.Layout.Bootloader == "b.json" {
				device := strings.NewReplacer("=ARM_UCP_FLASHIAP", "=ARM_UCP_FLASHIAP_BLOCKDEVICE")
				s.Layout.BootloaderText, s.Layout.ApplicationText = device.Replace(string(layout.Example()[0].Text)), device.Replace(string(layout.Example()[1].Text))
			}
			if _, err = s.Device("mbed", model.Typ); err != nil && reflect.TypeOf(err) != reflect.TypeFor[*ScenarioError]() {
				t.Errorf("%s: %T is not the scenario's error", text, err)
			}
		}
		if err == nil || err.Error() != want {
			t.Errorf("%s:\ngot  %v\nwant %s", text, err, want)
		}
	}
	// Larger than the slot, though not than the application's region.
	s := onExternal(200 << 10)
	s.Update.ExternalBytes = 128 << 10
	d := provisioned(t, s, s.Board.Driver)
	if _, err := d.RunUpdate(context.Background(), &s.Update, 1, nil); err == nil || err.Error() != "prepare: 204800 bytes of firmware: firmware too large for the slot" {
		t.Errorf("firmware of 200 KiB in a slot of 128: %v", err)
	}
}

// TestInternalCandidateIsTheDefault: the key's default changes nothing, and the guide does not print it.
func TestInternalCandidateIsTheDefault(t *testing.T) {
	s := Guide()
	s.Update.Bytes = 50_000
	_, one := updated(t, s, "mbed")
	s.Update.Candidate = InternalCandidate
	d, two := updated(t, s, "mbed")
	if !reflect.DeepEqual(one, two) || two.OnExternal || d.nor != nil {
		t.Errorf("%+v and %+v", one, two)
	}
	if text := Guide().TOML(); strings.Contains(text, "candidate = ") || strings.Contains(text, "external_address") {
		t.Error("the guide's scenario has keys of external candidates")
	}
	s.Update.Candidate, s.Update.ExternalAddress, s.Update.ExternalBytes = ExternalCandidate, 4096, 1<<20
	again, err := Parse("again.toml", []byte(s.TOML()))
	if err != nil || again.Update.Candidate != ExternalCandidate || again.Update.ExternalAddress != 4096 || again.Update.ExternalBytes != 1<<20 {
		t.Errorf("%+v, %v", again.Update, err)
	}
}

// TestExternalCandidateState: a restored device repeats an update to the cycle; the report says where the candidate is;
// wear is that of its units too, and not the store's life.
func TestExternalCandidateState(t *testing.T) {
	s := onExternal(30_000)
	s.Store.Type, s.Workload.Hours, s.Update.ExternalAddress = "TDB_EXTERNAL", 8, 0x40000
	d, sets := lives(t, s)
	state := d.Snapshot()
	var took []uint64
	for range 2 {
		d.Restore(state)
		if err := d.KV.Open(); err != nil {
			t.Fatal(err)
		}
		run, err := d.RunUpdate(context.Background(), &s.Update, 1, nil)
		if err != nil {
			t.Fatal(err)
		}
		took = append(took, run.Cycles())
	}
	if took[0] != took[1] {
		t.Errorf("%v cycles", took)
	}
	if a := sets.Life.Sector.Addr; !sets.Life.External || a >= 0x20000 {
		t.Errorf("life of %+v", sets.Life)
	}
	units := map[string]uint32{}
	for _, w := range d.WearRecord() {
		if units[w.Region]++; w.Region == "external candidate" && (w.Addr < 0x40000 || !w.External || w.Erases > 2) {
			t.Errorf("%+v", w)
		}
	}
	if units["external KVStore"] != 32 || units["external candidate"] != 248 || units["candidate"] != 0 {
		t.Errorf("units %v", units)
	}
	if err := results.Check(&results.Report{Wear: d.WearRecord()}); err != nil && strings.Contains(err.Error(), "wear") {
		t.Error(err)
	}
	var r results.Report
	d.DescribeStorage(&r)
	if want := ", storage TDB_EXTERNAL and candidate on Macronix MX25R6435F, 8 MiB serial NOR, ultra low power"; r.Board != want {
		t.Errorf("board %q", r.Board)
	}
	if want := []results.Setting{{Key: "storage", Value: "TDB_EXTERNAL"}, {Key: "candidate", Value: "external"}, {Key: "external", Value: "mx25r6435f"}}; !reflect.DeepEqual(r.Config, want) {
		t.Errorf("settings %v", r.Config)
	}
	if axes := fmt.Sprintln(d.Axes("guide")...); !strings.HasSuffix(axes, " storage TDB_EXTERNAL candidate external\n") {
		t.Errorf("axes %s", axes)
	}
	if e, ok := d.UpdateEnergy(&UpdateRun{External: model.NORCounters{Busy: 1}}); ok {
		t.Errorf("%+v of a part whose current is not known", e)
	}
}

// TestExternalCandidateEnergy: where the current of the external flash is known, an update's energy has what both flashes
// draw.
func TestExternalCandidateEnergy(t *testing.T) {
	s := onExternal(30_000)
	s.Store.External = "w25q64jv"
	d, u := updated(t, s, "mbed")
	e, ok := d.UpdateEnergy(u)
	inside, known := d.Flash.Energy(&u.Counters)
	want := inside.Flash() + 25e-3*3.3*d.Flash.Seconds(u.External.Busy)
	if !ok || !known || math.Abs(e.Flash-want) > 1e-9*want || e.Core != inside.Core {
		t.Errorf("%+v, %t, want %v J", e, ok, want)
	}
}
