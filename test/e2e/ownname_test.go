package e2e

import (
	"context"
	"crypto"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lannerhq/lanner/test/selfsigned"
)

// ownNames are two in-process sites with names of their own, and an out-of-process one.
const ownNames = `
sites:
  a:
    bindings: [{protocol: https, address: 127.0.0.1, port: PORTNO, host: a.example, certificate: {path: DIR/a.pem, keyPath: DIR/a.key}}]
    applications:
      - {path: /, hosting: inprocess, command: [SELF], directory: DIR, environment: {LANNER_E2E_PROGRAM: app, NAME: a}}
  b:
    bindings: [{protocol: https, address: 127.0.0.1, port: PORTNO, host: b.example, certificate: {path: DIR/b.pem, keyPath: DIR/b.key}}]
    applications:
      - {path: /, hosting: inprocess, command: [SELF], directory: DIR, environment: {LANNER_E2E_PROGRAM: BPROGRAM, NAME: b}}
  c:
    bindings: [{protocol: https, address: 127.0.0.1, port: PORTNO, host: c.example, certificate: {path: DIR/c.pem, keyPath: DIR/c.key}}]
    applications:
      - {path: /, hosting: outofprocess, command: [SELF], directory: DIR, environment: {LANNER_E2E_PROGRAM: app, NAME: c}}
`

// named is a host of ownNames.
type named struct {
	*running
	*authority
	yaml string
}

// startNamed runs it. keys, which may be nil, are what the certificates are made for.
func startNamed(t *testing.T, program string, keys map[string]crypto.Signer) *named {
	t.Helper()
	n := &named{authority: newAuthority(t), yaml: strings.NewReplacer("PORTNO", itoa(freePort(t)), "BPROGRAM", program).Replace(ownNames)}
	n.running = startHostIn(t, n.yaml, func(dir string) {
		for _, name := range []string{"a", "b", "c"} {
			n.issue(filepath.Join(dir, name+".pem"), filepath.Join(dir, name+".key"), selfsigned.Spec{Names: []string{name + ".example"}, Key: keys[name]})
		}
		writeWhole(t, filepath.Join(dir, "ca.pem"), n.pem())
	})
	return n
}

func (n *named) trustFor(name string) *tls.Config {
	cfg := n.trust()
	cfg.ServerName = name
	return cfg
}

// speak is a client of one name.
func (n *named) speak(name string, http2 bool) *http.Client {
	return n.speakBy(n.trustFor(name), http2)
}

func (n *named) speakBy(cfg *tls.Config, http2 bool) *http.Client {
	t := &http.Transport{TLSClientConfig: cfg, MaxIdleConnsPerHost: 64, Protocols: new(http.Protocols),
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, n.address())
		}}
	t.Protocols.SetHTTP1(!http2)
	t.Protocols.SetHTTP2(http2)
	n.running.t.Cleanup(t.CloseIdleConnections)
	return &http.Client{Transport: t, Timeout: 30 * time.Second}
}

func (n *named) address() string { return strings.TrimPrefix(n.urls[0], "https://") }

// ask makes a request for a host and returns the status and the body.
func ask(c *http.Client, host, path string) (int, string, error) {
	req, err := http.NewRequest("GET", "https://a.example"+path, nil)
	if err != nil {
		return 0, "", err
	}
	req.Host = host
	res, err := c.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return res.StatusCode, string(body), err
}

// awaitWorker makes a name's worker ready: connections from then on are its own.
func (n *named) awaitWorker(name string) {
	n.running.t.Helper()
	c := n.speak(name, false)
	status, body, err := ask(c, name, "/")
	if err != nil || status != 200 {
		n.running.t.Fatalf("%s: %d %q, %v", name, status, body, err)
	}
	c.CloseIdleConnections()
}

func TestAWorkerEndsTLSForANameOfItsOwn(t *testing.T) {
	n := startNamed(t, "app", nil)
	n.awaitWorker("a.example")
	for _, http2 := range []bool{false, true} {
		c := n.speak("a.example", http2)
		proto := map[bool]string{false: "HTTP/1.1", true: "HTTP/2.0"}[http2] // over a link it would be HTTP/1.1 in both cases
		for range 10 {
			status, body, err := ask(c, "a.example", "/x?y=z")
			if err != nil || status != 200 || !strings.Contains(body, "name=a ") || !strings.Contains(body, "proto="+proto+"\n") || !strings.Contains(body, "remote=127.0.0.1:") {
				t.Errorf("%s: %d %q, %v", proto, status, body, err)
			}
		}
		if _, body, err := ask(c, "a.example", "/connection"); err != nil || !strings.Contains(body, `"ServerName":"a.example"`) || !strings.Contains(body, `"Scheme":"https"`) {
			t.Errorf("%s: the application sees %s, %v", proto, body, err)
		}
		for _, other := range []string{"b.example", "c.example", "nobody.example"} { // the host, over a link, would answer these by their sites, or 400
			if status, body, err := ask(c, other, "/"); err != nil || status != 421 {
				t.Errorf("%s: %s on a connection made for a.example: %d %q, %v, want 421", proto, other, status, body, err)
			}
		}
		if status, _, err := ask(c, "a.example", "/"); err != nil || status != 200 {
			t.Errorf("%s: after that: %d, %v", proto, status, err)
		}
		if status, body, err := ask(n.speak("c.example", http2), "c.example", "/"); err != nil || status != 200 || !strings.Contains(body, "name=c ") {
			t.Errorf("the out-of-process site: %d %q, %v", status, body, err)
		}
	}
}

func TestAClientHelloInPiecesIsHandedOverToo(t *testing.T) {
	n := startNamed(t, "app", nil)
	n.awaitWorker("a.example")
	nc, err := net.Dial("tcp", n.address())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	nc.SetDeadline(time.Now().Add(time.Minute))
	c := tls.Client(inPieces{nc}, n.trustFor("a.example"))
	fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: b.example\r\nConnection: close\r\n\r\n")
	answer, err := io.ReadAll(c)
	if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 421") {
		t.Errorf("%q, %v, want the worker's 421", answer, err)
	}
}

// inPieces sends each write in several.
type inPieces struct{ net.Conn }

func (c inPieces) Write(p []byte) (n int, err error) {
	for len(p) > 0 && err == nil {
		k := min(len(p), 100)
		if _, err = c.Conn.Write(p[:k]); err == nil {
			n, p = n+k, p[k:]
			time.Sleep(time.Millisecond) // so that they are read one by one, or some of them
		}
	}
	return n, err
}

func TestConnectionsWithoutAHandshakeAreTheHostsAffair(t *testing.T) {
	n := startNamed(t, "app", nil)
	n.awaitWorker("a.example")
	nc, err := net.Dial("tcp", n.address())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	nc.SetDeadline(time.Now().Add(time.Minute))
	fmt.Fprint(nc, "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")
	if answer, err := io.ReadAll(nc); err != nil || !strings.Contains(string(answer), "This port speaks https") {
		t.Errorf("HTTP without TLS: %q, %v", answer, err)
	}
	silent, err := net.Dial("tcp", n.address()) // says nothing: a stop of the host does not wait for it
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	time.Sleep(10 * time.Millisecond)
	n.stop()
	silent.SetDeadline(time.Now().Add(time.Minute))
	if _, err := silent.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%v, want it closed", err)
	}
}

func TestClientsResumeAcrossARecycleAndWithTheHost(t *testing.T) {
	n := startNamed(t, "app", nil)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		cfg := n.trustFor("a.example")
		cfg.ClientSessionCache, cfg.MaxVersion = tls.NewLRUClientSessionCache(1), version
		shake := func() (resumed bool) {
			t.Helper()
			nc, err := tls.Dial("tcp", n.address(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			defer nc.Close()
			nc.SetDeadline(time.Now().Add(time.Minute))
			fmt.Fprint(nc, "GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n") // in TLS 1.3 the ticket comes with the answer
			if answer, err := io.ReadAll(nc); err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 200") {
				t.Fatalf("%q, %v", answer, err)
			}
			return nc.ConnectionState().DidResume
		}
		for _, step := range []struct {
			why    string
			before func() error
			want   bool
		}{
			{"by the host, which has no worker yet, or by the worker of the other version", func() error { return nil }, false},
			{"by a worker", func() error { return nil }, true},
			{"by its successor", func() error { _, err := n.control.Recycle(t.Context(), "a"); return err }, true},
		} {
			if err := step.before(); err != nil {
				t.Fatal(err)
			}
			if got := shake(); got != step.want {
				t.Errorf("%s, %s: resumed %v, want %v", tls.VersionName(version), step.why, got, step.want)
			}
		}
	}
}

// drive is steady traffic for a.example, by clients some of which make a connection for each request.
type drive struct {
	n      *named
	served atomic.Int64
	stop   chan struct{}
	all    sync.WaitGroup

	mu     sync.Mutex
	failed []error
}

// drive makes requests until end is called. What is neither wanted nor tolerated is told then.
func (n *named) drive(tolerate func(status int, body string, err error) bool) *drive {
	d := &drive{n: n, stop: make(chan struct{})}
	for i := range 4 {
		d.all.Go(func() {
			c := n.speak("a.example", i%2 == 0)
			for {
				select {
				case <-d.stop:
					return
				default:
				}
				status, body, err := ask(c, "a.example", "/")
				if err == nil && status == 200 && strings.Contains(body, "name=a ") {
					d.served.Add(1)
				} else if !tolerate(status, body, err) {
					d.mu.Lock()
					d.failed = append(d.failed, fmt.Errorf("client %d: %d %q, %w", i, status, body, err))
					d.mu.Unlock()
				}
				if i >= 2 {
					c.CloseIdleConnections()
				}
			}
		})
	}
	return d
}

// more waits for 20 more answers.
func (d *drive) more(what string) {
	d.n.running.t.Helper()
	at := d.served.Load()
	eventually(d.n.running.t, what, func() bool { return d.served.Load() > at+20 })
}

// end stops the traffic and wants nothing to have failed.
func (d *drive) end(failure string) {
	d.n.running.t.Helper()
	close(d.stop)
	d.all.Wait()
	for _, err := range d.failed {
		d.n.running.t.Errorf("%s: %v", failure, err)
	}
}

func nothing(int, string, error) bool { return false }

func TestNothingIsLostWhenWorkersAreReplaced(t *testing.T) {
	n := startNamed(t, "app", nil)
	n.awaitWorker("a.example")
	d := n.drive(nothing)
	for range 3 {
		d.more("clients are served")
		if _, err := n.control.Recycle(t.Context(), "a"); err != nil {
			t.Error(err)
		}
	}
	d.more("clients go on")
	d.end("a request was lost")
}

func TestACertificateIsRenewedWhileAWorkerShowsIt(t *testing.T) {
	n := startNamed(t, "app", nil)
	n.awaitWorker("a.example")
	d := n.drive(nothing)
	old, err := tls.Dial("tcp", n.address(), n.trustFor("a.example"))
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	before := old.ConnectionState().PeerCertificates[0]
	shown := func() bool {
		c, err := tls.Dial("tcp", n.address(), n.trustFor("a.example"))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		return c.ConnectionState().PeerCertificates[0].Equal(before)
	}
	pid := n.app("a", "/").Workers[0].PID
	n.issue(filepath.Join(n.dir, "a.pem"), filepath.Join(n.dir, "a.key"), selfsigned.Spec{Names: []string{"a.example"}})
	eventually(t, "the new certificate is shown without a reload", func() bool { return !shown() })
	if now := n.app("a", "/").Workers[0].PID; now != pid {
		t.Errorf("worker %d became %d", pid, now)
	}
	fmt.Fprint(old, "GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n")
	if answer, err := io.ReadAll(old); err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 200") {
		t.Errorf("the connection from before: %q, %v", answer, err)
	}
	d.end("a request was lost")
}

func TestAKilledWorkerLosesItsOwnRequestsOnly(t *testing.T) {
	n := startNamed(t, "app", nil)
	n.awaitWorker("a.example")
	n.awaitWorker("b.example")
	var lost atomic.Int64
	d := n.drive(func(status int, _ string, err error) bool {
		lost.Add(1)
		return err != nil || status == 502 // it was on a connection of the worker's, or, by the host, in it
	})
	b := n.speak("b.example", true)
	var others atomic.Int64
	d.all.Go(func() {
		for {
			select {
			case <-d.stop:
				return
			default:
			}
			if status, body, err := ask(b, "b.example", "/"); err != nil || status != 200 {
				t.Errorf("the other site: %d %q, %v", status, body, err)
				return
			}
			others.Add(1)
		}
	})
	for range 2 {
		d.more("clients are served")
		workers := n.app("a", "/").Workers
		if len(workers) == 0 {
			t.Fatal("there is no worker")
		}
		victim, err := os.FindProcess(workers[0].PID)
		if err != nil {
			t.Fatal(err)
		}
		if err := victim.Kill(); err != nil {
			t.Fatal(err)
		}
		d.more("the successor serves")
	}
	at := others.Load()
	eventually(t, "the other site goes on", func() bool { return others.Load() > at+5 })
	d.end("what no death explains")
	if n := lost.Load(); n > 40 { // each client has one request at a time, and tries again at once
		t.Errorf("%d requests were lost by two deaths and four clients", n)
	}
}

func TestAReloadMovesANameBetweenTheWorkerAndTheHost(t *testing.T) {
	n := startNamed(t, "app", nil)
	n.awaitWorker("a.example")
	d := n.drive(nothing)
	owned := func() bool {
		_, body, err := ask(n.speak("a.example", true), "a.example", "/")
		if err != nil {
			t.Fatal(err)
		}
		return strings.Contains(body, "proto=HTTP/2.0")
	}
	eventually(t, "the worker ends TLS", owned)
	kept := n.speak("a.example", true)
	ask(kept, "a.example", "/")
	shared := strings.Replace(n.yaml, "NAME: a}}\n", "NAME: a}}\n      - {path: /admin, hosting: inprocess, command: [SELF], directory: DIR, environment: {LANNER_E2E_PROGRAM: app, NAME: admin}}\n", 1)
	for range 2 {
		n.write(shared)
		if _, err := n.control.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
		if owned() {
			t.Error("the worker still ends TLS for a name that it shares")
		}
		if _, body, err := ask(kept, "a.example", "/admin/x"); err != nil || !strings.Contains(body, "name=admin ") {
			t.Errorf("a client that was there before gets %q, %v, want the new application", body, err)
		}
		n.write(n.yaml)
		if _, err := n.control.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the worker ends TLS again", owned)
		d.more("clients go on")
		kept = n.speak("a.example", true)
		ask(kept, "a.example", "/")
	}
	d.end("a request was lost")
	// The name asks clients for certificates: the host's affair.
	n.write(strings.Replace(n.yaml, "a.key}", "a.key}, clientCertificate: {mode: optional, authorities: DIR/ca.pem}", 1))
	if _, err := n.control.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	if owned() {
		t.Error("the worker ends TLS for a name that asks for certificates")
	}
}

// kept is what the test plants in a worker's memory.
var kept atomic.Pointer[[2][]byte]

func keep(text string) error {
	data, err := hex.DecodeString(text)
	if err != nil {
		return err
	}
	swapped := slices.Clone(data)
	slices.Reverse(swapped)
	kept.Store(&[2][]byte{data, swapped})
	return nil
}
