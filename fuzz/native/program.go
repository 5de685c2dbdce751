package native

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"runtime"
	"sync"

	"dualbank/fuzz/kv/sut"
	"dualbank/internal/input"
	"dualbank/kvstore"
)

// Program is code under test: a program that speaks the protocol. Its processes start when a device is known.
type Program struct {
	Path      string
	Args      []string
	Isolate   Isolation
	Processes int  // at most; 0: one for each processor
	Strict    bool // every program and erase waits for the model: the device may fail

	mu    sync.Mutex
	pools map[string]*pool
	spent uint64
}

func (p *Program) children() int {
	if p.Processes > 0 {
		return p.Processes
	}
	return runtime.GOMAXPROCS(0)
}

// limits are generous: only what has no end comes to them.
func limitsOf(g *geometry) limits {
	return limits{writes: 8*(g.size/g.unit) + 4096, reads: 1<<19 + g.size/4}
}

// Hash is the SHA-256 of the program's file, for findings.
func (p *Program) Hash() (string, error) {
	text, err := input.ReadAgain(p.Path, input.Program)
	if err != nil {
		return "", fmt.Errorf("%s: %w: give a program that was built with dualbank.h", p.Path, err)
	}
	h := sha256.Sum256(text)
	return hex.EncodeToString(h[:]), nil
}

// pool returns the processes for a device. They are started once for each geometry.
func (p *Program) pool(g *geometry) (*pool, error) {
	key := fmt.Sprint(*g)
	p.mu.Lock()
	defer p.mu.Unlock()
	if o := p.pools[key]; o != nil {
		return o, nil
	}
	o, err := newPool(p, g)
	if err != nil {
		return nil, err
	}
	if p.pools == nil {
		p.pools = map[string]*pool{}
	}
	p.pools[key] = o
	return o, nil
}

// Info starts the program on a device and returns what it says of itself.
func (p *Program) Info(dev Medium) (Info, error) {
	g := geometryOf(dev, 0)
	o, err := p.pool(&g)
	if err != nil {
		return Info{}, err
	}
	return o.info, nil
}

// Close ends all processes. They start again when they are needed.
func (p *Program) Close() {
	p.mu.Lock()
	pools := p.pools
	p.pools = nil
	p.mu.Unlock()
	for _, o := range pools {
		o.close()
		p.spent += o.used()
	}
}

// CPU is the CPU time that the program's processes have used, in ns.
func (p *Program) CPU() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	sum := p.spent
	for _, o := range p.pools {
		sum += o.used()
	}
	return sum
}

// Store makes a store of the program on a device. What is wrong with the program shows at its first Open.
func (p *Program) Store(dev kvstore.BlockDevice) sut.Store {
	m, ok := dev.(Medium)
	if !ok {
		return &store{broken: fmt.Errorf("a store in a process of its own needs a region of the flash model, not %T", dev)}
	}
	return newStore(p, m, 0).able()
}

// Timed is Store on a region of a flash with times: reads take theirs, too, and the work that the program tells by
// db_work is cpu's; nil: it costs nothing. db_now_us is the flash's clock.
func (p *Program) Timed(dev Timed, cpu CPU) sut.Store {
	s := newStore(p, dev, 0)
	s.timed, s.clock, s.cpu = true, dev, cpu
	return s.able()
}

// Store is a store in the program at path, for fuzz.Explore. It is started with args.
func Store(path string, args ...string) func(kvstore.BlockDevice) sut.Store {
	p := &Program{Path: path, Args: args}
	return p.Store
}
