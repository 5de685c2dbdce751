package layout

import "dualbank/fuzz/explore"

// Target is the body of the guided search for configurations.
var Target = explore.Target{Name: "FuzzLayout", Subject: SubjectName, Decode: func(c *explore.Choices) explore.Input {
	config, with := decode(c)
	return &Case{Config: config, Client: with.client.String(), Slot: with.slot, Size: with.size}
}}
