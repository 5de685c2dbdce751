//go:build browser

package main

import (
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"dualbank/internal/browser"
)

// TestServeInBrowser: the page of `crash --serve` shows causes while the campaign runs, says when the program has ended, and
// goes on when the same command runs again.
func TestServeInBrowser(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	page, dir := "http://"+address+"/", t.TempDir()
	start := func() *exec.Cmd {
		cmd := exec.Command(filepath.Join(program, "dualbank"), "crash", "--serve", address, "--out", filepath.Join(dir, "out"))
		out, err := cmd.StderrPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err == nil {
			_, err = io.ReadFull(out, make([]byte, len(page))) // it serves
		}
		if err != nil {
			t.Fatal(err)
		}
		go io.Copy(io.Discard, out)
		return cmd
	}
	end := func(cmd *exec.Cmd) {
		cmd.Process.Signal(os.Interrupt) // it may be over
		cmd.Wait()
	}
	cmd := start()
	defer func() { end(cmd) }()
	c := browser.Start(t)
	c.Size(1024, 900)
	c.Open(page)
	const shown = `document.querySelectorAll("#causes > details").length > 2 && /\d of \d+/.test(document.getElementById("figures").innerText)`
	c.Wait(shown)
	for _, what := range append(c.Faults(), c.Complaints(page, page+"board.css", page+"board.js", page+"state.json")...) {
		t.Error(what)
	}
	c.Keep("serve.png", c.Screenshot)
	end(cmd)
	c.Wait(`document.getElementById("status").className === "lost"`)
	c.Eval(`document.getElementById("causes").replaceChildren()`, nil)
	cmd = start()
	c.Wait(`document.getElementById("status").className === "" && ` + shown)
}
