package e2e

import (
	"bufio"
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// secrets are what a private key is, as memory or a file may have it: numbers in either order of bytes, and the lines of its PEM.
func secrets(t *testing.T, key crypto.Signer, pemFile string) map[string][]byte {
	t.Helper()
	out := make(map[string][]byte)
	add := func(name string, number []byte) {
		swapped := slices.Clone(number)
		slices.Reverse(swapped) // the words of math/big on this machine lie so
		out[name], out[name+", backwards"] = number, swapped
	}
	switch key := key.(type) {
	case *ecdsa.PrivateKey:
		d, err := key.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		add("d", d)
	case *rsa.PrivateKey:
		add("d", key.D.Bytes())
		for i, p := range key.Primes {
			add(fmt.Sprint("prime ", i), p.Bytes())
		}
	}
	text, err := os.ReadFile(pemFile)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	out["a line of the PEM"] = []byte(lines[len(lines)/2])
	out["the DER"] = der[len(der)/2-16:][:32]
	return out
}

// memoryHas searches what a process can read: its memory, and the files that it has open, its arguments and its environment. It returns the names
// of what it finds.
func memoryHas(t *testing.T, pid int, wanted map[string][]byte) (found []string) {
	t.Helper()
	look := func(data []byte) {
		for name, secret := range wanted {
			if bytes.Contains(data, secret) && !slices.Contains(found, name) {
				found = append(found, name)
			}
		}
	}
	proc := filepath.Join("/proc", strconv.Itoa(pid))
	maps, err := os.Open(filepath.Join(proc, "maps"))
	if err != nil {
		t.Fatal(err)
	}
	defer maps.Close()
	mem, err := os.Open(filepath.Join(proc, "mem"))
	if errors.Is(err, fs.ErrPermission) {
		t.Skip("this system does not let a process read the memory of its children")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer mem.Close()
	read := 0
	for lines := bufio.NewScanner(maps); lines.Scan(); {
		if strings.Contains(lines.Text(), "[v") { // vvar and vsyscall are the kernel's
			continue
		}
		var from, to int64
		var mode string
		if _, err := fmt.Sscanf(lines.Text(), "%x-%x %s", &from, &to, &mode); err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(mode, "r") {
			continue
		}
		const step, over = 4 << 20, 4 << 10 // a secret may lie across two steps
		for at := from; at < to; at += step {
			data := make([]byte, min(step+over, to-at))
			n, err := mem.ReadAt(data, at)
			if n == 0 && err != nil {
				continue // reserved, or given back meanwhile
			}
			read += n
			look(data[:n])
		}
	}
	if read < 1<<20 {
		t.Fatalf("only %d bytes of the memory of process %d can be read", read, pid)
	}
	for _, name := range []string{"environ", "cmdline"} {
		data, err := os.ReadFile(filepath.Join(proc, name))
		if err != nil {
			t.Fatal(err)
		}
		look(data)
	}
	open, err := os.ReadDir(filepath.Join(proc, "fd"))
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range open {
		path := filepath.Join(proc, "fd", fd.Name())
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			if data, err := os.ReadFile(path); err == nil {
				look(data)
			}
		}
	}
	return found
}

func TestTheWorkerNeverHasThePrivateKey(t *testing.T) {
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	numbers, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	keys := map[string]crypto.Signer{"a": curve, "b": numbers}
	n := startNamed(t, "app", keys)
	for name, key := range keys {
		host := name + ".example"
		n.awaitWorker(host)
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			for range 20 { // whole handshakes, each with a signature
				cfg := n.trustFor(host)
				cfg.MaxVersion = version
				c, err := tls.Dial("tcp", n.address(), cfg)
				if err != nil {
					t.Fatal(err)
				}
				fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: other.example\r\nConnection: close\r\n\r\n")
				answer := make([]byte, 12)
				if _, err := c.Read(answer); err != nil || string(answer) != "HTTP/1.1 421" {
					t.Fatalf("%q, %v: the worker has not made the handshake", answer, err)
				}
				c.Close()
			}
		}
		// Controls: what the worker does have is found, in the same ways.
		planted := make([]byte, 32)
		rand.Read(planted)
		if status, _, err := ask(n.speak(host, false), host, "/keep?hex="+hex.EncodeToString(planted)); err != nil || status != 200 {
			t.Fatalf("%d, %v", status, err)
		}
		swapped := slices.Clone(planted)
		slices.Reverse(swapped)
		worker := n.app(name, "/").Workers[0]
		controls := map[string][]byte{"planted": planted, "swapped": swapped, "in its environment": []byte("NAME=" + name + "\x00")}
		if found := memoryHas(t, worker.PID, controls); len(found) != len(controls) {
			t.Errorf("%s: of what the worker has only %q are found: the search is worth nothing", host, found)
		}
		all := secrets(t, key, filepath.Join(n.dir, name+".key"))
		if found := memoryHas(t, os.Getpid(), all); len(found) == 0 {
			t.Errorf("%s: the key is not found in the host, which has it: the search is worth nothing", host)
		}
		if found := memoryHas(t, worker.PID, all); len(found) > 0 {
			t.Errorf("%s: the worker has %q of the private key", host, found)
		}
	}
}
