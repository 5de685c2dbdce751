package fleet_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dualbank/internal/long"
)

// hosts makes so many network namespaces, each with an address of its own in one network, as machines on a switch have.
// It returns their addresses, and the commands that start a program in each. Where the machine allows no namespaces, all of
// them are this machine.
func hosts(t *testing.T, n int) (addresses []string, in [][]string) {
	t.Helper()
	name := func(i int) string { return fmt.Sprintf("dualbank%d-%d", os.Getpid(), i) }
	ip := func(args ...string) error {
		out, err := exec.Command("ip", args...).CombinedOutput()
		if err != nil {
			err = fmt.Errorf("ip %s: %w: %s", strings.Join(args, " "), err, out)
		}
		return err
	}
	build := func() error {
		for i := range n + 1 { // the last one is the switch
			if err := ip("netns", "add", name(i)); err != nil {
				return err
			}
			t.Cleanup(func() { ip("netns", "del", name(i)) })
		}
		if err := ip("-n", name(n), "link", "add", "switch", "type", "bridge"); err != nil {
			return err
		}
		for i := range n {
			port, address := fmt.Sprintf("port%d", i), fmt.Sprintf("192.0.2.%d", i+1)
			for _, args := range [][]string{
				{"-n", name(n), "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", name(i)},
				{"-n", name(n), "link", "set", port, "master", "switch", "up"},
				{"-n", name(i), "addr", "add", address + "/24", "dev", "eth0"},
				{"-n", name(i), "link", "set", "eth0", "up"},
				{"-n", name(i), "link", "set", "lo", "up"},
			} {
				if err := ip(args...); err != nil {
					return err
				}
			}
			addresses, in = append(addresses, address), append(in, []string{"ip", "netns", "exec", name(i)})
		}
		return ip("-n", name(n), "link", "set", "switch", "up")
	}
	if err := build(); err != nil {
		t.Logf("on one machine, without network namespaces: %v", err)
		addresses, in = nil, nil
		for range n {
			addresses, in = append(addresses, "127.0.0.1"), append(in, nil)
		}
	}
	return addresses, in
}

// TestHosts: hub, two workers and collector on machines of their own, over TLS and with a token, have the findings of one
// process.
func TestHosts(t *testing.T) {
	long.Test(t)
	want, err := one()
	if err != nil {
		t.Fatal(err)
	}
	addresses, in := hosts(t, 4)
	secrets, dir := t.TempDir(), t.TempDir()
	certificate(t, secrets, net.ParseIP(addresses[0]))
	if err := os.WriteFile(filepath.Join(secrets, "token"), []byte("open sesame"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SECRETS", secrets)
	url := play(t, "far", addresses[0]+" "+secrets, in[0]...).line
	if url = strings.Replace(url, "nats://", "tls://", 1); !strings.HasPrefix(url, "tls://"+addresses[0]+":") {
		t.Fatalf("the hub says %q", url)
	}
	for i := range 2 {
		play(t, "worker", fmt.Sprintf("%s w%d", url, i), in[1+i]...)
	}
	select {
	case err := <-play(t, "collector", url+" "+dir, in[3]...).done:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(2 * time.Minute):
		t.Fatal("the campaign does not come to its end")
	}
	if got, err := os.ReadFile(filepath.Join(dir, "result")); err != nil || string(got) != want {
		t.Errorf("%v; one process:\n%s\nthe fleet:\n%s", err, want, got)
	}
}
