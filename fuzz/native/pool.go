package native

import (
	"fmt"
	"runtime"
	"sync"
	"syscall"
)

// pool is the processes of a program for one device. Stores that wait share them: what is waiting when a process is
// free goes to it as one batch.
type pool struct {
	prog *Program
	g    geometry
	info Info

	mu       sync.Mutex
	change   *sync.Cond
	queue    []*item
	children int
	idle     int
	closed   bool
	err      error // no process can be started any more
	crashes  map[string]crash
	cpu      uint64 // ns of processes that have ended
	alive    map[*child]bool
	wg       sync.WaitGroup
}

// batch is the most items that a process gets at once.
const batch = 128

// killSignal is what only another program sends, or one that kills itself again and again.
const killSignal = int(syscall.SIGKILL)

// mostKills is how often an item whose process was killed is run again before it is believed to do so itself, and how often
// a program is started.
const mostKills = 12

// confirmed is how often the same crash is repeated in a fresh process before it is believed.
const confirmed = 2

func newPool(p *Program, g *geometry) (*pool, error) {
	o := &pool{prog: p, g: *g, crashes: map[string]crash{}, alive: map[*child]bool{}}
	o.change = sync.NewCond(&o.mu)
	q, err := start(p, g, p.Isolate)
	if err != nil {
		return nil, err
	}
	o.info = q.info
	o.children = 1
	o.wg.Add(1)
	go o.serve(q)
	return o, nil
}

// perform runs the item, and returns when it is over.
func (o *pool) perform(it *item) {
	it.over = false
	o.mu.Lock()
	if o.err != nil || o.closed {
		o.mu.Unlock()
		it.over, it.end, it.text = true, endLies, fmt.Sprint("it does not start any more: ", o.err)
		return
	}
	o.queue = append(o.queue, it)
	if o.idle == 0 && len(o.queue) > 4 && o.children < min(o.prog.children(), runtime.GOMAXPROCS(0)) {
		o.children++
		o.wg.Add(1)
		go o.serve(nil)
	}
	o.mu.Unlock()
	o.change.Broadcast()
	<-it.done
}

// take returns the items for c, as many as make a batch; nil at the end. A store that goes on with what a process
// holds waits for that process.
func (o *pool) take(c *child, into []*item) []*item {
	into = into[:0]
	o.mu.Lock()
	defer o.mu.Unlock()
	for {
		rest := o.queue[:0]
		for _, it := range o.queue {
			mine := !it.onward || it.alone || it.s.home == c || !o.alive[it.s.home]
			only := it.alone || o.solo()
			if !mine || len(into) == batch || len(into) > 0 && (only || into[0].alone || c.goesOn(it)) {
				rest = append(rest, it)
				continue
			}
			into = append(into, it)
		}
		clear(o.queue[len(rest):])
		o.queue = rest
		if len(into) > 0 || o.closed {
			return into
		}
		o.idle++
		o.change.Wait()
		o.idle--
		if len(o.queue) > 0 && len(o.queue) < batch {
			// Others are about to ask, too.
			o.mu.Unlock()
			for range 4 {
				runtime.Gosched()
			}
			o.mu.Lock()
		}
	}
}

// solo reports whether every item has a process of its own.
func (o *pool) solo() bool { return o.prog.Isolate == Exec }

// together is how many of the items may run one after another in one process.
func (o *pool) together(items []*item) int {
	if o.solo() || items[0].alone {
		return 1
	}
	for i, it := range items {
		if it.alone {
			return i
		}
	}
	return len(items)
}

// serve runs batches in a process, which it starts anew where it must.
func (o *pool) serve(q *process) {
	defer o.wg.Done()
	var c *child
	var items []*item
	var list []uint32
	defer func() {
		if c != nil {
			c.close(o)
		}
	}()
	if q != nil {
		c = o.adopt(q)
	}
	for {
		if items = o.take(c, items); len(items) == 0 {
			return
		}
		for rest := items; len(rest) > 0; {
			if c != nil && c.items > 0 && !c.goesOn(rest[0]) && (rest[0].alone || o.solo()) {
				c.close(o)
				c = nil
			}
			if c == nil {
				q, err := start(o.prog, &o.g, o.prog.Isolate)
				if err != nil {
					o.fail(err, rest)
					return
				}
				c = o.adopt(q)
			}
			n, changed := c.encode(rest[:o.together(rest)], list)
			if n == 0 {
				rest[0].over, rest[0].end, rest[0].text = true, endLies, "a call with more data than a batch can hold"
				rest[0].done <- struct{}{}
				rest = rest[1:]
				continue
			}
			c.session = nil
			run := rest[:n]
			healthy := c.run(run, changed, o.cpuMS())
			if !healthy {
				c.q.end()
			}
			last := run[n-1]
			again := o.settle(c, run, healthy)
			for _, it := range run {
				it.s.home = nil
			}
			if healthy && last.end == endOK {
				c.session = last.s
				last.s.home = c
			}
			c.items += n
			if !healthy {
				c.close(o)
				c = nil
			}
			for _, it := range run {
				if it.over {
					it.over = false
					it.done <- struct{}{}
				}
			}
			rest = append(again, rest[n:]...)
		}
	}
}

func (o *pool) adopt(q *process) *child {
	c := &child{q: q, base: make([][2]uint64, o.g.pages())}
	for i := range c.base {
		c.base[i] = unknownVersion
	}
	o.mu.Lock()
	o.alive[c] = true
	o.mu.Unlock()
	return c
}

func (c *child) close(o *pool) {
	c.q.close()
	o.mu.Lock()
	o.cpu += c.cpu
	delete(o.alive, c)
	o.mu.Unlock()
}

// settle says of each item whether it is over. It returns those that are to run again: behind one that ended the
// process, and a crash that is not confirmed yet.
func (o *pool) settle(c *child, run []*item, healthy bool) (again []*item) {
	for i, it := range run {
		switch {
		case it.over && (it.end == endOK || it.end == endStopped):
			if it.suspect != "" {
				it.end, it.text = endLeak, it.suspect
			}
			continue
		case !it.over && i > 0 && !run[i-1].over, !it.over && i > 0 && run[i-1].end >= endGone:
			again = append(again, it) // its turn had not come
			continue
		case !it.over:
			it.over, it.end = true, endGone
			switch {
			case c.q.blocked.Load():
				it.end = endBlocked
			case c.q.killed():
				it.end, it.code = endSignal, killSignal
			}
		}
		if it.end == endSignal && it.code == killSignal && it.kills < mostKills {
			it.kills++ // by another program, as it seems
			it.over = false
			again = append(again, it)
			continue
		}
		how := crashOf(it.end, it.code, it.text, "").What
		first := c.items == 0 && i == 0
		known := o.known(how)
		switch {
		case first:
			it.log = c.q.output.end()
			o.confirm(how, it.log)
			if it.suspect != "" && it.suspect != how {
				it.end, it.text = endLeak, it.suspect
			}
		case known.times >= confirmed:
			it.log = known.log
		default:
			it.over, it.alone, it.suspect = false, true, how
			again = append(again, it)
		}
	}
	return again
}

// cpuMS is the CPU time of an item in ms. Where endless loops are known, less is enough to recognise one.
func (o *pool) cpuMS() uint32 {
	ms := uint32(500)
	if o.known(crashOf(endTime, 0, "", "").What).times >= confirmed {
		ms = 40
	}
	if o.info.Isolation == Fork {
		ms *= 10 // a sanitizer is slow
	}
	return ms
}

// crash is a way to crash that was seen in a fresh process.
type crash struct {
	times int
	log   string
}

func (o *pool) known(how string) crash {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.crashes[how]
}

func (o *pool) confirm(how, log string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.crashes[how] = crash{o.crashes[how].times + 1, log}
}

// fail ends the pool: no process starts any more.
func (o *pool) fail(err error, items []*item) {
	o.mu.Lock()
	o.err = err
	items = append(items, o.queue...)
	o.queue = nil
	o.mu.Unlock()
	for _, it := range items {
		it.over, it.end, it.text = true, endLies, err.Error()
		it.done <- struct{}{}
	}
}

// close ends all processes.
func (o *pool) close() {
	o.mu.Lock()
	o.closed = true
	o.mu.Unlock()
	o.change.Broadcast()
	o.wg.Wait()
}

// used is the CPU time of all processes in ns.
func (o *pool) used() uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	sum := o.cpu
	for c := range o.alive {
		sum += c.cpu
	}
	return sum
}
