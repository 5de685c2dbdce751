package fleet

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"dualbank/internal/input"
)

// Access is how to reach a server.
type Access struct {
	URL   string // nats://HOST:PORT or tls://HOST:PORT
	Token string // file with a token; "": none
	NKey  string // file with the seed of a user nkey; "": none
	CA    string // file with certificates, in PEM, that the server's is checked by; "": those of the machine
}

// Link is a connection to a server with JetStream.
type Link struct {
	conn    *nats.Conn
	js      jetstream.JetStream
	say     func(string)
	defs    jetstream.KeyValue
	workers jetstream.KeyValue
	causes  jetstream.KeyValue
}

// Connect reaches a server and makes what the campaigns need there, if it is missing. say gets a line when the connection
// is lost or back, and for each message that is dropped; nil: it is dropped.
func Connect(ctx context.Context, a Access, name string, say func(string)) (*Link, error) {
	if say == nil {
		say = func(string) {}
	}
	u, err := url.Parse(a.URL)
	if err == nil && u.User != nil {
		return nil, fmt.Errorf("the address of %s has a secret in it: give a file with --token-file or --nkey-file", u.Host)
	}
	if err != nil || u.Scheme != "nats" && u.Scheme != "tls" || u.Host == "" {
		return nil, fmt.Errorf("%q is no address of a server: give one such as nats://127.0.0.1:4222", short(a.URL))
	}
	if u.Scheme == "nats" && !loopback(u.Hostname()) {
		return nil, fmt.Errorf("%s: messages to another machine go over TLS: give tls://%s, and --token-file or --nkey-file", u.Host, u.Host)
	}
	opts := []nats.Option{
		nats.Name(name), nats.MaxReconnects(-1), nats.ReconnectWait(500 * time.Millisecond), nats.Timeout(5 * time.Second),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				say("the connection is lost: " + err.Error())
			}
		}),
		nats.ReconnectHandler(func(c *nats.Conn) { say("connected again to " + c.ConnectedUrlRedacted()) }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { say(err.Error()) }),
	}
	if a.Token != "" {
		text, err := Secret(a.Token)
		if err != nil {
			return nil, err
		}
		opts = append(opts, nats.Token(text))
	}
	if a.NKey != "" {
		_, err := input.ReadAgain(a.NKey, mostSecret) // bounded before the library reads it
		var opt nats.Option
		if err == nil {
			opt, err = nats.NkeyOptionFromSeed(a.NKey)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w: give the file of a user nkey's seed", a.NKey, err)
		}
		opts = append(opts, opt)
	}
	if a.CA != "" {
		text, err := input.ReadAgain(a.CA, input.Config)
		if err == nil && !x509.NewCertPool().AppendCertsFromPEM(text) {
			err = errors.New("there is no certificate in it")
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w: give a file with certificates in PEM", a.CA, err)
		}
		opts = append(opts, nats.RootCAs(a.CA))
	}
	conn, err := nats.Connect(a.URL, opts...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: start a server with dualbank-hub", u.Host, err)
	}
	return NewLink(ctx, conn, say)
}

// NewLink makes a Link of a connection, which it owns from now on. say is as for Connect.
func NewLink(ctx context.Context, conn *nats.Conn, say func(string)) (*Link, error) {
	l := &Link{conn: conn, say: Seldom(say)}
	server := conn.ConnectedUrlRedacted()
	var err error
	for range 6 { // an answer is lost where the connection is
		if err = l.prepare(ctx); err == nil || ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, nats.ErrDisconnected) {
			break
		}
	}
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("%s: %w: the server needs JetStream, as dualbank-hub has it", server, err)
	}
	return l, nil
}

// Seldom is say, but for a line that was said within the last half minute. nil says nothing.
func Seldom(say func(string)) func(string) {
	var mu sync.Mutex
	last := map[string]time.Time{}
	return func(line string) {
		mu.Lock()
		now := time.Now()
		at, ok := last[line]
		if ok = ok && now.Sub(at) < 30*time.Second; !ok {
			if len(last) > 1000 {
				clear(last)
			}
			last[line] = now
		}
		mu.Unlock()
		if !ok && say != nil {
			say(line)
		}
	}
}

// loopback reports whether a host is this machine.
func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// mostSecret bounds a file with a token or a seed, in bytes.
const mostSecret = 4096

// Secret reads a token from a file.
func Secret(file string) (string, error) {
	text, err := input.ReadAgain(file, mostSecret)
	token := strings.TrimSpace(string(text))
	if err == nil && token == "" {
		err = errors.New("it is empty")
	}
	if err != nil {
		return "", fmt.Errorf("%s: %w: give a file with the token", file, err)
	}
	return token, nil
}

// prepare makes streams and buckets. What exists stays as it is. They have no bounds of their own, which a server would set
// aside for each: the server bounds what is stored in all.
func (l *Link) prepare(ctx context.Context) (err error) {
	if l.js, err = jetstream.New(l.conn); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	for _, s := range []jetstream.StreamConfig{
		{Name: workStream, Subjects: []string{workSubject + ".>"}, Retention: jetstream.WorkQueuePolicy, Storage: jetstream.FileStorage, Discard: jetstream.DiscardNew, Duplicates: 10 * time.Minute},
		{Name: resultStream, Subjects: []string{resultSubject + ".>"}, Storage: jetstream.FileStorage, Discard: jetstream.DiscardNew, Duplicates: 10 * time.Minute, MaxMsgsPerSubject: 1, AllowDirect: true},
	} {
		if _, err := l.js.Stream(ctx, s.Name); errors.Is(err, jetstream.ErrStreamNotFound) {
			if _, err = l.js.CreateStream(ctx, s); err != nil && !errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
				return err
			}
		} else if err != nil {
			return err
		}
	}
	bucket := func(c jetstream.KeyValueConfig) (jetstream.KeyValue, error) {
		kv, err := l.js.KeyValue(ctx, c.Bucket)
		if errors.Is(err, jetstream.ErrBucketNotFound) {
			kv, err = l.js.CreateOrUpdateKeyValue(ctx, c)
		}
		return kv, err
	}
	if l.defs, err = bucket(jetstream.KeyValueConfig{Bucket: campaigns, Storage: jetstream.FileStorage}); err != nil {
		return err
	}
	if l.causes, err = bucket(jetstream.KeyValueConfig{Bucket: causes, Storage: jetstream.FileStorage}); err != nil {
		return err
	}
	l.workers, err = bucket(jetstream.KeyValueConfig{Bucket: workers, Storage: jetstream.FileStorage, TTL: 2 * ackWait})
	return err
}

// watch calls take for each entry under keys that a bucket has or gets, until ctx ends.
func watch(ctx context.Context, kv jetstream.KeyValue, keys string, take func(jetstream.KeyValueEntry)) {
	for ; ctx.Err() == nil; pause(ctx, time.Second) {
		entries, err := kv.Watch(ctx, keys, jetstream.IgnoreDeletes())
		if err != nil {
			continue // the server is away
		}
		done := context.AfterFunc(ctx, func() { entries.Stop() })
		for e := range entries.Updates() {
			if e != nil { // nil: all that was there has come
				take(e)
			}
		}
		done()
	}
}

// Close ends the connection.
func (l *Link) Close() { l.conn.Close() }
