package main

import (
	"fmt"

	"dualbank/fuzz"
	"dualbank/kvstore"
)

// swapFlag chooses another campaign.
type swapFlag struct {
	Swap bool `help:"In place of the default campaign: updates that swap the banks by option bytes, on a small flash and on parts of six families. Seconds."`
}

// campaign is the campaign that is asked for, and what it is called in the folder of results.
func (f swapFlag) campaign(p kvstore.Profile, seed uint64) (c fuzz.Campaign, kind string) {
	if f.Swap {
		return fuzz.SwapCampaign(seed), fmt.Sprintf("crash --swap, seed %d", seed)
	}
	return fuzz.DefaultCampaign(p, seed), fmt.Sprintf("crash, profile %s, seed %d", p, seed)
}
