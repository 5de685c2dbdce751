// Package fuzz runs campaigns: lists of sweeps that cut the power at every step of a key-value store's or a
// firmware update's work, let devices fail, attack stored records, and search for runs that no list has. It
// puts the findings together and keeps them in a folder.
//
// The rooms below it, from the machine up:
//
//	explore    the machine: recording, cuts, groups, findings, journals, guided search; it knows no subject
//	cause      what removes a finding: its cause, and its cure
//	kv         stores as subjects: TDBStore, SecureStore, and a store of your own
//	update     update clients and bootloaders as subjects
//	layout     configurations as subjects: what is called right must work
//
// The way of a campaign:
//
//  1. DefaultCampaign makes the list for a profile and a seed; Campaign.Small makes it shorter.
//  2. Campaign.Sweep runs the sweeps in the order of what they cost, with journals if it has a folder.
//     The same defect on several devices is one finding.
//  3. CampaignResult.Attribute finds the causes, and CampaignResult.Minimize makes the findings small.
//  4. FindingFiles makes their files, CampaignResult.Markdown the page; WriteFindings writes a folder of them.
//
// Explore is the way of a Go test into the same machine, for a store of your own. AsTest makes a Go test of a
// finding. Targets are the bodies of the guided search, which the native fuzzing engine and go-fuzz run, too.
// The catalogue of known defects scores how well all of this finds: Hunter.
//
// What holds: a result is a function of the campaign, whatever the number of workers, and whether it was
// stopped and resumed or not. Every finding that is written was replayed when it was written.
package fuzz
