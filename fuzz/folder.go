package fuzz

import (
	"bytes"
	"errors"
	"fmt"

	"dualbank/boot/firmware"
	"dualbank/fuzz/explore"
	"dualbank/internal/input"
	"dualbank/internal/outdir"
)

// WriteFindings makes dir a folder with the files of the findings, under their IDs. It is replaced as a whole: a
// finding that is no longer found leaves nothing behind, and what is not ours stays.
func WriteFindings(dir string, findings []explore.Finding) error {
	return writeFindings(dir, findings, explore.Env{})
}

func writeFindings(dir string, findings []explore.Finding, env explore.Env) (err error) {
	out, err := outdir.Open(dir, outdir.Options{Kind: "findings"})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	for i := range findings {
		files, err := FindingFiles(&findings[i], findings[i].ID, env)
		if err != nil {
			return err
		}
		if err := out.WriteAll(files); err != nil {
			return err
		}
	}
	return out.Commit()
}

// FindingFiles returns the files of a finding, by their names: NAME.json, which replays; NAME.txt, the story of the
// replay; NAME.bin and NAME.hex, the flash as the software finds it after the fault, to be put on a real board. The
// name in a folder of findings is the finding's ID. env is what the case needs and no file holds.
func FindingFiles(f *explore.Finding, name string, env explore.Env) (map[string][]byte, error) {
	text, err := f.Text()
	if err != nil {
		return nil, err
	}
	var story, hex bytes.Buffer
	re, broken, err := f.ReplayIn(&story, env)
	if err == nil && !broken {
		err = fmt.Errorf("the finding does not replay: if its sweep went on from a journal, remove the journal's folder and start again")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	files := map[string][]byte{name + ".json": text, name + ".txt": story.Bytes()}
	if len(re.Image) == 0 {
		return files, nil // what is wrong with a layout may be so without any flash
	}
	if err := firmware.WriteHex(&hex, []firmware.Segment{{Addr: re.Base, Data: re.Image}}); err != nil {
		return nil, err
	}
	files[name+".bin"], files[name+".hex"] = re.Image, hex.Bytes()
	return files, nil
}

// ReadFinding reads a finding's file.
func ReadFinding(path string) (*explore.Finding, error) {
	text, err := input.ReadText(path, input.Finding)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: give a .json file of a findings folder", path, err)
	}
	f, err := ParseFinding(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

// ParseFinding reads the text of a finding's file. An error is one line and names the line of the file.
func ParseFinding(text []byte) (*explore.Finding, error) { return explore.ParseFinding(text) }
