package boot

import (
	"fmt"
	"strings"
	"testing"
)

// play runs a script on a fresh machine and returns what it prints.
func play(t *testing.T, config, script string) string {
	t.Helper()
	m, err := newMachine(config, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.SplitSeq(strings.TrimSpace(script), "\n") {
		if err := m.run(strings.TrimSpace(line)); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
	}
	return m.out.String()
}

// TestBehaviour has the corners of boot.md that the recorded traces do not reach.
func TestBehaviour(t *testing.T) {
	for _, c := range []struct{ name, config, script, want string }{
		{
			"header apart from the application is erased first", "l4_9000",
			"factory 1 5000 1\ndownload 0 2 3000 2\nlog on\nboot",
			"Erase active application|[DBG ] Erasing header separately from active application|[DBG ] Write header",
		},
		{
			"header apart: its page, then the application's", "l4_9000",
			"factory 1 5000 1\ndownload 0 2 3000 2\nlog on\nboot",
			"  E 0x08008000 2048\n  E 0x08009000 2048 x2\n  P 0x08008000 8 x14\n",
		},
		{
			"erase rounded past the maximum fails after the header's erase", "l4_9000_maxodd",
			"factory 1 5000 1\ndownload 0 2 99000 2\nlog on\nboot",
			"Firmware size rounded up to the nearest sector boundary is larger than the maximum application size|[DBG ] Firmware update failed|Failed to jump to application!|",
		},
		{
			"and leaves no header", "l4_9000_maxodd",
			"factory 1 5000 1\ndownload 0 2 99000 2\nlog on\nboot",
			"boot HALT active=none heap=0/0 P=0 E=1 ",
		},
		{
			"erase rounded past the maximum erases nothing where header and application are one range", "f429_maxodd",
			"factory 1 5000 1\ndownload 0 2 99000 2\nboot",
			"boot HALT active=v1,size5000,hashOK heap=0/0 P=0 E=0 ",
		},
		{
			"the last that fits under an odd maximum", "f429_maxodd",
			"factory 1 5000 1\ndownload 0 2 97280 2\nboot",
			"boot BOOT jump=0x08008400 active=v2,size97280,hashOK heap=0/0 P=97392 E=3 ",
		},
		{
			"a size beyond the flash is a bus fault in the chunk that leaves it", "f429_1",
			"rawheader 0x08120000 2 5000000 1\nlog on\nboot",
			"R=58 Rb=917624 anom=OUT0,OVER0,OOR1:OOR@0x081fc070+16384\n",
		},
		{
			"the fault ends the boot in place", "f429_1",
			"factory 1 5000 1\nrawheader 0x08120000 2 5000000 1\nboot",
			"boot FAULT active=v1,size5000,hashOK",
		},
		{
			"without a reset-reason driver the counter is always kept", "f429_1_norr",
			"factory 1 5000 1\nsetheap 1 2\npowercycle ones\nboot\nwarmreset SOFTWARE\nboot",
			"heap=1/1 ",
		},
		{
			"three boots of the same version make it failing, and giving up forgives", "f429_1",
			"factory 1 5000 1\nsetheap 1 2\nwarmreset WATCHDOG\nboot\nboot",
			"boot HALT active=v1,size5000,hashOK heap=1/0 ",
		},
		{
			"the older client accepts any size in a slot that ends the flash", "f429_1",
			"maxprep 0", "maxprep slot=0 client=old accepts_1=1 accepts_4194304=1 largest=4194304\n",
		},
		{
			"the newer one does not", "f429_1",
			"client new\nmaxprep 0", "maxprep slot=0 client=new accepts_1=1 accepts_4194304=0 largest=917392\n",
		},
		{
			"a slot in the middle has its limit in both", "f429_3",
			"maxprep 1", "maxprep slot=1 client=old accepts_1=1 accepts_4194304=0 largest=262032\n",
		},
		{
			"a slot that is not there", "f429_3",
			"maxprep 3", "maxprep slot=3 client=old accepts_1=0 accepts_4194304=0 largest=0\n",
		},
		{
			"the sum wraps at 32 bits", "f429_1",
			"client new\nprepare 0 2 0xFFFFFFFF 1", "prepare OK rc=0 ",
		},
		{
			"wrapped: one unit is erased", "f429_1",
			"client new\nprepare 0 2 0xFFFFFFFF 1", " P=0 E=1 ",
		},
		{
			"older client: writing past the end fails whole", "f429_1",
			"prepare 0 2 0x100000 1\nwrite 0 0 0x100000", "write OK rc=2 P=916992 E=0 ",
		},
		{
			"newer client: page by page up to the end", "f429_1",
			"client new\nprepare 0 2 0xFFFFFFFF 1\nwrite 0 0 0x100000", "write OK rc=2 P=917392 E=0 ",
		},
		{
			"FlashIAP tries again", "f429_1",
			"client new\nfail 5\ndownload 0 2 1000 1", "download OK rc=0 P=1112 E=1 ",
		},
		{
			"a refused Prepare keeps the earlier header", "f429_1",
			"client new\nprepare 0 2 1000 1\nprepare 0 3 4000000 1\nactivate 0\nstatus",
			"details_rc=0 version=2 size=1000\n",
		},
		{
			"a reset leaves zeros", "f429_1",
			"client new\nprepare 0 2 1000 1\nwarmreset\nactivate 0\npeek 0x08120000 112",
			"peek " + strings.Repeat("00", 112) + "\n",
		},
		{
			"no padding where the buffer has no room", "l4_8800",
			"prepare 0 2 1003 1\nwrite 0 0 1003 1003", "write OK rc=2 P=0 ",
		},
		{
			"no padding before the end", "l4_8800",
			"prepare 0 2 1003 1\nwrite 0 0 999", "write OK rc=2 P=64 ",
		},
		{
			"programming twice is an anomaly", "f429_1",
			"prepare 0 2 100 1\nwrite 0 0 3\nwrite 0 1 2", "P=2 E=0 R=0 Rb=0 anom=OUT0,OVER2,OOR0:OVER@0x08120071+1\n",
		},
		{
			"the first of equal versions wins", "f429_3",
			"download 1 4 2000 1\ndownload 2 4 3000 2\nboot", "active=v4,size2000,hashOK",
		},
		{
			"all of the upstream storage is one slot over mixed units", "f429_default",
			"log on\ndownload 0 2 70000 1", "  E 0x08100000 16384 x4\n  E 0x08110000 65536\n  P 0x08100000 1 x70112\n",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := play(t, c.config, c.script); !strings.Contains(got, c.want) {
				t.Errorf("want %q in:\n%s", c.want, got)
			}
		})
	}
}

// TestBufferTail: the last page of an install is filled up with what the one buffer held before: here
// the end of the header, since the firmware is shorter than that.
func TestBufferTail(t *testing.T) {
	got := play(t, "l4_8800", "download 0 2 5 1\nboot\npeek 0x08008000 8\npeek 0x08008800 16")
	head, tail := "5a51b3d400000002", "000002ffffffffffffffff"
	if !strings.Contains(got, "peek "+head) || !strings.Contains(got, tail) {
		t.Errorf("want header %s and a tail %s in:\n%s", head, tail, got)
	}
}

func TestPhases(t *testing.T) {
	m, err := newMachine("f429_1", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	var phases []string
	m.boot.Enter = func(p Phase) { phases = append(phases, string(p)) }
	for _, line := range []string{"factory 1 100 1", "download 0 2 100 2", "boot"} {
		if err := m.run(line); err != nil {
			t.Fatal(err)
		}
	}
	want := "[verify active verify candidate erase write header copy verify done]"
	if fmt.Sprint(phases) != want {
		t.Errorf("phases %v, want %s", phases, want)
	}
}

// TestKnownFirmware: what is known of a firmware spares its hash, whatever is there. What is not sure is found out.
func TestKnownFirmware(t *testing.T) {
	for _, sound := range []bool{true, false} {
		for _, c := range []struct{ right, sure bool }{{true, true}, {false, true}, {true, false}, {false, false}} {
			m := newMended(t, repairLayout, ClientNew, nil) // its page has 8 bytes
			if !sound {
				m.f.Poke(m.cfg.AppStart+7, []byte{0})
			}
			m.loader.Known = func(uint32, *Details) (right, sure bool) { return c.right, c.sure }
			want := sound
			if c.sure {
				want = c.right
			}
			if out := m.boot(PowerOn); (out.Result == Jumped) != want {
				t.Errorf("sound %v, known %+v: %v", sound, c, out.Result)
			}
		}
	}
}

// TestBootAllocatesNothing: power-cut exploration boots hundreds of thousands of times.
func TestBootAllocatesNothing(t *testing.T) {
	f, err := plainFlash("l4_8800")
	if err != nil {
		t.Fatal(err)
	}
	cfg := traceConfigs["l4_8800"]
	c := NewClient(cfg, f, ClientOld, nil)
	b := NewBootloader(cfg, f, nil)
	fw := make([]byte, 4096)
	d := Details{Version: 1, Size: 4096}
	stream(1, 0, fw)
	d.Hash = hashOf(fw)
	ram := new(RAM)
	install := func() {
		if c.Prepare(0, &d) != nil || c.Write(0, 0, fw) != nil {
			t.Fatal("download failed")
		}
		if o := b.Boot(PowerOn, ram); o.Result != Jumped || o.Version != d.Version || !o.Installed {
			t.Fatalf("boot: %+v", o)
		}
		d.Version++
	}
	install()
	if n := testing.AllocsPerRun(10, install); n > 0 {
		t.Errorf("download, install and boot: %v allocations", n)
	}
}
