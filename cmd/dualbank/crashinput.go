package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"dualbank/fuzz"
	"dualbank/fuzz/cause"
	"dualbank/fuzz/explore"
	"dualbank/internal/outdir"
	"dualbank/kvstore"
	"dualbank/results/unit"
)

// inputs makes findings of inputs of the guided search, in place of a campaign.
func (c *crashCommand) inputs(t terminal) (failed error) {
	known, err := readKnown(c.Known)
	if err != nil {
		return badInput(err)
	}
	by := map[string][][]byte{}
	for _, path := range c.Input {
		data, target, err := explore.ReadInput(path)
		if err != nil {
			return badInput(err)
		}
		if c.Target != "" {
			target = c.Target
		}
		if target == "" {
			return badInput(fmt.Errorf("%s: its folder does not say which target it is an input of: give --target", path))
		}
		by[target] = append(by[target], data)
	}
	out, err := outdir.Open(c.Out, outdir.Options{Kind: "crash", Keep: func(string) bool { return true }})
	if err != nil {
		return badInput(err)
	}
	defer closing(out, &failed)
	dir := filepath.Join(c.Out, "findings")
	var all []explore.Finding
	for name, data := range by {
		target, err := fuzz.TargetByName(name)
		if err != nil {
			return badInput(err)
		}
		found, err := target.Crashers(data, nil)
		if err != nil {
			return badInput(err)
		}
		all = append(all, found...)
	}
	slices.SortFunc(all, func(a, b explore.Finding) int { return strings.Compare(a.ID, b.ID) })
	r := fuzz.CampaignResult{Findings: all}
	r.Attribute(context.Background(), nil, c.Workers, nil)
	for i := range r.Findings {
		f := &r.Findings[i]
		cause.Minimize(f, inputTries, explore.Env{})
		if c.JSON {
			continue
		}
		fmt.Fprintf(t.out, "%-7s %s rule %d, cause %s: %s (%v)\n        %s\n", f.Severity, f.Subject, f.Symptom.Rule, f.Cause, f.Symptom, f.Place, filepath.Join(dir, f.ID+".json"))
	}
	all = r.Findings
	if err := leaveFindings(out, all, explore.Env{}); err != nil {
		return err
	}
	if err := committed(out); err != nil {
		return err
	}
	fresh := c.unlisted(known, all)
	if c.JSON {
		if err := printJSON(t.out, c.json(&r, fresh, true)); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(t.out, "%s, %s in %s\n", unit.Plural(len(c.Input), "input"), unit.Plural(len(all), "finding"), dir)
		for _, f := range fresh {
			fmt.Fprint(t.out, newLine(f))
		}
	}
	if len(fresh) > 0 {
		return failure{fmt.Errorf("an input breaks a rule that %s does not list: see above", c.Known), exitFinding}
	}
	if c.FailOnFindings && c.Known == "" && len(all) > 0 {
		return failure{errors.New("an input breaks a rule: see the findings above"), exitFinding}
	}
	return nil
}

// inputTries bounds the runs spent on making a finding of an input smaller.
const inputTries = 5000

// swapFlag chooses another campaign.
type swapFlag struct {
	EveryByte bool `without:"swap,exec,input,cuts,nats" help:"In place of the default campaign: every step of an install of 512 KiB on the guide's layout, half a million, in three modes. A minute on two processors."`

	Deep bool `without:"swap,every-byte,exec,input,cuts,nats" help:"Cut again at every step of every recovery of a store and of a small update, and at every step of 4 recoveries of each other update. Many minutes on two processors."`

	Swap bool `without:"input,exec" help:"In place of the default campaign: updates that swap the banks by option bytes, on a small flash and on parts of six families. Seconds."`
}

// campaign is the campaign that is asked for, and what it is called in the folder of results.
func (f swapFlag) campaign(p kvstore.Profile, seed uint64) (c fuzz.Campaign, kind string) {
	if f.Swap {
		return fuzz.SwapCampaign(seed), fmt.Sprintf("crash --swap, seed %d", seed)
	}
	if f.EveryByte {
		return fuzz.EveryByte(p, seed), fmt.Sprintf("crash --every-byte, profile %s, seed %d", p, seed)
	}
	c = fuzz.DefaultCampaign(p, seed)
	if f.Deep {
		c.Deepen()
		return c, fmt.Sprintf("crash --deep, profile %s, seed %d", p, seed)
	}
	return c, fmt.Sprintf("crash, profile %s, seed %d", p, seed)
}
