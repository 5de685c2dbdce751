package fleet_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	random "math/rand/v2"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"dualbank/fuzz"
	"dualbank/fuzz/cause"
	"dualbank/fuzz/explore"
	"dualbank/fuzz/fleet"
	"dualbank/fuzz/fleet/hub"
	"dualbank/internal/long"
	"dualbank/kvstore"
)

// roles are the processes of a fleet, which this test's own binary plays: ROLE is one of them, ARG is for it.
var roles = map[string]func(arg string) error{
	// hub on the port and the folder "PORT DIR".
	"hub": func(arg string) error {
		port, dir, _ := strings.Cut(arg, " ")
		n, err := net.LookupPort("tcp", port)
		if err != nil {
			return err
		}
		h, err := hub.Start(hub.Options{Dir: dir, Port: n})
		if err != nil {
			return err
		}
		fmt.Println(h.URL())
		select {}
	},
	// far is a hub for other machines on the address and the folder "HOST DIR", which has its secrets.
	"far": func(arg string) error {
		host, dir, _ := strings.Cut(arg, " ")
		token, err := fleet.Secret(filepath.Join(dir, "token"))
		if err != nil {
			return err
		}
		h, err := hub.Start(hub.Options{Dir: filepath.Join(dir, "hub"), Host: host, Port: -1, Token: token, Cert: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem")})
		if err != nil {
			return err
		}
		fmt.Println(h.URL())
		select {}
	},
	// alone is a campaign in one process, with its journals in the folder "DIR".
	"alone": func(arg string) error {
		c := played()
		c.Dir = arg
		r, err := c.Sweep(context.Background(), nil)
		if err != nil {
			return err
		}
		r.Attribute(context.Background(), nil, 1, nil)
		return nil
	},
	// worker of the server "URL NAME".
	"worker": func(arg string) error {
		url, name, _ := strings.Cut(arg, " ")
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
		defer stop()
		l, err := fleet.Connect(ctx, access(url), name, nil)
		if err != nil {
			return err
		}
		fmt.Println("works")
		w := &fleet.Worker{Name: name, Workers: 1, Build: func(*fleet.Definition) (*fuzz.Campaign, error) { return played(), nil }}
		return w.Work(ctx, l)
	},
	// collector of the server "URL DIR", which leaves the result in DIR/result.
	"collector": func(arg string) error {
		url, dir, _ := strings.Cut(arg, " ")
		ctx := context.Background()
		l, err := fleet.Connect(ctx, access(url), "collector", nil)
		if err != nil {
			return err
		}
		fmt.Println("collects")
		c := played()
		c.Causes = &cause.Memo{}
		c.Dir = filepath.Join(dir, "journal")
		sweeps, err := c.Divide(ctx)
		if err != nil {
			return err
		}
		d := &fleet.Definition{Program: own, Profile: "MbedCE", Seed: 1, Sweeps: sweeps}
		for {
			if err = l.Submit(ctx, d); err == nil {
				break
			}
			time.Sleep(100 * time.Millisecond) // the hub is away
		}
		parked, err := l.Collect(ctx, d, c, nil)
		if err != nil || len(parked) > 0 {
			return fmt.Errorf("%v, %w", parked, err)
		}
		r, err := c.Sweep(ctx, nil)
		if err != nil {
			return err
		}
		if os.Getenv("CAMPAIGN") != "" {
			r.Attribute(ctx, c.Causes, 0, nil) // as the command does
		}
		s, err := all(r)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(dir, "result"), []byte(s), 0o666)
	},
}

// played is the campaign of the roles: small, or that which CAMPAIGN names.
func played() *fuzz.Campaign {
	c := fuzz.DefaultCampaign(kvstore.MbedCE, 1)
	c.Workers = 1
	switch os.Getenv("CAMPAIGN") {
	case "default":
		return &c
	case "large": // its cuts of stores with more second cuts, and some guided search: two minutes
		for i := range c.KV {
			c.KV[i].DeepSteps *= 8
		}
		return &fuzz.Campaign{Workers: 1, KV: c.KV, Guided: []explore.Guided{{Target: c.Guided[0].Target, Seed: 1, Runs: 1600, Round: 50}}}
	}
	return small()
}

// access reaches a server, with the secrets in the folder SECRETS if there is one.
func access(url string) fleet.Access {
	if dir := os.Getenv("SECRETS"); dir != "" {
		return fleet.Access{URL: url, Token: filepath.Join(dir, "token"), CA: filepath.Join(dir, "cert.pem")}
	}
	return fleet.Access{URL: url}
}

func TestMain(m *testing.M) {
	fleet.Hurry(4 * time.Second)
	if role := os.Getenv("ROLE"); role != "" {
		if err := roles[role](os.Getenv("ARG")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// process is a role at work, in a process of its own.
type process struct {
	cmd  *exec.Cmd
	line string // its first one
	done chan error
}

// play starts a role. before is a command that starts it in turn.
func play(t testing.TB, role, arg string, before ...string) *process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	args := append(before, self)
	p := &process{cmd: exec.Command(args[0], args[1:]...), done: make(chan error, 1)}
	p.cmd.Env = append(os.Environ(), "ROLE="+role, "ARG="+arg)
	p.cmd.Stderr = os.Stderr
	out, err := p.cmd.StdoutPipe()
	if err == nil {
		err = p.cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	p.line, _ = bufio.NewReader(out).ReadString('\n')
	p.line = strings.TrimSpace(p.line)
	go func() { p.done <- p.cmd.Wait() }()
	t.Cleanup(p.kill)
	return p
}

// kill ends the process at once, as kill -9 does.
func (p *process) kill() {
	_ = p.cmd.Process.Signal(syscall.SIGKILL) // it may be over
}

// freePort is a port that nothing listens on.
func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// TestKilled kills hub, workers and collector at random moments and starts each again: the findings are those of one
// process. DUALBANK_KILLS is the number of seeds.
func TestKilled(t *testing.T) {
	long.Test(t)
	seeds := uint64(3)
	if n, err := strconv.ParseUint(os.Getenv("DUALBANK_KILLS"), 10, 16); err == nil {
		seeds = n
	}
	want, err := one()
	if err != nil {
		t.Fatal(err)
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := random.New(random.NewPCG(seed, 1))
			port, data, dir := freePort(t), t.TempDir(), t.TempDir()
			starts := []func() *process{func() *process { return play(t, "hub", port+" "+data) }}
			team := []*process{starts[0]()}
			url := team[0].line
			for i := range 3 {
				starts = append(starts, func() *process { return play(t, "worker", fmt.Sprintf("%s w%d", url, i)) })
			}
			starts = append(starts, func() *process { return play(t, "collector", url+" "+dir) })
			for _, s := range starts[1:] {
				team = append(team, s())
			}
			collector := len(team) - 1
			for kills := 0; ; {
				wait := time.Duration(50+r.IntN(400)) * time.Millisecond
				if kills >= 6 {
					wait = 2 * time.Minute
				}
				ended := func(err error) {
					if err != nil {
						t.Fatalf("the collector: %v", err)
					}
					got, err := os.ReadFile(filepath.Join(dir, "result"))
					if err != nil || string(got) != want {
						t.Errorf("%v; one process:\n%s\nthe fleet:\n%s", err, want, got)
					}
				}
				select {
				case err := <-team[collector].done:
					ended(err)
					return
				case <-time.After(wait):
					if kills >= 6 {
						t.Fatal("the campaign does not come to its end")
					}
					i := r.IntN(len(team))
					team[i].kill()
					kills++
					if err := <-team[i].done; i == collector && err == nil {
						ended(nil) // it had just come to its end
						return
					}
					team[i] = starts[i]()
				}
			}
		})
	}
}

// TestSafety: a hub on another address than this machine's needs TLS and a secret; with them, only who has both works.
func TestSafety(t *testing.T) {
	dir := t.TempDir()
	for _, o := range []hub.Options{
		{Dir: dir, Host: "0.0.0.0"},
		{Dir: dir, Host: "192.0.2.1", Token: "x"},
		{Dir: dir, Cert: "x"},
		{},
		{Dir: dir, NKeys: []string{"nonsense"}},
		{Dir: dir, MaxPayload: -1},
		{Dir: dir, MaxStore: -1},
		{Dir: dir, Cert: "nowhere", Key: "nowhere"},
		{Dir: dir, Cert: "/dev/zero", Key: "/dev/zero"},
		{Dir: dir, Cert: "process_test.go", Key: "process_test.go"},
	} {
		o.Port = -1
		if h, err := hub.Start(o); err == nil {
			h.Close()
			t.Errorf("%+v starts", o)
		}
	}
	cert, key := certificate(t, dir, net.IPv4(127, 0, 0, 1))
	if h, err := hub.Start(hub.Options{Dir: dir, Host: "0.0.0.0", Port: -1, Cert: cert, Key: key}); err == nil {
		h.Close()
		t.Error("a hub for other machines starts without a secret")
	}
	h, err := hub.Start(hub.Options{Dir: dir, Port: -1, Cert: cert, Key: key, Token: "open sesame"})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	good, bad := filepath.Join(dir, "good"), filepath.Join(dir, "bad")
	for file, text := range map[string]string{good: "open sesame\n", bad: "wrong"} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	_, port, _ := net.SplitHostPort(strings.SplitN(h.URL(), "//", 2)[1])
	url := "tls://127.0.0.1:" + port
	for name, c := range map[string]struct {
		a  fleet.Access
		ok bool
	}{
		"all":            {fleet.Access{URL: url, Token: good, CA: cert}, true},
		"no token":       {fleet.Access{URL: url, CA: cert}, false},
		"wrong token":    {fleet.Access{URL: url, Token: bad, CA: cert}, false},
		"not trusted":    {fleet.Access{URL: url, Token: good}, false},
		"empty":          {fleet.Access{}, false},
		"plain, far":     {fleet.Access{URL: "nats://192.0.2.1:4222"}, false},
		"secret in URL":  {fleet.Access{URL: "nats://user:pass@127.0.0.1:4222"}, false},
		"another scheme": {fleet.Access{URL: "http://127.0.0.1:4222"}, false},
		"no such file":   {fleet.Access{URL: url, Token: filepath.Join(dir, "none"), CA: cert}, false},
	} {
		l, err := fleet.Connect(context.Background(), c.a, "test", nil)
		if (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil {
			l.Close()
		} else if strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "sesame") || strings.Contains(err.Error(), "pass") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// certificate makes a certificate for an address, which is its own authority.
func certificate(t *testing.T, dir string, ip net.IP) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "hub"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{ip}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for file, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "EC PRIVATE KEY", Bytes: raw}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}
