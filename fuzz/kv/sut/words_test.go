package sut

import (
	"testing"

	"dualbank/fuzz/explore"
	"dualbank/fuzz/kv/script"
	"dualbank/model/part"
)

// TestPlacesHaveWords: whatever a place of a finding is made of has words, and they are its own.
func TestPlacesHaveWords(t *testing.T) {
	want := map[string]string{
		"set+gc": "set that collects garbage", "reset+gc": "reset that collects garbage", "reboot+gc": "reboot that collects garbage", "reserved+gc": "reserved that collects garbage",
		"key-128+gc": "key of 128 bytes, with a collection", "exact-fit+gc": "the record ends with its area, with a collection",
		"no-cut+gc": "without any cut, with a collection", "after-unfinished+gc": "after a set that was left unfinished, with a collection",
		"erase/active": "erase in the active area", "reserved/standby": "reserved data in the standby area", "master/new": "master record in the area that was collected into",
		"header/active": "record header in the active area", "data/standby": "key and data in the standby area",
	}
	for _, mode := range []string{"before", "after", "torn", "prefix", "weak", "ecc", "stray", "fail"} {
		want["fault/"+mode] = "fault " + mode
		want["fault/"+mode+"+boot"] = "fault " + mode + " and another in the boot after it"
	}
	for _, d := range part.DriverNames() {
		for _, corner := range []string{"typ", "max"} {
			want["watchdog/application/"+d+"/"+corner] = "watchdog fed by the application, driver " + d + ", " + corner + " times"
		}
	}
	for key, text := range want {
		if got := Subject.Words[key]; got != text {
			t.Errorf("%s: %q, want %q", key, got, text)
		}
	}
	for _, k := range []script.OpKind{script.Set, script.Remove, script.Reset, script.Reboot} {
		if got := OpCode(k); got != string(k) {
			t.Errorf("%s is %q", k, got)
		}
	}
	if got := OpCode(script.Reserved); Subject.Words[got] != "set of reserved data" {
		t.Errorf("a set of reserved data is %q, %q", got, Subject.Words[got])
	}
}

// TestSeverities: what loses or shows data weighs more than what another call puts right.
func TestSeverities(t *testing.T) {
	for _, c := range []struct {
		symptom explore.Symptom
		modes   []string
		want    string
	}{
		{explore.Symptom{Rule: RuleNoMore, Kind: "padding"}, nil, explore.Low},
		{explore.Symptom{Rule: RuleNoMore, Kind: "ghost-key"}, []string{"torn"}, explore.Medium},
		{explore.Symptom{Rule: RuleWorks, Kind: kindSetFailsOnce}, []string{"torn"}, explore.Medium},
		{explore.Symptom{Rule: RuleWorks, Kind: KindNotErased}, nil, explore.Medium},
		{explore.Symptom{Rule: RuleWorks, Kind: "set-fails-twice"}, nil, explore.High},
		{explore.Symptom{Rule: RuleDurable, Kind: "missing"}, []string{"torn"}, explore.High},
		{explore.Symptom{Rule: RuleOpens, Kind: KindNotOpen}, nil, explore.High},
		{explore.Symptom{Rule: RuleSecret, Kind: "leak"}, nil, explore.High},
	} {
		if got := Subject.Severity(c.symptom, c.modes); got != c.want {
			t.Errorf("%v in modes %q: %s, want %s", c.symptom, c.modes, got, c.want)
		}
	}
	for kind, want := range map[string]bool{kindSetFailsOnce: true, "set-fails-twice": true, "set-fails-later": true, KindNotErased: true, KindEndSetFails: false, "missing": false} {
		if got := SetFails(explore.Symptom{Kind: kind}); got != want {
			t.Errorf("%s is a set that fails: %v, want %v", kind, got, want)
		}
	}
}
