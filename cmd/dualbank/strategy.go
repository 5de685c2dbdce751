package main

// strategyFlag chooses how the candidate of an update is installed.
type strategyFlag struct {
	Strategy []string `placeholder:"NAME" help:"How a candidate is installed: copy, as mbed-bootloader does, or swap, by option bytes that exchange the two banks; without it, the scenario's."`
}
