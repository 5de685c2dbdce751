package results

import "testing"

func TestQuantities(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{duration(0), "0 s"},
		{duration(3e-10), "0.3 ns"},
		{duration(16e-6), "16 µs"},
		{duration(0.9999e-3), "1.00 ms"},
		{duration(0.00235678), "2.36 ms"},
		{duration(0.99949), "999 ms"},
		{duration(0.99951), "1.00 s"},
		{duration(5.9984), "6.00 s"},
		{duration(6), "6 s"},
		{duration(9.999), "10.0 s"},
		{duration(119.4), "119 s"},
		{duration(142), "2 min 22 s"},
		{duration(179.6), "3 min 00 s"},
		{duration(3599.6), "1 h 00 min"},
		{duration(11100), "3 h 05 min"},
		{duration(41.23 * 86400), "41.2 d"},
		{duration(10.4 * 365.25 * 86400), "10.4 years"},
		{duration(-0.5), "-500 ms"},
		{digits(0.00925, 4), "0.00925"},
		{digits(1234567, 3), "1,234,567"},
		{digits(99.96, 3), "100"},
		{digits(9.9996, 4), "10.00"},
		{digits(-1234.5, 5), "-1,234.5"},
		{count(uint32(0)), "0"},
		{count(uint64(18446744073709551615)), "18,446,744,073,709,551,615"},
		{count(-1234), "-1,234"},
		{plural(1, "cut"), "1 cut"},
		{plural(uint64(2000), "cut"), "2,000 cuts"},
		{size(512), "512 B"},
		{size(400 << 10), "400 KiB"},
		{size(3 << 19), "1.5 MiB"},
		{percent(0.0038), "0.38 %"},
		{percent(0.00001), "< 0.01 %"},
		{percent(0.99999), "> 99.99 %"},
		{percent(1), "100 %"},
		{address(0x08100000), "0x08100000"},
		{address(0xbeef), "0x0000BEEF"},
		{measure(0.00493, "sim-sec/op"), "4.93 ms"},
		{measure(1312.5, "ns/op"), "1.31 µs"},
		{measure(2048, "B/op"), "2 KiB"},
		{measure(18234.7, "cuts/host-sec"), "18,235"},
		{slug("KVStore workload, MbedCE"), "kvstore-workload-mbedce"},
		{slug("../../etc/passwd"), "etc-passwd"},
		{slug("Ünï"), "n"},
		{slug("§"), "map"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

func TestTicksAreOnTheClock(t *testing.T) {
	for _, c := range []struct {
		hi   float64
		n    int
		want string
	}{
		{150, 8, "0 30 s 60 s 90 s 120 s 150 s"},
		{150, 3, "0 1 min 2 min"},
		{4.02, 2, "0 2 s 4 s"},
		{0.241, 1, "0 200 ms"},
		{0.0384, 1, "0 20 ms"},
		{7200, 4, "0 30 min 60 min 90 min 120 min"},
		{86400 * 3, 3, "0 1 d 2 d 3 d"},
		{0, 3, "0"},
		{5e-324, 3, "0"},
		{1e12, 2, "0 10,000,000 d"},
	} {
		got := ""
		for i, k := range timeTicks(c.hi, c.n) {
			if i > 0 {
				got += " "
			}
			got += k.label
		}
		if got != c.want {
			t.Errorf("timeTicks(%v, %d): %s, want %s", c.hi, c.n, got, c.want)
		}
	}
	if got := countTicks(1<<64-1, 4); len(got) < 2 || len(got) > 6 {
		t.Errorf("countTicks(max): %d ticks", len(got))
	}
}
