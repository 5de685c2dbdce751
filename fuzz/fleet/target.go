package fleet

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"dualbank/fuzz"
	"dualbank/fuzz/explore"
	"dualbank/kvstore"
)

// Bounds of a search of a target. Its journal has to stay below its own.
const (
	MostRuns  = 200_000 // inputs
	mostSeeds = 10_000  // inputs of the corpus that a search begins with
	mostGiven = 32      // inputs of a chunk that go to the corpus
)

// seedsOf begins the name of an object with the seeds of a search: seeds/SHA-256 of its content, which is JSON.
const seedsOf = "seeds/"

// Search is the campaign of a definition of a target (Definition.Target) without its seeds.
func (d *Definition) Search() (*fuzz.Campaign, error) {
	t, err := fuzz.TargetByName(d.Target)
	if err != nil {
		return nil, err
	}
	p, ok := kvstore.ParseProfile(d.Profile)
	if !ok {
		return nil, fmt.Errorf("profile %.40q is unknown", d.Profile)
	}
	if d.Runs > MostRuns {
		return nil, fmt.Errorf("%d inputs: the most is %d", d.Runs, MostRuns)
	}
	c := fuzz.TargetCampaign(t, p, d.Seed, d.Runs)
	return &c, nil
}

// Prepare fills in the seeds of a definition of a target and of its campaign: the inputs of the target that the object store
// has now, or those that the same search began with if the server has it already.
func (l *Link) Prepare(ctx context.Context, d *Definition, c *fuzz.Campaign) error {
	keys, err := l.defs.Keys(ctx)
	if err != nil && !errors.Is(err, jetstream.ErrNoKeysFound) {
		return err
	}
	for _, key := range keys {
		e, err := l.defs.Get(ctx, key)
		if err != nil {
			return err
		}
		o, err := parseDefinition(key, e.Value())
		if err == nil && o.Program == d.Program && o.Target == d.Target && o.Profile == d.Profile && o.Seed == d.Seed && o.Runs == d.Runs {
			d.Seeds = o.Seeds
			return l.seed(ctx, d, c)
		}
	}
	store, err := l.objects(ctx)
	if err != nil {
		return err
	}
	list, err := inputsOf(ctx, store, d.Target)
	if err != nil {
		return err
	}
	slices.SortFunc(list, func(a, b *jetstream.ObjectInfo) int {
		return cmp.Or(cmp.Compare(a.Size, b.Size), strings.Compare(a.Name, b.Name))
	})
	var seeds [][]byte
	size := uint64(0)
	for _, o := range list {
		if size += o.Size; len(seeds) == mostSeeds || size > 16*mostInput {
			break
		}
		data, err := store.GetBytes(ctx, o.Name)
		if err != nil {
			return err
		}
		seeds = append(seeds, data)
	}
	if len(seeds) == 0 {
		return nil
	}
	text, err := json.Marshal(seeds)
	if err != nil {
		return err
	}
	d.Seeds = digest(text)
	c.Guided[0].Seeds = seeds
	_, err = store.PutBytes(ctx, seedsOf+d.Seeds, text)
	return err
}

// errSeeds is the error of seeds that make no sense.
var errSeeds = errors.New("its seeds are not those that it names")

// seed gives the campaign of a definition of a target its seeds.
func (l *Link) seed(ctx context.Context, d *Definition, c *fuzz.Campaign) error {
	if d.Seeds == "" {
		return nil
	}
	store, err := l.objects(ctx)
	if err != nil {
		return err
	}
	info, err := store.GetInfo(ctx, seedsOf+d.Seeds)
	if err != nil {
		return err
	}
	if info.Size > 32*mostInput {
		return errSeeds
	}
	text, err := store.GetBytes(ctx, seedsOf+d.Seeds)
	if err != nil {
		return err
	}
	if digest(text) != d.Seeds || json.Unmarshal(text, &c.Guided[0].Seeds) != nil {
		return errSeeds
	}
	return nil
}

// give puts inputs of a chunk's line into the object store: those that broke a rule, and those that led to most new places.
// It reports false when ctx has ended before.
func (l *Link) give(ctx context.Context, d *Definition, lines [][]byte) bool {
	if d.Target == "" {
		return true
	}
	for _, line := range lines {
		inputs, err := explore.Inputs(line, mostGiven)
		if err != nil {
			l.say("an input is not given: " + err.Error())
			continue
		}
		for i := 0; i < len(inputs); {
			err := l.giveOne(ctx, d.Target, inputs[i])
			switch {
			case err == nil:
				i++
			case ctx.Err() != nil:
				return false
			default:
				l.say("an input waits for the server: " + refused(err))
				pause(ctx, time.Second)
			}
		}
	}
	return ctx.Err() == nil
}

func (l *Link) giveOne(ctx context.Context, target string, data []byte) error {
	store, err := l.objects(ctx)
	if err != nil {
		return err
	}
	name := objectName(target, data)
	if _, err := store.GetInfo(ctx, name); !errors.Is(err, jetstream.ErrObjectNotFound) {
		return err
	}
	_, err = store.PutBytes(ctx, name, data)
	return err
}
