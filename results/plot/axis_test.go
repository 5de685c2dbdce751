package plot

import "testing"

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

func TestNamesOfFiles(t *testing.T) {
	for in, want := range map[string]string{
		"KVStore workload, MbedCE": "kvstore-workload-mbedce",
		"../../etc/passwd":         "etc-passwd",
		"Ünï":                      "n",
		"§":                        "map",
	} {
		if got := slug(in); got != want {
			t.Errorf("slug(%q) = %q, want %q", in, got, want)
		}
	}
}
