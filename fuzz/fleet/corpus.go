package fleet

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"dualbank/internal/input"
)

// Bounds of a corpus.
const (
	mostInput  = 1 << 20 // bytes of an input
	mostInputs = 100_000 // of a target
)

// objectOf is the name of an input in the object store: TARGET/SHA-256.
var objectOf = regexp.MustCompile(`^[A-Za-z0-9_]{1,64}/[0-9a-f]{64}$`)

// objects is the object store with the corpora, which it makes if it is missing.
func (l *Link) objects(ctx context.Context) (jetstream.ObjectStore, error) {
	store, err := l.js.ObjectStore(ctx, corpora)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		store, err = l.js.CreateOrUpdateObjectStore(ctx, jetstream.ObjectStoreConfig{Bucket: corpora, Storage: jetstream.FileStorage})
	}
	return store, err
}

// digest is the SHA-256 of data in hexadecimal.
func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// objectName is the name of the object of an input of a target.
func objectName(target string, data []byte) string { return target + "/" + digest(data) }

// inputsOf lists the inputs of a target in the object store. Objects that can be none are left out.
func inputsOf(ctx context.Context, store jetstream.ObjectStore, target string) ([]*jetstream.ObjectInfo, error) {
	list, err := store.List(ctx)
	if err != nil && !errors.Is(err, jetstream.ErrNoObjectsFound) {
		return nil, err
	}
	return slices.DeleteFunc(list, func(o *jetstream.ObjectInfo) bool {
		return !objectOf.MatchString(o.Name) || !strings.HasPrefix(o.Name, target+"/") || o.Size > mostInput
	}), nil
}

// Share keeps a folder of inputs of a target, one a file, the same as that of all others who share: inputs that the folder
// gets go to the server's object store, and those of others come into the folder. Whatever engine uses such a folder, as
// libFuzzer does, searches together with the others. It looks every so often, until ctx ends. told gets how many inputs
// went and came each time that there were any; it may be nil.
func (l *Link) Share(ctx context.Context, target, dir string, every time.Duration, told func(sent, got int)) error {
	if !objectOf.MatchString(target + "/" + strings.Repeat("0", 64)) {
		return fmt.Errorf("target %q: give a name of letters and digits", short(target))
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	known := map[string]bool{} // objects that the folder has
	names := map[string]bool{} // files of the folder that were read
	for ; ctx.Err() == nil; pause(ctx, every) {
		sent, got, err := l.share(ctx, target, dir, known, names)
		if err != nil && ctx.Err() == nil {
			l.say("corpus " + target + ": " + refused(err))
		}
		if sent+got > 0 && told != nil {
			told(sent, got)
		}
	}
	return nil
}

// share is one round of Share.
func (l *Link) share(ctx context.Context, target, dir string, known, names map[string]bool) (sent, got int, err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	store, err := l.objects(ctx)
	if err != nil {
		return 0, 0, err
	}
	there := map[string]bool{}
	list, err := inputsOf(ctx, store, target)
	if err != nil {
		return 0, 0, err
	}
	for _, o := range list[:min(len(list), mostInputs)] {
		there[o.Name] = true
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		return 0, 0, err
	}
	for _, f := range files {
		if names[f.Name()] || !f.Type().IsRegular() || len(known) >= mostInputs {
			continue
		}
		data, err := input.ReadAgain(filepath.Join(dir, f.Name()), mostInput)
		names[f.Name()] = true
		if err != nil {
			l.say(fmt.Sprintf("corpus %s: %s is left out: %v", target, f.Name(), err))
			continue
		}
		name := objectName(target, data)
		if known[name] = true; there[name] {
			continue
		}
		if _, err := store.PutBytes(ctx, name, data); err != nil {
			delete(names, f.Name())
			return sent, got, err
		}
		sent++
	}
	for name := range there {
		if known[name] {
			continue
		}
		data, err := store.GetBytes(ctx, name)
		if err != nil {
			return sent, got, err
		}
		known[name] = true
		hash := strings.TrimPrefix(name, target+"/")
		if name != objectName(target, data) {
			l.say(fmt.Sprintf("dropped: input %s: its content has another hash", name))
			continue
		}
		names[hash] = true
		// Under its name at once: an engine may read the folder meanwhile.
		temp := filepath.Join(dir, "."+hash)
		if err := os.WriteFile(temp, data, 0o644); err != nil {
			return sent, got, err
		}
		if err := os.Rename(temp, filepath.Join(dir, hash)); err != nil {
			return sent, got, err
		}
		got++
	}
	return sent, got, nil
}
