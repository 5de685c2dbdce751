package export

import (
	"encoding/json"
	"fmt"
	"io"

	"dualbank/results"
	"dualbank/results/unit"
)

// The parts of SARIF 2.1.0 that a finding fills.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool     sarifTool     `json:"tool"`
		Language string        `json:"language"`
		Newlines []string      `json:"newlineSequences"`
		Results  []sarifResult `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name     string      `json:"name"`
		Language string      `json:"language"`
		Rules    []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID    string    `json:"id"`
		Short sarifText `json:"shortDescription"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifResult struct {
		RuleID       string            `json:"ruleId"`
		RuleIndex    int               `json:"ruleIndex"`
		Level        string            `json:"level"`
		Message      sarifText         `json:"message"`
		Locations    []sarifLocation   `json:"locations"`
		Fingerprints map[string]string `json:"partialFingerprints"`
	}
	sarifLocation struct {
		Physical sarifPhysical `json:"physicalLocation"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
)

// levels are those of SARIF by severity.
var levels = map[string]string{"high": "error", "medium": "warning", "low": "note"}

// SARIF writes the causes of r's findings as SARIF 2.1.0, and findings without a cause. The rules are the causes, or the
// rules that are broken. A result is located in the scenario, which is what a person changes; its fingerprint is the name
// of the cause or the ID of the finding, which stays from run to run.
func SARIF(w io.Writer, r *results.Report) error {
	run := sarifRun{Tool: sarifTool{sarifDriver{Name: "dualbank", Language: "en", Rules: []sarifRule{}}}, Language: "en", Newlines: []string{"\n"}, Results: []sarifResult{}}
	index := map[string]int{}
	for _, e := range entries(r) {
		at, ok := index[e.rule]
		if !ok {
			at = len(run.Tool.Driver.Rules)
			index[e.rule] = at
			run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{e.rule, sarifText{e.what}})
		}
		first := e.findings[0]
		text := fmt.Sprintf("%s. Expected: %s. Seen: %s. Replay: %s", first.Title, first.Expected, first.Seen, first.Command)
		if e.cause != nil {
			text = fmt.Sprintf("%s %s Cure: %s The gravest of %s: %s", e.what, leadsTo(e.cause), e.cause.Cure, unit.Plural(len(e.findings), "finding"), text)
		}
		run.Results = append(run.Results, sarifResult{
			RuleID: e.rule, RuleIndex: at, Level: levels[e.severity], Message: sarifText{text},
			Locations:    []sarifLocation{{sarifPhysical{sarifArtifact{results.ScenarioName}}}},
			Fingerprints: map[string]string{"dualbank/" + e.kind: e.id},
		})
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", " ")
	return enc.Encode(sarifLog{Schema: "https://json.schemastore.org/sarif-2.1.0.json", Version: "2.1.0", Runs: []sarifRun{run}})
}
