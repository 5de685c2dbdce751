package update

import (
	"fmt"

	"dualbank/boot"
	"dualbank/model"
)

// Once is one whole update on a flash that holds other things too: a first image runs, a second one is
// downloaded and installed.
type Once struct {
	f    *model.Flash
	cfg  boot.Config
	slot uint32
	run  *run
}

// NewOnce puts the first image, of first bytes, on f. The second one has second bytes and goes to slot. ok is
// false if the first image does not lie in the flash.
func NewOnce(f *model.Flash, cfg boot.Config, client boot.Generation, first, second, slot uint32) (u *Once, ok bool) {
	s := &setup{cfg: &Sweep{Boot: cfg, Client: client}, first: newImage(1, first, 1)}
	r := s.downloaded(f, newImage(2, second, 1))
	return &Once{f: f, cfg: cfg, slot: slot, run: r}, s.first.poke(f, &cfg)
}

// Stage is a part of an update.
type Stage string

// The stages of an update.
const (
	StageFirst   Stage = "first"   // the first image boots twice, with nothing to install
	StageInstall Stage = "install" // the second image boots
	StageImage   Stage = "image"   // what runs is the second image, byte by byte
)

// Failure is how an update failed.
type Failure struct {
	Stage    Stage // one of the constants, or the Phase of the download
	Error    string
	Expected string // for people
	Seen     string // likewise
}

// Perform performs the update. begin is called before client ("download") and bootloader ("boot") work. It
// returns nil if all went well.
func (u *Once) Perform(begin func(who string)) *Failure {
	r := u.run
	begin("boot")
	for range 2 {
		if out := u.boot(); out.Result != boot.Jumped || out.Version != r.first.Version {
			return &Failure{StageFirst, out.Result.String(), "version 1 runs", fmt.Sprintf("%v, version %d", out.Result, out.Version)}
		}
	}
	begin("download")
	for p, err := range r.download(&Step{Do: Download, Slot: u.slot}) {
		if err != nil {
			return &Failure{Stage(p), err.Error(), "success", fmt.Sprintf("%d bytes to slot %d: %v", r.candidate.Size, u.slot, err)}
		}
	}
	begin("boot")
	u.f.Boot()
	if out := u.boot(); out.Result != boot.Jumped || out.Version != r.candidate.Version {
		return &Failure{StageInstall, out.Result.String(), "version 2 runs", fmt.Sprintf("%v, version %d, firmware of %d bytes", out.Result, out.Version, r.candidate.Size)}
	}
	if now := r.running(""); now != r.candidate {
		return &Failure{StageImage, "", "version 2", fmt.Sprint(r.bad)}
	}
	return nil
}

// boot is a boot after a software reset, of a bootloader that has counted nothing.
func (u *Once) boot() boot.Outcome {
	u.run.ram = boot.RAM{}
	return u.run.boot(boot.Software)
}
