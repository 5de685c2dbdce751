package unit

import "testing"

func TestQuantities(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{Duration(0), "0 s"},
		{Duration(3e-10), "0.3 ns"},
		{Duration(16e-6), "16 µs"},
		{Duration(0.9999e-3), "1.00 ms"},
		{Duration(0.00235678), "2.36 ms"},
		{Duration(0.99949), "999 ms"},
		{Duration(0.99951), "1.00 s"},
		{Duration(5.9984), "6.00 s"},
		{Duration(6), "6 s"},
		{Duration(9.999), "10.0 s"},
		{Duration(119.4), "119 s"},
		{Duration(142), "2 min 22 s"},
		{Duration(179.6), "3 min 00 s"},
		{Duration(3599.6), "1 h 00 min"},
		{Duration(11100), "3 h 05 min"},
		{Duration(41.23 * 86400), "41.2 d"},
		{Duration(10.4 * 365.25 * 86400), "10.4 years"},
		{Duration(-0.5), "-500 ms"},
		{Digits(0.00925, 4), "0.00925"},
		{Digits(1234567, 3), "1,234,567"},
		{Digits(99.96, 3), "100"},
		{Digits(9.9996, 4), "10.00"},
		{Digits(-1234.5, 5), "-1,234.5"},
		{Count(uint32(0)), "0"},
		{Count(uint64(18446744073709551615)), "18,446,744,073,709,551,615"},
		{Count(-1234), "-1,234"},
		{Plural(1, "cut"), "1 cut"},
		{Plural(uint64(2000), "cut"), "2,000 cuts"},
		{Size(512), "512 B"},
		{Size(400 << 10), "400 KiB"},
		{Size(3 << 19), "1.5 MiB"},
		{Percent(0.0038), "0.38 %"},
		{Percent(0.00001), "< 0.01 %"},
		{Percent(0.99999), "> 99.99 %"},
		{Percent(1), "100 %"},
		{Address(0x08100000), "0x08100000"},
		{Address(0xbeef), "0x0000BEEF"},
		{Measure(0.00493, "sim-sec/op"), "4.93 ms"},
		{Measure(1312.5, "ns/op"), "1.31 µs"},
		{Measure(2048, "B/op"), "2 KiB"},
		{Measure(18234.7, "cuts/host-sec"), "18,235"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

func TestEnergy(t *testing.T) {
	for j, want := range map[float64]string{0: "0 J", 5.85e-6: "5.85 µJ", 9.9e-3: "9.9 mJ", 0.63e-9: "0.63 nJ", 0.9999e-3: "1.00 mJ", 2400: "2,400 J", -0.0396: "-39.6 mJ"} {
		if got := Energy(j); got != want {
			t.Errorf("%v J is %q, want %q", j, got, want)
		}
	}
}
