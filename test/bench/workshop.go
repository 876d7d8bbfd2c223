package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/lannerhq/lanner/test/selfsigned"
)

// workshop is what servers and loads are made from: a folder of our own, which goes with the program, and all programs.
type workshop struct {
	dir   string
	root  string            // of the checkout
	tools map[string]string // paths by name, of those that are here
	cpus  int               // that a server may use
	pin   bool
	grace time.Duration // that a server has to stop

	cert, key string // paths, of makeCertificate

	loader []string // the beginning of the command line of package load as a process
}

// The files that servers serve.
const (
	smallFile = "4k.bin"
	largeFile = "64k.bin"
	hugeFile  = "1m.bin"

	manyFolder = "many"
	manyFiles  = 50 // of 4 KiB each, in manyFolder
)

// manyName is the name of one of many files. Its extension is in every server's table: none has to look at the content.
func manyName(i int) string { return fmt.Sprintf("%s/%02d.html", manyFolder, i) }

// manyContent is what is in it: no two are the same.
func manyContent(i int) []byte {
	return append(fmt.Appendf(nil, "file %02d\n", i), pattern[:4096-8]...)
}

// manyPaths are the paths of all of them.
func manyPaths() []string {
	var all []string
	for i := range manyFiles {
		all = append(all, "/files/"+manyName(i))
	}
	return all
}

const module = "github.com/lannerhq/lanner"

// newWorkshop makes the folder and builds the programs. Close it.
func newWorkshop(ctx context.Context, o options, tools map[string]string) (w *workshop, err error) {
	out, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", module).Output()
	if err != nil {
		return nil, fmt.Errorf("%w: the checkout was not found; run this inside it, with Go 1.26 or newer: %w", errUnavailable, err)
	}
	w = &workshop{root: strings.TrimSpace(string(out)), tools: tools, cpus: runtime.NumCPU(), pin: o.pin, grace: stopTime}
	if w.pin {
		w.cpus = 1
	}
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("cannot find this program, which is also the load: %w", err)
	}
	w.loader = []string{self, loadCommand}
	if w.dir, err = os.MkdirTemp("", "lanner-bench-*"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.close())
		}
	}()
	if err := errors.Join(w.makeFiles(), w.makeSite(), w.makeCertificate()); err != nil {
		return nil, err
	}
	return w, w.build(ctx)
}

// makeSite writes what servers answer that know nothing but files. They do not look at a query.
func (w *workshop) makeSite() error {
	if err := os.Mkdir(w.site(), 0o700); err != nil {
		return err
	}
	for name, content := range map[string][]byte{"plaintext": hello, "json": helloJSON, "bytes": huge} {
		if err := os.WriteFile(filepath.Join(w.site(), name), content, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// makeCertificate writes the one of all servers: ECDSA P-256.
func (w *workshop) makeCertificate() error {
	cert, err := selfsigned.New("localhost", "127.0.0.1")
	if err != nil {
		return err
	}
	w.cert, w.key, err = selfsigned.Write(w.dir, cert)
	return err
}

// makeFiles writes the files that servers serve.
func (w *workshop) makeFiles() error {
	if err := os.MkdirAll(filepath.Join(w.files(), manyFolder), 0o700); err != nil {
		return err
	}
	contents := map[string][]byte{smallFile: pattern[:4096], largeFile: pattern, hugeFile: huge}
	for i := range manyFiles {
		contents[manyName(i)] = manyContent(i)
	}
	for name, content := range contents {
		if err := os.WriteFile(filepath.Join(w.files(), filepath.FromSlash(name)), content, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// build compiles the programs into the folder bin.
func (w *workshop) build(ctx context.Context) error {
	bin := filepath.Join(w.dir, "bin") + string(filepath.Separator)
	if err := os.Mkdir(bin, 0o700); err != nil {
		return err
	}
	if err := w.command(ctx, "go", "build", "-o", bin, "./cmd/lanner", "./test/target", "./test/bench/app", "./test/bench/peers"); err != nil {
		return err
	}
	cc, ok := w.tools["cc"]
	if !ok {
		return nil
	}
	return w.command(ctx, cc, "-O3", "-o", w.bin("ceiling"), filepath.Join("test", "bench", "ceiling", "ceiling.c"), "-pthread")
}

// command runs a command in the checkout.
func (w *workshop) command(ctx context.Context, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = w.root
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, out.String())
	}
	return nil
}

func (w *workshop) close() error { return os.RemoveAll(w.dir) }

// bin is the path of a program that was built.
func (w *workshop) bin(name string) string { return filepath.Join(w.dir, "bin", name) }

// files is the folder with the files that servers serve.
func (w *workshop) files() string { return filepath.Join(w.dir, "files") }

// path is that of a file of this name in the folder.
func (w *workshop) path(name string) string { return filepath.Join(w.dir, name) }

// site is the folder of makeSite.
func (w *workshop) site() string { return filepath.Join(w.dir, "site") }

// file writes a file of this name into the folder.
func (w *workshop) file(name, content string) (string, error) {
	path := w.path(name)
	return path, os.WriteFile(path, []byte(content), 0o600)
}

// folder makes a folder for what a server needs.
func (w *workshop) folder(name string) (string, error) {
	return os.MkdirTemp(w.dir, filepath.Base(name)+"-*")
}

// pinned returns the command that runs argv on one CPU only, where that was asked for.
func (w *workshop) pinned(cpu int, argv []string) []string {
	if !w.pin {
		return argv
	}
	return append([]string{w.tools["taskset"], "-c", strconv.Itoa(cpu)}, argv...)
}
