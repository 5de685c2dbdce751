// Package hub is a NATS server with JetStream in the process, for campaigns on a handful of machines.
//
//  1. A program fills in Options: address, folder, certificate, who may connect, limits. Those left out have defaults.
//  2. Start checks them, starts the server and returns when it takes connections.
//  3. Collectors and workers of package fleet connect to it. What they store is in the folder.
//
// Invariants: without TLS, and without a token or nkeys, it listens on the loopback address alone. A message that breaks a
// limit is refused, and its sender tells.
package hub

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"dualbank/fuzz/fleet"
	"dualbank/internal/input"
)

// Options of a hub.
type Options struct {
	Host  string   // address to listen on; "": 127.0.0.1
	Port  int      // 0: 4222; -1: a free one
	Dir   string   // folder for campaigns and results
	Cert  string   // file with the certificate, in PEM; with Key
	Key   string   // file with its key, in PEM
	Token string   // that clients must give; "": none
	NKeys []string // public user nkeys that may connect; none: any, or those with the token

	MaxPayload int32 // bytes of a message; 0: 32 MiB
	MaxStore   int64 // bytes in Dir; 0: 20 GiB
	MaxWorkers int   // connections; 0: 4096

	// Say gets a line when the server fails to store something, and for its other errors; nil: they are dropped.
	Say func(string)
}

// logger takes errors of the server.
type logger struct{ h *Hub }

func (l logger) Errorf(format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	if !strings.Contains(line, syscall.ENOSPC.Error()) {
		l.h.say("the server says: " + line)
		return
	}
	select {
	case l.h.full <- struct{}{}:
	default:
	}
}
func (l logger) Fatalf(format string, args ...any) { l.Errorf(format, args...) }
func (l logger) Warnf(string, ...any)              {}
func (l logger) Noticef(string, ...any)            {}
func (l logger) Debugf(string, ...any)             {}
func (l logger) Tracef(string, ...any)             {}

// Hub is a running server.
type Hub struct {
	opts  *server.Options
	say   func(string)
	token string
	own   nkeys.KeyPair // of this process, where clients need an nkey; nil: they do not
	full  chan struct{} // the disk is full
	ended chan struct{}
	after sync.WaitGroup

	mu sync.Mutex // guards s
	s  *server.Server
}

// certificate reads a certificate and its key.
func certificate(certFile, keyFile string) (pair tls.Certificate, err error) {
	var pem [2][]byte
	for i, file := range []string{certFile, keyFile} {
		if pem[i], err = input.ReadAgain(file, input.Config); err != nil {
			return pair, fmt.Errorf("%s: %w: give a certificate and its key in PEM", file, err)
		}
	}
	if pair, err = tls.X509KeyPair(pem[0], pem[1]); err != nil {
		return pair, fmt.Errorf("%s, %s: %w: give a certificate and its key in PEM", certFile, keyFile, err)
	}
	return pair, nil
}

// check returns an error for options that must not be started with.
func (o *Options) check() error {
	if o.Dir == "" {
		return errors.New("no folder for the hub's data: give one")
	}
	if (o.Cert == "") != (o.Key == "") {
		return errors.New("a certificate and its key go together: give both")
	}
	ip := net.ParseIP(o.Host)
	if o.Host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		switch {
		case o.Cert == "":
			return fmt.Errorf("%s is not the loopback address: give a certificate and its key", o.Host)
		case o.Token == "" && len(o.NKeys) == 0:
			return fmt.Errorf("%s is not the loopback address: give a token or nkeys", o.Host)
		}
	}
	if o.Token != "" && len(o.NKeys) > 0 {
		return errors.New("a token and nkeys: give one of them")
	}
	for _, k := range o.NKeys {
		if !nkeys.IsValidPublicUserKey(k) {
			return fmt.Errorf("%.20q is no public user nkey", k)
		}
	}
	if o.MaxPayload < 0 || o.MaxPayload > 64<<20 {
		return fmt.Errorf("a message of %d bytes: give 1 to %d", o.MaxPayload, 64<<20)
	}
	if o.MaxStore < 0 || o.MaxWorkers < 0 {
		return errors.New("a limit is negative")
	}
	return nil
}

// Start starts a server.
func Start(o Options) (*Hub, error) {
	if o.Host == "" {
		o.Host = "127.0.0.1"
	}
	if err := o.check(); err != nil {
		return nil, err
	}
	if o.Port == 0 {
		o.Port = 4222
	}
	if o.MaxPayload == 0 {
		o.MaxPayload = 32 << 20
	}
	if o.MaxStore == 0 {
		o.MaxStore = 20 << 30
	}
	if o.MaxWorkers == 0 {
		o.MaxWorkers = 4096
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, err
	}
	opts := &server.Options{
		ServerName: "dualbank-hub", Host: o.Host, Port: o.Port, NoSigs: true,
		JetStream: true, StoreDir: filepath.Clean(o.Dir), JetStreamMaxStore: o.MaxStore, JetStreamMaxMemory: 64 << 20,
		MaxPayload: o.MaxPayload, MaxPending: 4 * int64(o.MaxPayload), MaxConn: o.MaxWorkers, Authorization: o.Token,
	}
	h := &Hub{opts: opts, say: fleet.Seldom(o.Say), token: o.Token, full: make(chan struct{}, 1), ended: make(chan struct{})}
	if len(o.NKeys) > 0 {
		var err error
		if h.own, err = nkeys.CreateUser(); err != nil {
			return nil, err
		}
		public, err := h.own.PublicKey()
		if err != nil {
			return nil, err
		}
		o.NKeys = append(slices.Clone(o.NKeys), public)
	}
	for _, k := range o.NKeys {
		opts.Nkeys = append(opts.Nkeys, &server.NkeyUser{Nkey: k})
	}
	if o.Cert != "" {
		pair, err := certificate(o.Cert, o.Key)
		if err != nil {
			return nil, err
		}
		opts.TLS = true
		opts.TLSTimeout = 5
		opts.TLSConfig = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	}
	if err := h.begin(); err != nil {
		return nil, err
	}
	opts.Port = h.server().Addr().(*net.TCPAddr).Port // also of a server that starts again
	h.after.Go(h.guard)
	return h, nil
}

// begin starts a server.
func (h *Hub) begin() error {
	s, err := server.NewServer(h.opts.Clone())
	if err != nil {
		return err
	}
	s.SetLoggerV2(logger{h}, false, false, false)
	go s.Start()
	if !s.ReadyForConnections(20 * time.Second) {
		s.Shutdown()
		return fmt.Errorf("%s:%d: the server does not start: is the port in use, or the folder %s another's?", h.opts.Host, h.opts.Port, h.opts.StoreDir)
	}
	h.mu.Lock()
	h.s = s
	h.mu.Unlock()
	return nil
}

func (h *Hub) server() *server.Server {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.s
}

// room is how many bytes must fit on the disk before a server starts that has run out of them.
const room = 1 << 20

// guard starts the server again when its disk was full and has room: the server does not get over a failed write.
func (h *Hub) guard() {
	full, look := false, time.NewTicker(time.Second)
	defer look.Stop()
	for {
		select {
		case <-h.ended:
			return
		case <-h.full:
			if !full {
				h.say("the disk of " + h.opts.StoreDir + " is full: free some space. What is stored stays, results wait with their workers.")
			}
			full = true
		case <-look.C:
			if !full || !fits(h.opts.StoreDir) {
				continue
			}
			h.end()
			select {
			case <-h.full: // of the server that has ended
			default:
			}
			if err := h.begin(); err != nil {
				h.say(err.Error())
				continue
			}
			full = false
			h.say("there is room again: the server goes on")
		}
	}
}

// fits reports whether a folder has some room.
func fits(dir string) bool {
	f, err := os.CreateTemp(dir, "room")
	if err != nil {
		return false
	}
	_, err = f.Write(make([]byte, room))
	return errors.Join(err, f.Close(), os.Remove(f.Name())) == nil
}

// URL is the address for clients.
func (h *Hub) URL() string {
	u := h.server().ClientURL()
	return strings.TrimSuffix(u, "/")
}

// InProcessConn connects to the server that runs now.
func (h *Hub) InProcessConn() (net.Conn, error) { return h.server().InProcessConn() }

// Link connects within the process: no address, no certificate.
func (h *Hub) Link(ctx context.Context, say func(string)) (*fleet.Link, error) {
	opts := []nats.Option{nats.InProcessServer(h), nats.Name("dualbank-hub"), nats.MaxReconnects(-1)}
	if h.token != "" {
		opts = append(opts, nats.Token(h.token))
	}
	if h.own != nil {
		public, err := h.own.PublicKey()
		if err != nil {
			return nil, err
		}
		opts = append(opts, nats.Nkey(public, h.own.Sign))
	}
	conn, err := nats.Connect("", opts...)
	if err != nil {
		return nil, err
	}
	return fleet.NewLink(ctx, conn, say)
}

// Close ends the server; its data stays.
func (h *Hub) Close() {
	close(h.ended)
	h.after.Wait()
	h.end()
}

func (h *Hub) end() {
	s := h.server()
	s.Shutdown()
	s.WaitForShutdown()
}
