package kv

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"dualbank/fuzz/explore"
	"dualbank/fuzz/kv/script"
	"dualbank/kvstore"
	"dualbank/model"
)

// Case is a run of a store that can be run again from an erased device, and how it is judged.
type Case struct {
	On        explore.Device    `json:"device"`
	Profile   string            `json:"profile"`                 // MbedCE, MbedOS or Hardened; "own": the store is not part of dualbank
	Build     string            `json:"build,omitempty"`         // with "own": of which build it is
	Secure    bool              `json:"secure,omitempty"`        // the store is a SecureStore over two TDBStores
	Defects   kvstore.Defects   `json:"defects,omitempty"`       // defects of the past that the store shows
	Repairs   kvstore.Repairs   `json:"repairs,omitempty"`       // repairs that the store has, beside those of its profile
	After     kvstore.Repairs   `json:"repairs_after,omitempty"` // further ones, of the store that is opened after the first fault
	Judge     string            `json:"judge"`                   // one of the constants below
	Deep      bool              `json:"deep,omitempty"`          // of JudgeCut: second cuts hit the steps of the recovery and of the set after it
	DeepSteps uint64            `json:"deep_steps,omitempty"`    // with Deep: about so many of these steps; 0: every one
	Watchdog  *explore.Watchdog `json:"watchdog,omitempty"`      // of JudgeWatchdog
	Keys      []string          `json:"keys"`                    // that the judge looks for and writes to
	Once      []string          `json:"once,omitempty"`          // of these, the ones that it must not write to
	Own       []string          `json:"own,omitempty"`           // keys that the store lists of its own accord after a reopen
	Steps     []script.Step     `json:"script"`                  // a line a step, see script.Step
}

// How a case is judged.
const (
	JudgeCut      = "cut"      // after the fault of the last step, or at the end if it has none: the store is opened, read, used and cut again
	JudgeLive     = "live"     // between the operations, which have no faults
	JudgeError    = "error"    // after the device error in the last step: while the store runs, and after a reboot
	JudgeAttack   = "attack"   // after the attack that the last step is; if it is none, the image is searched for secrets
	JudgeWalk     = "walk"     // after each fault and attack, and at the end
	JudgeWatchdog = "watchdog" // every operation is over before a watchdog resets the device
)

var judges = []string{JudgeCut, JudgeLive, JudgeError, JudgeAttack, JudgeWalk, JudgeWatchdog}

// Device says in words on what the case runs.
func (c *Case) Device() string {
	if c.Watchdog != nil {
		return fmt.Sprintf("%v, driver %s, %s", &c.On, c.Watchdog.Driver, c.Watchdog.Corner)
	}
	return c.On.String()
}

// Variant is the profile.
func (c *Case) Variant() string { return c.Profile }

// OfOwn reports whether the store is not part of dualbank: the case needs its software.
func (c *Case) OfOwn() bool { return c.Profile == ownProfile }

// Len is the number of steps.
func (c *Case) Len() int { return len(c.Steps) }

// clone returns a copy whose steps may be changed.
func (c *Case) clone() *Case {
	o := *c
	o.Steps = slices.Clone(c.Steps)
	return &o
}

// Clean is the case without defects of the past and without repairs.
func (c *Case) Clean() explore.Case {
	clean := *c
	clean.Defects, clean.Repairs, clean.After = 0, 0, 0
	return &clean
}

// faulty reports whether the case is judged after a fault or an attack.
func (c *Case) faulty() bool {
	return c.Judge == JudgeCut || c.Judge == JudgeError || c.Judge == JudgeAttack || c.Judge == JudgeWalk
}

// check finds what would make a case impossible to run.
func (c *Case) check() error {
	if _, ok := kvstore.ParseProfile(c.Profile); !ok && c.Profile != ownProfile {
		return fmt.Errorf("kv.profile: %q is unknown: use MbedCE, MbedOS or Hardened", c.Profile)
	}
	if !slices.Contains(judges, c.Judge) {
		return fmt.Errorf("kv.judge: %q is unknown: use cut, live, error, attack, walk or watchdog", c.Judge)
	}
	if (c.Judge == JudgeWatchdog) != (c.Watchdog != nil) {
		return fmt.Errorf("kv.watchdog: goes with judge %q", JudgeWatchdog)
	}
	if c.After != 0 && !c.faulty() {
		return fmt.Errorf("kv.repairs_after: goes with judge %q, %q, %q or %q", JudgeCut, JudgeError, JudgeAttack, JudgeWalk)
	}
	if len(c.Steps) == 0 {
		return fmt.Errorf("kv.script: is empty: a case has at least one step")
	}
	last := &c.Steps[len(c.Steps)-1]
	for i := range c.Steps {
		s := &c.Steps[i]
		switch attacks := c.Judge == JudgeWalk && c.Secure || c.Judge == JudgeAttack && s == last; {
		case s.Attack != nil && !attacks:
			return fmt.Errorf("kv.script[%d]: an attack is for a SecureStore (\"secure\": true), and the last step of judge %q or any of judge %q", i, JudgeAttack, JudgeWalk)
		case s.Fault.Mode != nil && c.Judge != JudgeWalk && (s != last || c.Judge != JudgeCut && c.Judge != JudgeError):
			return fmt.Errorf("kv.script[%d]: a fault belongs to the last step of judge %q or %q, or to any of judge %q", i, JudgeCut, JudgeError, JudgeWalk)
		case len(s.Then) > 0 && c.Judge != JudgeWalk:
			return fmt.Errorf("kv.script[%d]: only judge %q takes faults in the boots that follow", i, JudgeWalk)
		}
	}
	if c.Judge == JudgeError && last.Fault.Mode == nil {
		return fmt.Errorf("kv.script: the last step needs a fault: add for instance \"; fail at step 3\"")
	}
	if c.Judge == JudgeAttack && !c.Secure {
		return fmt.Errorf("kv.judge: only a SecureStore (\"secure\": true) can be attacked")
	}
	for _, k := range append(script.Keys(c.Steps), c.Once...) {
		if !slices.Contains(c.Keys, k) {
			return fmt.Errorf("kv.keys: %q is missing: list every key of script and once", k)
		}
	}
	if c.Judge == JudgeCut && !slices.ContainsFunc(c.Keys, func(k string) bool { return !slices.Contains(c.Once, k) }) {
		return fmt.Errorf("kv.keys: all are in once: the judge needs a key to write to")
	}
	return nil
}

// CheckKeys finds a key that no store takes. The error begins with the key in the finding's file.
func (c *Case) CheckKeys() error {
	good := kvstore.ValidKey
	if c.Profile == ownProfile {
		good = func(key string) bool { return key != "" && len(key) <= longestOwnKey && !strings.Contains(key, "\x00") }
	}
	for _, list := range []struct {
		name string
		keys []string
	}{{"keys", c.Keys}, {"once", c.Once}, {"own", c.Own}, {"script", script.Keys(c.Steps)}} {
		for _, k := range list.keys {
			if !good(k) {
				return fmt.Errorf("kv.%s: %q is no key of a store: use 1 to %d characters without any of ` */?:;\"|<>\\`", list.name, k, kvstore.MaxKey)
			}
		}
	}
	return nil
}

// longestOwnKey bounds the keys of a store that is not part of dualbank, in bytes.
const longestOwnKey = 4096

// caseOf is a case of this sweep.
func (c *Sweep) caseOf(judge string, steps []script.Step, own map[string]bool) *Case {
	k := &Case{
		On: c.Device, Profile: c.profile(), Build: c.Build, Secure: c.Secure, Defects: c.Defects, Repairs: c.Repairs, Judge: judge, Deep: c.Deep, DeepSteps: c.DeepSteps,
		Keys: script.Keys(steps), Once: script.Once(steps), Steps: steps,
	}
	if judge == JudgeCut && len(steps) > 0 && steps[len(steps)-1].Fault.Mode != nil {
		k.Own = slices.Sorted(maps.Keys(own))
	}
	return k
}

// faulted are the steps up to the one of a hit, with its fault.
func faulted(steps []script.Step, at explore.Hit) []script.Step {
	some := append([]script.Step(nil), steps[:min(at.Op+1, len(steps))]...)
	if mode, ok := model.ModeByName(at.Mode); ok {
		some[len(some)-1].Fault = explore.Fault{Mode: mode, At: at.Step, Seed: at.Seed}
	}
	return some
}

// tell says on what the case runs, and lists the operations up to the last one: all of them where the case is
// small, as it mostly is.
func (c *Case) tell(w io.Writer, operations int, how string, steps []script.Step) {
	fmt.Fprintf(w, "device   %v\nprofile  %s\nworkload %d operations from an erased device%s\n", &c.On, c.Profile, operations, how)
	const most = 100
	for i := max(0, len(steps)-most); i < len(steps); i++ {
		fmt.Fprintf(w, "%8d %v\n", i, &steps[i].Op)
	}
}

// Remedies are the names of those that can be tried on the case: of the environment, and the repairs that its store
// does not have.
func (c *Case) Remedies() (names []string) {
	names = explore.EnvironmentOf(c.Modes(), c.Watchdog)
	profile, ok := kvstore.ParseProfile(c.Profile)
	if !ok {
		return names // the store is not of this module
	}
	for r := range kvstore.AllRepairs.Without(c.Repairs.With(profile.Repairs())).Each() {
		names = append(names, r.String())
	}
	return names
}

// With is the case with further remedies. With late the repairs are those of the store that is opened after the fault.
func (c *Case) With(names []string, late bool) (explore.Case, bool) {
	o := c.clone()
	for _, name := range names {
		if fault, dog, ok := explore.InEnvironment(name, c.Watchdog); ok {
			o.faults().Change(fault)
			o.Watchdog = dog
			continue
		}
		r, err := kvstore.ParseRepairs(name)
		if err != nil || late && !c.faulty() {
			return nil, false
		}
		if late {
			o.After = o.After.With(r)
		} else {
			o.Repairs = o.Repairs.With(r)
		}
	}
	return o, true
}

// after is the sweep of a case's software after its fault.
func (c *Case) after(sweep *Sweep) *Sweep {
	o := *sweep
	o.Repairs = o.Repairs.With(c.After)
	return &o
}

// faults are those of the case.
func (c *Case) faults() explore.Faults {
	return func(yield func(*explore.Fault, *[]explore.Fault) bool) {
		for i := range c.Steps {
			if !yield(&c.Steps[i].Fault, &c.Steps[i].Then) {
				return
			}
		}
	}
}

// Again is the case with other seeds of its faults.
func (c *Case) Again(n uint64) explore.Case {
	o := c.clone()
	o.faults().Change(func(f explore.Fault) explore.Fault { return f.Again(n) })
	return o
}

// Modes are those of the faults of the case.
func (c *Case) Modes() []string { return c.faults().Modes() }

// ECC reports whether the part has ECC.
func (c *Case) ECC() bool { return c.On.ECC() }
