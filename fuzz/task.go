package fuzz

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"dualbank/boot"
	"dualbank/fuzz/explore"
	"dualbank/fuzz/kv"
	"dualbank/fuzz/kv/sut"
	"dualbank/fuzz/layout"
	"dualbank/fuzz/update"
	"dualbank/kvstore"
)

// task is one sweep of a campaign, on software with or without defects of the past.
type task struct {
	name    string
	cost    cost
	divides string // its chunks can be explored one by one (setting.piece): of this subject; "": they cannot
	early   bool   // it runs whole before a first look at others: what it finds is rare, and takes no second cuts
	run     func(ctx context.Context, s setting) (*explore.Sweep, error)
}

// cost orders sweeps: what takes less comes first.
type cost int

const (
	noCutsAtAll cost = iota // thousandths of a second
	fewCuts                 // a second or two
	deepCuts                // a minute
	allCuts                 // minutes
)

func costOf(d *explore.Device, deep bool) cost {
	switch {
	case d.Part != "":
		return allCuts
	case deep:
		return deepCuts
	}
	return fewCuts
}

// setting is what the sweeps of a campaign have in common.
type setting struct {
	kv       kvstore.Defects
	boot     boot.Defects
	workers  int
	journal  string
	progress func(done, total uint64)
	most     uint64         // states that the sweep may judge, second cuts too; 0: any number
	piece    *explore.Piece // some chunks alone, of a task that divides; nil: all
}

// tasks are the sweeps of the campaign in their order.
func (c *Campaign) tasks() (list []task) {
	add := func(name string, cost cost, run func(ctx context.Context, at setting) (*explore.Sweep, error)) {
		list = append(list, task{name: name, cost: cost, run: run})
	}
	stores := func(what string, most cost, of []kv.Sweep, run func(context.Context, kv.Sweep, func(done, total uint64)) (*explore.Sweep, error)) {
		for _, s := range of {
			add(s.Device.String()+what, min(most, costOf(&s.Device, s.Deep)), func(ctx context.Context, at setting) (*explore.Sweep, error) {
				s := s // which runs more than once
				s.Defects, s.Workers, s.Journal, s.Piece = at.kv, at.workers, at.journal, at.piece
				at.bound(&s)
				return run(ctx, s, at.progress)
			})
			if slices.Contains(s.Modes, "weak") {
				list[len(list)-1].early = true
			}
		}
	}
	alone := func(run func(context.Context, kv.Sweep) (*explore.Sweep, error)) func(context.Context, kv.Sweep, func(done, total uint64)) (*explore.Sweep, error) {
		return func(ctx context.Context, s kv.Sweep, _ func(done, total uint64)) (*explore.Sweep, error) {
			return run(ctx, s)
		}
	}
	stores(", no cut", noCutsAtAll, c.Live, alone(kv.Live))
	stores(", attacked", noCutsAtAll, c.Attacked, alone(kv.Attack))
	for _, s := range c.Edges {
		add(s.Probe.What, noCutsAtAll, func(ctx context.Context, at setting) (*explore.Sweep, error) {
			s.KV, s.Boot, s.Most = at.kv, at.boot, at.most
			return s.Run(ctx)
		})
	}
	if c.Layouts {
		add("layouts at edges", fewCuts, func(ctx context.Context, at setting) (*explore.Sweep, error) {
			p := planted(at.kv, at.boot)
			if len(p) == 0 {
				p = nil
			}
			return layout.Edges(ctx, p, at.most)
		})
	}
	for _, s := range c.Lives {
		add(fmt.Sprintf("lives, %v client, %v", s.Client, &s.Device), noCutsAtAll, func(ctx context.Context, at setting) (*explore.Sweep, error) {
			s.Boot.Defects, s.Events = at.boot, at.most
			return update.Lives(ctx, s)
		})
	}
	for i := range max(len(c.Stores), len(c.Installs)) { // in turn
		if i < len(c.Stores) {
			s := c.Stores[i]
			add(fmt.Sprintf("watchdog, %v, driver %s, %s", &s.Device, s.Driver, s.Corner), fewCuts, func(ctx context.Context, at setting) (*explore.Sweep, error) {
				s.Defects = at.kv
				return s.Run(ctx)
			})
		}
		if i < len(c.Installs) {
			s := c.Installs[i]
			add(fmt.Sprintf("watchdog, %v, driver %s, %s", &s.Device, s.Driver, s.Corner), fewCuts, func(ctx context.Context, at setting) (*explore.Sweep, error) {
				s.Boot.Defects = at.boot
				return s.Run(ctx)
			})
		}
	}
	stores(", device errors", fewCuts, c.Failing, alone(kv.Fail))
	for _, s := range c.Updates {
		add(fmt.Sprintf("update, %v client, %v", s.Client, &s.Device), costOf(&s.Device, false), func(ctx context.Context, at setting) (*explore.Sweep, error) {
			s := s
			s.Boot.Defects, s.Workers, s.Journal, s.Piece = at.boot, at.workers, at.journal, at.piece
			if at.most > 0 {
				s.MaxCuts, s.Most = at.most, at.most
			}
			return update.Cut(ctx, s, at.progress)
		})
		list[len(list)-1].divides = update.SubjectName
	}
	for _, s := range c.Guided {
		add("guided search "+s.Target.Name, deepCuts, func(ctx context.Context, at setting) (*explore.Sweep, error) {
			s, p := s, planted(at.kv, at.boot)
			maps.Copy(p, s.Planted)
			s.Planted, s.Workers, s.Journal, s.Piece = p, at.workers, at.journal, at.piece
			if at.most > 0 {
				s.Runs = min(s.Runs, at.most)
			}
			return s.Search(ctx, at.progress)
		})
		list[len(list)-1].divides = s.Target.Subject
	}
	before := len(list)
	stores("", allCuts, c.KV, kv.Cut)
	for i := before; i < len(list); i++ {
		list[i].divides = sut.SubjectName
	}
	slices.SortStableFunc(list, func(a, b task) int { return int(a.cost - b.cost) })
	return list
}

// bound makes a sweep judge no more states than it may. A recovery with second cuts at some of its steps has fewer than
// twice as many of them as are asked for.
func (at *setting) bound(s *kv.Sweep) {
	if at.most == 0 {
		return
	}
	s.Most = at.most
	if each := 1 + 2*s.DeepSteps; s.Deep && s.DeepSteps > 0 && at.most >= each {
		s.Most = at.most / each
	} else {
		s.Deep, s.DeepSteps = false, 0
	}
	if s.MaxCuts == 0 || s.MaxCuts > s.Most {
		s.MaxCuts = s.Most
	}
}

// planted are defects of the store and of the bootloader for a guided search; nil: none.
func planted(store kvstore.Defects, loader boot.Defects) explore.Planted {
	p := explore.Planted{}
	if store != 0 {
		p[kv.Planted] = uint64(store)
	}
	if loader != 0 {
		p[update.Planted] = uint64(loader)
	}
	return p
}
