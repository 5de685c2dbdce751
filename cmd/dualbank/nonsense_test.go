package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"dualbank/fuzz/explore"
	"dualbank/fuzz/kv"
	"dualbank/fuzz/kv/script"
	"dualbank/internal/long"
	"dualbank/kvstore"
)

// nonsenseFiles are files that no command takes, by their names; some are good and stand beside a mistake.
var nonsenseFiles = map[string]string{
	"alpha.toml":     "[compare]\nalpha = 2\n",
	"assumed.toml":   "[plan]\nassumed = [\"luck\"]\n",
	"arr1.toml":      "[[workload.keys]]\nname = \"a\"\nbytes = [1]\nweight = 1\n",
	"arr2.toml":      "[[workload.keys]]\nname = \"a\"\nbytes = [1,2,3]\nweight = 1\n",
	"arr3.toml":      "[workload]\nkeys = [{name = 5, bytes = [1,2], weight = 1}]\n",
	"go.txt":         "BenchmarkX 1 1 ns/op\n",
	"big1.toml":      "[update]\nbytes = 99999999999\n",
	"big2.toml":      "seed = 99999999999999999999\n",
	"count.json":     "{\"format\":2,\"count\":\"x\",\"kv\":{}}",
	"cuts.toml":      "[cuts]\nkvstore = 5000000000\n",
	"date.toml":      "seed = 2020-01-01\n",
	"dump.bin":       "\x00\x01\x02\x03",
	"dup.toml":       "seed = 1\nseed = 2\n",
	"dur1.toml":      "[update]\nstartup = \"soon\"\n",
	"dur2.toml":      "[update]\nstartup = 5\n",
	"empty.txt":      "",
	"emptyfile.json": "",
	"hz.toml":        "[board]\nclock_hz = 5\n",
	"hz2.toml":       "[board]\nclock_hz = 400000000\n",
	"inf.toml":       "[board]\nbattery_j = inf\n",
	"jlist.json":     "[1]",
	"jsyntax.json":   "{\"a\": }",
	"jtail.json":     "{} {}",
	"key.toml":       "[bord]\nname = \"x\"\n",
	"kvdev.json":     "{\"format\":2,\"kv\":{\"device\":5}}",
	"kvnum.json":     "{\"format\":2,\"kv\":5}",
	"kvscript.json":  "{\"format\":2,\"kv\":{\"device\":{},\"script\":[5]}}",
	"kvseed.json":    "{\"format\":2,\"kv\":{\"deep_steps\":-1}}",
	"latin.toml":     "title = \"\xe4\"\n",
	"list.json":      "[]",
	"modes.json":     "{\"format\":2,\"modes\":5,\"kv\":{}}",
	"mv.toml":        "[board]\nsupply_mv = 5\n",
	"nan.toml":       "[plan]\nyears = nan\n",
	"neg1.toml":      "[update]\nbytes = -5\n",
	"neg2.toml":      "[workload]\nhours = -1\n",
	"nocase.json":    "{}",
	"nul.json":       "null",
	"old.json":       "{\"rule\":1}",
	"pcells.toml":    "name = 'x'\nextends = 'stm32f429zi'\ncells = { rule = 5 }\n",
	"pcovers.toml":   "name = 'x'\nextends = 'stm32f429zi'\ncovers = \"x\"\n",
	"pend.toml":      "name = 'x'\nextends = 'stm32f429zi'\nendurance = 5\n",
	"perase.toml":    "name = 'x'\nextends = 'stm32f429zi'\n[[erase]]\nbytes = \"x\"\n",
	"pext.toml":      "name = 'x'\nextends = 'z80'\nmax_hz = 5\n",
	"pkey.toml":      "name = 'x'\nextends = 'stm32f429zi'\nendurence = 3\n",
	"pmark.toml":     "name = 'x'\nextends = 'stm32f429zi'\nendurance = { erases = 3, mark = \"X\", from = \"x\" }\n",
	"pmaxhz.toml":    "name = 'x'\nextends = 'stm32f429zi'\nmax_hz = \"x\"\n",
	"pneg.toml":      "name = 'x'\nextends = 'stm32f429zi'\nread_line = { bytes = -1, mark = \"A\", from = \"x\" }\n",
	"pnone.toml":     "nothing = true\n",
	"pvec.toml":      "name = 'x'\nextends = 'stm32f429zi'\nvectors = 1.5\n",
	"rule.json":      "{\"format\":2,\"symptom\":{\"rule\":\"x\"},\"kv\":{}}",
	"rule99.json":    "{\"format\":2,\"subject\":\"KVStore\",\"symptom\":{\"rule\":99,\"kind\":\"own-key\"},\"kv\":{}}",
	"str.json":       "\"x\"",
	"tab.toml":       "[board\n",
	"tcols.csv":      "a,b\n1,2\n",
	"tempty.csv":     "",
	"tnum.csv":       "seconds,key,bytes\nsoon,a,5\n",
	"torder.csv":     "seconds,key,bytes\n9,a,5\n1,b,5\n",
	"trace.csv":      "seconds,key,bytes\n0,a,5\n1,b,5\n",
	"twice.json":     "{\"format\":2,\"kv\":{},\"update\":{}}",
	"type1.toml":     "[board]\nclock_hz = \"fast\"\n",
	"type2.toml":     "seed = \"x\"\n",
	"type3.toml":     "[workload]\nkeys = 5\n",
	"type4.toml":     "[board]\ncompare = \"word\"\n",
	"type5.toml":     "[board]\ncpu = 1\n",
	"type6.toml":     "[update]\nbytes = 1.5\n",
	"type7.toml":     "[plan]\nyears = \"long\"\n",
	"type8.toml":     "[application]\ninterrupts = 3\n",
	"units.toml":     "[compare]\nunits = 5\n",
	"utf16.toml":     "\xff\xfes\x00",
	"wd.toml":        "[application.watchdog]\nperiod = \"1ns\"\n",
	"wd2.toml":       "[application.watchdog]\nperiod = \"1s\"\nby = \"somebody\"\n",
	"word1.toml":     "[store]\nprofile = \"Mbed\"\n",
	"word2.toml":     "[cuts]\nmodes = [\"half\"]\n",
	"word3.toml":     "[board]\ncorner = \"min\"\n",
}

var (
	goTypes  = regexp.MustCompile(`\b(u?int(8|16|32|64)?|float(32|64)?|bool|struct|RawMessage|goroutine|nil|Go value|[a-z]+\.[A-Z]\w+)\b|\[\]|map\[`)
	remedies = regexp.MustCompile(`\b([Gg]ive|[Uu]se|leave|correct|remove|choose|name|write|add|rename|save|lists what there is|link|know[ns]|start from|make|divide|sort|build|[Ff]ind it again|needs|begin|has one|makes some|want|they have)\b`)
)

// TestNonsense: every line of testdata/nonsense.txt is refused with exit code 2 and one line that names what is wrong
// and what to do, without the name of a Go type. The default set tries every fourth line.
func TestNonsense(t *testing.T) {
	text, err := os.ReadFile("testdata/nonsense.txt")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	t.Chdir(dir)
	names := map[string]string{}
	write := func(name, data string) {
		t.Helper()
		if err := os.WriteFile(name, []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
		names["%"+strings.TrimSuffix(name, filepath.Ext(name))] = name
	}
	for name, data := range nonsenseFiles {
		write(name, data)
	}
	finding, err := goodFinding().Text()
	if err != nil {
		t.Fatal(err)
	}
	write("finding.json", string(finding))
	lines := 0
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(line, "#") {
			continue
		}
		if lines++; !long.Enabled() && lines%8 != 1 {
			continue
		}
		call, want, _ := strings.Cut(line, " | ")
		args := strings.Fields(call)
		file := ""
		for i, a := range args {
			if name, ok := names[a]; ok {
				args[i], file = name, name
			} else if strings.HasPrefix(a, "%") {
				t.Fatalf("%s: there is no file %s", line, a)
			}
		}
		said := refused(t, args...)
		if results, _ := filepath.Glob("out/*/records.json"); len(results) > 0 {
			t.Fatalf("%s: leaves results", line)
		}
		switch {
		case !strings.Contains(said, want):
			t.Errorf("%s: %s", line, said)
		case goTypes.MatchString(said):
			t.Errorf("%s: a Go type in %s", line, said)
		case !remedies.MatchString(said):
			t.Errorf("%s: no remedy in %s", line, said)
		case strings.HasPrefix(call, "run --print %") && file != "" && !strings.Contains(said, file) && !strings.Contains(said, "board:") && !strings.Contains(said, "application:"):
			t.Errorf("%s: no file in %s", line, said)
		}
	}
	if lines < 260 {
		t.Errorf("%d lines of nonsense", lines)
	}
}

// goodFinding is a finding that can be read.
func goodFinding() *explore.Finding {
	return &explore.Finding{
		ID: "kvstore-rule1-00000000", Subject: "KVStore", Severity: explore.High, Symptom: explore.Symptom{Rule: 1, Kind: "not-open"},
		Case: &kv.Case{On: explore.Device{Sectors: "8x512", Unit: 1, Size: 4096}, Profile: kvstore.MbedCE.String(), Judge: kv.JudgeLive, Steps: []script.Step{{Op: script.Op{Kind: script.Reboot}}}},
	}
}
