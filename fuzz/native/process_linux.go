package native

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// process is a program that has said hello.
type process struct {
	cmd     *exec.Cmd
	mem     []byte
	places  places
	to      *os.File
	from    *os.File
	info    Info
	output  *tail
	waiting atomic.Int64 // since when a message is due, in ns of the wall clock; 0: none is
	blocked atomic.Bool  // ended because it was blocked
	ours    atomic.Bool  // killed by this program
	ended   chan struct{}
	message [16]byte
}

// blockedAfter is how long a program may neither use CPU time nor say anything. It is the only place where the
// wall clock counts.
var blockedAfter = 10 * time.Second // less in tests

// silentAfter ends a program that computes and never answers: the header's own timer should have ended it.
const silentAfter = 60 * time.Second

// addrNoRandomize is ADDR_NO_RANDOMIZE of personality(2).
const addrNoRandomize = 0x0040000

// spawn is a start of a process. All of them happen on one thread, which never ends: a child's parent-death signal
// comes when the thread ends that started it.
type spawn struct {
	cmd  *exec.Cmd
	done chan error
}

var spawner = sync.OnceValue(func() chan spawn {
	c := make(chan spawn)
	go func() {
		runtime.LockOSThread()
		if old, _, errno := unix.RawSyscall(unix.SYS_PERSONALITY, 0xFFFFFFFF, 0, 0); errno == 0 {
			unix.RawSyscall(unix.SYS_PERSONALITY, old|addrNoRandomize, 0, 0) // where it is refused, findings may name other addresses
		}
		for s := range c {
			s.done <- s.cmd.Start()
		}
	}()
	return c
})

// start starts the program on a device and waits for its hello; again where another program has killed it before.
func start(p *Program, g *geometry, iso Isolation) (q *process, err error) {
	for range mostKills {
		if q, err = startOnce(p, g, iso); err != errKilled {
			break
		}
	}
	return q, err
}

var errKilled = errors.New("it is killed whenever it is started")

func startOnce(p *Program, g *geometry, iso Isolation) (*process, error) {
	ps := g.places()
	memory, err := unix.MemfdCreate("dualbank", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, fmt.Errorf("shared memory: %w", err)
	}
	file := os.NewFile(uintptr(memory), "dualbank")
	defer file.Close()
	if err := file.Truncate(int64(ps.total)); err != nil {
		return nil, fmt.Errorf("shared memory: %w", err)
	}
	if _, err := unix.FcntlInt(uintptr(memory), unix.F_ADD_SEALS, unix.F_SEAL_SHRINK|unix.F_SEAL_GROW|unix.F_SEAL_SEAL); err != nil {
		return nil, fmt.Errorf("shared memory: %w", err)
	}
	mem, err := unix.Mmap(memory, 0, ps.total, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("shared memory: %w", err)
	}
	for _, at := range []int{ps.base, ps.image} {
		image := mem[at : at+g.pages()*pageSize]
		for i := range image {
			image[i] = 0xFF
		}
	}
	wanted := iso
	if iso == Exec {
		wanted = Reset
	}
	g.writeHeader(mem, &ps, wanted, limitsOf(g))

	q := &process{mem: mem, places: ps, output: &tail{}, ended: make(chan struct{})}
	fail := func(err error) (*process, error) {
		q.close()
		return nil, err
	}
	theirIn, ourOut, err := os.Pipe()
	if err != nil {
		return fail(err)
	}
	q.to = ourOut
	ourIn, theirOut, err := os.Pipe()
	if err != nil {
		theirIn.Close()
		return fail(err)
	}
	q.from = ourIn
	printed, prints, err := os.Pipe()
	if err != nil {
		theirIn.Close()
		theirOut.Close()
		return fail(err)
	}

	q.cmd = exec.Command(p.Path, p.Args...)
	q.cmd.Env = append(os.Environ(), "DUALBANK_FDS=3,4,5", fmt.Sprintf("DUALBANK_PARENT=%d", os.Getpid()))
	for _, s := range []string{"ASAN_OPTIONS=detect_leaks=0", "UBSAN_OPTIONS=print_stacktrace=1"} {
		if name, _, _ := strings.Cut(s, "="); os.Getenv(name) == "" {
			q.cmd.Env = append(q.cmd.Env, s)
		}
	}
	if iso != Exec {
		q.cmd.Env = append(q.cmd.Env, "LD_BIND_NOW=1") // once, and not in each fork
	}
	q.cmd.ExtraFiles = []*os.File{file, theirIn, theirOut}
	q.cmd.Stdout, q.cmd.Stderr = prints, prints
	q.cmd.SysProcAttr = &unix.SysProcAttr{Setpgid: true, Pdeathsig: unix.SIGKILL}
	s := spawn{q.cmd, make(chan error)}
	spawner() <- s
	err = <-s.done
	for _, f := range []*os.File{theirIn, theirOut, prints} {
		f.Close() // at the program's end there must be no other that could write
	}
	if err != nil {
		q.cmd = nil
		printed.Close()
		return fail(fmt.Errorf("%s does not start: %w: give the path of a program that this machine runs", p.Path, cause(err)))
	}
	go q.output.read(printed)
	go q.watch()
	typ, _, _, err := q.receive()
	if err != nil || typ != msgHello {
		if q.end(); q.killed() {
			return fail(errKilled)
		}
		return fail(fmt.Errorf("%s does not speak the protocol: %s", p.Path, q.whyNot(err)))
	}
	if q.info, err = parseInfo(mem[ps.info:]); err != nil {
		return fail(fmt.Errorf("%s: %w", p.Path, err))
	}
	if iso == Exec {
		q.info.Isolation = Exec
	}
	return q, nil
}

// cause leaves the words of exec out of an error.
func cause(err error) error {
	var e *exec.Error
	var path *os.PathError
	switch {
	case errors.As(err, &e):
		return e.Err
	case errors.As(err, &path):
		return path.Err
	}
	return err
}

// whyNot says why there was no hello.
func (q *process) whyNot(err error) string {
	switch s := q.output.last(); {
	case err == nil:
		return "its first message is none that it should be"
	case q.blocked.Load():
		return "it says nothing; is it built with dualbank.h, and with DB_MAIN?"
	case s != "":
		return fmt.Sprintf("it ends and says %q", s)
	}
	return "it ends at once; is it built with dualbank.h, and with DB_MAIN?"
}

// watch ends the process when it is blocked, and collects it at its end.
func (q *process) watch() {
	done := make(chan struct{})
	go func() {
		_ = q.cmd.Wait()
		close(done)
	}()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	var since int64
	var cpu time.Duration
	for {
		select {
		case <-done:
			_ = unix.Kill(-q.cmd.Process.Pid, unix.SIGKILL) // what it has forked
			close(q.ended)
			return
		case <-tick.C:
			w := q.waiting.Load()
			switch age := time.Since(time.Unix(0, w)); {
			case w == 0 || age < time.Second:
			case w != since:
				since, cpu = w, groupCPU(q.cmd.Process.Pid)
			case age > silentAfter, age > blockedAfter && groupCPU(q.cmd.Process.Pid)-cpu < time.Second:
				q.blocked.Store(true)
				q.kill()
			}
		}
	}
}

// kill ends the process and what it has forked.
func (q *process) kill() {
	q.ours.Store(true)
	if q.cmd != nil && q.cmd.Process != nil {
		_ = unix.Kill(-q.cmd.Process.Pid, unix.SIGKILL)
		_ = q.cmd.Process.Kill()
	}
}

// end ends the process and waits for its end. One that has closed its messages is about to end itself.
func (q *process) end() {
	select {
	case <-q.ended:
	case <-time.After(endsIn):
		q.kill()
		<-q.ended
	}
}

// endsIn is the time that a process is given.
const endsIn = 200 * time.Millisecond

// killed reports whether another program has killed the process, which has ended.
func (q *process) killed() bool {
	s, ok := q.cmd.ProcessState.Sys().(syscall.WaitStatus)
	return ok && s.Signaled() && s.Signal() == syscall.SIGKILL && !q.ours.Load()
}

// close ends the process and gives back what it took.
func (q *process) close() {
	if q.cmd != nil {
		q.kill()
		<-q.ended
	}
	for _, f := range []*os.File{q.to, q.from} {
		if f != nil {
			f.Close()
		}
	}
	if q.mem != nil {
		_ = unix.Munmap(q.mem)
		q.mem = nil
	}
}

func (q *process) send(typ, a uint32, b uint64) error {
	m := &q.message
	binary.LittleEndian.PutUint32(m[:], typ)
	binary.LittleEndian.PutUint32(m[4:], a)
	binary.LittleEndian.PutUint64(m[8:], b)
	_, err := q.to.Write(m[:])
	return err
}

// receive waits for a message.
func (q *process) receive() (typ, a uint32, b uint64, err error) {
	q.waiting.Store(time.Now().UnixNano())
	_, err = io.ReadFull(q.from, q.message[:])
	q.waiting.Store(0)
	m := &q.message
	return binary.LittleEndian.Uint32(m[:]), binary.LittleEndian.Uint32(m[4:]), binary.LittleEndian.Uint64(m[8:]), err
}

// log is what the program has written into its log since the last message; nil where it says more than there is.
func (q *process) log() []byte {
	n := binary.LittleEndian.Uint32(q.mem[q.places.info+infoLog:])
	if uint64(n) > uint64(q.places.logSize) {
		return nil
	}
	return q.mem[q.places.log : q.places.log+int(n)]
}

// groupCPU is the CPU time of the running processes of a group.
func groupCPU(group int) (sum time.Duration) {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		f := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
		if len(f) < 13 || f[2] != strconv.Itoa(group) {
			continue
		}
		for _, s := range f[11:13] {
			n, _ := strconv.ParseUint(s, 10, 64)
			sum += time.Duration(n) * 10 * time.Millisecond // of 1/100 s, on every Linux
		}
	}
	return sum
}

// tail keeps the end of what a program prints.
type tail struct {
	mu   sync.Mutex
	text []byte
	all  uint64
	eof  bool
}

// tailSize is how much of the output is kept.
const tailSize = 8 << 10

func (t *tail) read(f *os.File) {
	defer f.Close()
	r := bufio.NewReaderSize(f, 64<<10)
	buf := make([]byte, 64<<10)
	for {
		n, err := r.Read(buf)
		t.mu.Lock()
		t.all += uint64(n)
		t.text = append(t.text, buf[:n]...)
		if k := len(t.text) - tailSize; k > 0 {
			t.text = append(t.text[:0], t.text[k:]...)
		}
		t.eof = err != nil
		t.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// last is the last line that is not empty.
func (t *tail) last() string {
	lines := strings.Split(strings.TrimSpace(t.end()), "\n")
	s := lines[len(lines)-1]
	return s[:min(len(s), 200)]
}

// end is what is kept. It gives the reader a moment to come to the end.
func (t *tail) end() string {
	was := uint64(0)
	for i := range 50 {
		t.mu.Lock()
		eof, all := t.eof, t.all
		t.mu.Unlock()
		if eof || i > 2 && all == was {
			break
		}
		was = all
		time.Sleep(2 * time.Millisecond)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.text)
}
