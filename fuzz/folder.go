package fuzz

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"dualbank/boot/firmware"
	"dualbank/fuzz/explore"
)

// WriteFindings writes the findings into dir, which it makes anew: a finding that is no longer found
// leaves nothing behind. Each has four files: ID.json, which replays; ID.txt, the story of the replay;
// ID.bin and ID.hex, the flash as the software finds it after the fault, to be put on a real board.
func WriteFindings(dir string, findings []explore.Finding) error {
	return writeFindings(dir, findings, explore.Env{})
}

// WriteFindings is WriteFindings of what the campaign found, in its environment.
func (r *CampaignResult) WriteFindings(dir string) error {
	return writeFindings(dir, r.Findings, r.Env)
}

func writeFindings(dir string, findings []explore.Finding, env explore.Env) error {
	old, err := filepath.Glob(filepath.Join(dir, "*-rule*"))
	if err != nil {
		return err
	}
	for _, f := range old {
		if err := os.Remove(f); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for i := range findings {
		if err := WriteFindingIn(&findings[i], filepath.Join(dir, findings[i].ID+".json"), env); err != nil {
			return err
		}
	}
	return nil
}

// WriteFinding writes the finding to file, which ends in .json, and beside it its story and the image.
func WriteFinding(f *explore.Finding, file string) error {
	return WriteFindingIn(f, file, explore.Env{})
}

// WriteFindingIn is WriteFinding with what the case needs and no file holds.
func WriteFindingIn(f *explore.Finding, file string, env explore.Env) error {
	path, ok := strings.CutSuffix(file, ".json")
	if !ok {
		return fmt.Errorf("%s: a finding's file ends in .json", file)
	}
	text, err := f.Text()
	if err != nil {
		return err
	}
	if err := os.WriteFile(file, text, 0o644); err != nil {
		return err
	}
	var story, hex bytes.Buffer
	re, broken, err := f.ReplayIn(&story, env)
	if err == nil && !broken {
		err = fmt.Errorf("the finding does not replay")
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if err := firmware.WriteHex(&hex, []firmware.Segment{{Addr: re.Base, Data: re.Image}}); err != nil {
		return err
	}
	files := map[string][]byte{".txt": story.Bytes(), ".bin": re.Image, ".hex": hex.Bytes()}
	if len(re.Image) == 0 { // what is wrong with a layout may be so without any flash
		files = map[string][]byte{".txt": story.Bytes()}
	}
	for ext, data := range files {
		if err := os.WriteFile(path+ext, data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// ReadFinding reads a finding's file.
func ReadFinding(path string) (*explore.Finding, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%w: give a .json file of a findings folder", err)
	}
	f, err := ParseFinding(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

// ParseFinding reads the text of a finding's file. An error is one line and names the line of the file.
func ParseFinding(text []byte) (*explore.Finding, error) { return explore.ParseFinding(text) }
