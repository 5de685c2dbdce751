// Command dualbank-hub is the server for campaigns on several machines: NATS with JetStream in the process, its data in a
// folder, and a page that shows the campaign. It is a program of its own because the embedded server is large.
//
//  1. The flags say where it listens, what it asks for, and where its data is.
//  2. Package fuzz/fleet/hub starts the server on that folder; fuzz/fleet/board serves the page.
//  3. Collectors submit campaigns, workers take pieces of them and give results, until Ctrl-C.
//
// On the loopback address nothing else is needed. Another address needs --cert and --key, and --token-file or --nkey: the
// hub does not start without. Ctrl-C ends it; started again on the same folder it goes on where it was.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"dualbank/fuzz/fleet"
	"dualbank/fuzz/fleet/board"
	"dualbank/fuzz/fleet/hub"
	"dualbank/internal/plain"
)

type flags struct {
	Dir       string   `default:"hub" placeholder:"DIR" help:"Folder for campaigns and results (${default})."`
	Listen    string   `default:"127.0.0.1:4222" placeholder:"ADDR" help:"Address for workers and collectors (${default}); port 0 is a free one."`
	Page      string   `default:"127.0.0.1:8222" placeholder:"ADDR" help:"Loopback address of the page (${default}); \"\": no page."`
	Cert      string   `placeholder:"FILE" help:"Certificate, in PEM."`
	Key       string   `placeholder:"FILE" help:"Key of the certificate, in PEM."`
	TokenFile string   `placeholder:"FILE" help:"File with a token that clients must give."`
	NKey      []string `name:"nkey" placeholder:"KEY" help:"Public user nkey that may connect. May be repeated."`

	MaxPayload int32 `default:"33554432" placeholder:"BYTES" help:"Largest message (${default})."`
	MaxStore   int64 `default:"21474836480" placeholder:"BYTES" help:"Most bytes in the folder (${default})."`
	MaxWorkers int   `default:"4096" placeholder:"N" help:"Most connections (${default})."`
}

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// exited is panicked with by kong's --help.
type exited int

// run is the program without its process: it returns the exit code.
func run(args []string, stdout, stderr io.Writer) (code int) {
	var f flags
	parser, err := kong.New(&f, kong.Name("dualbank-hub"), kong.Writers(stdout, stderr), kong.Exit(func(code int) { panic(exited(code)) }),
		kong.Description("The server for `dualbank crash --nats` and `dualbank worker`: NATS with JetStream in one process, and a page that shows the campaign."))
	if err != nil {
		panic(err) // a mistake in the tags above
	}
	defer func() {
		switch p := recover().(type) {
		case nil:
		case exited:
			code = int(p)
		default:
			panic(p)
		}
	}()
	fail := func(code int, err error) int {
		for _, line := range plain.Message(err.Error()) {
			fmt.Fprintf(stderr, "dualbank-hub: %s\n", line)
		}
		return code
	}
	if _, err := parser.Parse(args); err != nil {
		return fail(2, fmt.Errorf("%w: `dualbank-hub --help` lists what there is", err))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if bad, err := f.serve(ctx, stdout, stderr); err != nil {
		if bad {
			return fail(2, err)
		}
		return fail(1, err)
	}
	return 0
}

// serve runs the hub until ctx ends. bad says that the error is a mistake of the user's.
func (f *flags) serve(ctx context.Context, stdout, stderr io.Writer) (bad bool, err error) {
	host, port, err := net.SplitHostPort(f.Listen)
	if err != nil {
		return true, fmt.Errorf("--listen: %w: give an address such as 127.0.0.1:4222", err)
	}
	number, err := net.LookupPort("tcp", port)
	if err != nil {
		return true, fmt.Errorf("--listen: %w: give a port from 0 to 65535", err)
	}
	if number == 0 {
		number = -1
	}
	say := func(line string) {
		for _, line := range plain.Message(line) {
			fmt.Fprintln(stderr, line)
		}
	}
	o := hub.Options{Host: host, Port: number, Dir: f.Dir, Cert: f.Cert, Key: f.Key, NKeys: f.NKey, MaxPayload: f.MaxPayload, MaxStore: f.MaxStore, MaxWorkers: f.MaxWorkers, Say: say}
	if f.TokenFile != "" {
		if o.Token, err = fleet.Secret(f.TokenFile); err != nil {
			return true, err
		}
	}
	h, err := hub.Start(o)
	if err != nil {
		return true, err
	}
	defer h.Close()
	if _, err := fmt.Fprintf(stdout, "%s takes workers\n", h.URL()); err != nil {
		return false, err
	}
	if f.Page == "" {
		<-ctx.Done()
		return false, nil
	}
	pageHost, _, err := net.SplitHostPort(f.Page)
	if ip := net.ParseIP(pageHost); err != nil || pageHost != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return true, fmt.Errorf("--page: %q is no loopback address with a port: give one such as 127.0.0.1:8222", f.Page)
	}
	link, err := h.Link(ctx, say)
	if err != nil {
		return false, err
	}
	defer link.Close()
	listener, err := net.Listen("tcp", f.Page)
	if err != nil {
		return true, fmt.Errorf("--page: %w: give another address", err)
	}
	if _, err := fmt.Fprintf(stdout, "http://%s/ shows the campaign\n", strings.TrimSuffix(listener.Addr().String(), "/")); err != nil {
		return false, errors.Join(err, listener.Close())
	}
	server := &http.Server{Handler: board.Handler(link.Follow(ctx).State), ReadHeaderTimeout: 10 * time.Second}
	context.AfterFunc(ctx, func() { server.Close() })
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return false, err
	}
	return false, nil
}
