//go:build unix

package host

import (
	"bytes"
	"crypto"
	"crypto/tls"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/lannerhq/lanner/internal/handover"
)

// asking is a worker of shop, at shop.example of a front, and its end of the channel.
func asking(t *testing.T) (p *inProcess, f *front, shop *site, far *handover.Channel) {
	t.Helper()
	h := &Host{fronts: make(map[string]*front)}
	f = &front{host: h, key: "https://*:443"}
	h.fronts[f.key] = f
	shop = appOf("shop", "/")
	app := shop.apps[0]
	app.host, app.log = h, slog.New(slog.DiscardHandler)
	f.table.Store(newTable([]tableEntry{{host: "shop.example", site: shop}, {host: "other.example", site: appOf("other", "/")}}))
	p = newInProcess(&worker{app: app})
	channel, file, err := handover.Socketpair()
	if err != nil {
		t.Fatal(err)
	}
	if far, err = handover.Open(file, handover.Worker); err != nil {
		t.Fatal(err)
	}
	p.channel = channel
	t.Cleanup(func() { channel.Close(); far.Close() })
	if err := channel.Send(&handover.Hello{}); err != nil {
		t.Fatal(err)
	}
	if _, err := far.Receive(); err != nil {
		t.Fatal(err)
	}
	return p, f, shop, far
}

func TestAKeySignsForItsNameAsLongAsThatIsTheWorkers(t *testing.T) {
	p, f, shop, _ := asking(t)
	key := keysToSignBy(t)["ECDSA"]
	id := p.keep(&signingKey{signer: key, front: f, at: sni{"10.0.0.1", "shop.example"}})
	m := &handover.Sign{ID: 1, Key: id, Scheme: tls.ECDSAWithP256AndSHA256, Content: append(bytes.Clone(verifyContext), make([]byte, 32)...)}
	want := func(why, reason string) {
		t.Helper()
		_, err := p.signature(m)
		if reason == "" && err != nil || reason != "" && (err == nil || !strings.Contains(err.Error(), reason)) {
			t.Errorf("%s: %v, want %q", why, err, reason)
		}
	}
	want("its name", "")
	other := newInProcess(&worker{app: &application{host: f.host, site: "other", path: "/", log: p.w.app.log}})
	if _, err := other.signature(m); err == nil || !strings.Contains(err.Error(), "not one of this worker's names") {
		t.Errorf("another worker that guesses the number: %v", err)
	}
	if next := other.keep(&signingKey{}); next == id {
		t.Error("two workers have keys of one number")
	}
	was := f.table.Load()
	f.table.Store(newTable([]tableEntry{{host: "shop.example", site: appOf("other", "/")}}))
	want("a reload has given the name away", "not this application's any more")
	f.table.Store(was)
	delete(f.host.fronts, f.key)
	want("a reload has closed the address", "not this application's any more")
	f.host.fronts[f.key] = f
	shop.apps = nil
	want("a reload has removed the application", "not this application's any more")
	f.table.Store(newTable([]tableEntry{{host: "shop.example", site: &site{name: "shop", apps: []*application{p.w.app, {path: "/admin"}}}}}))
	want("its site shares the name among applications: a handshake may have begun", "")
	p.keys[id].replaced = time.Now()
	want("its certificate was just replaced", "")
	p.keys[id].replaced = time.Now().Add(-keyGrace - time.Second)
	want("its certificate was replaced long ago", "not one of this worker's names")
}

// slowKey signs when it is told to.
type slowKey struct {
	crypto.Signer
	goOn chan struct{}
}

func (k slowKey) Sign(rand io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	<-k.goOn
	return k.Signer.Sign(rand, digest, opts)
}

func TestMoreQuestionsAtATimeThanMayBeBreakTheRules(t *testing.T) {
	p, f, _, far := asking(t)
	key := slowKey{keysToSignBy(t)["ECDSA"], make(chan struct{})}
	id := p.keep(&signingKey{signer: key, front: f, at: sni{"10.0.0.1", "shop.example"}})
	m := func(n uint64) *handover.Sign {
		return &handover.Sign{ID: n, Key: id, Scheme: tls.ECDSAWithP256AndSHA256, Content: append(bytes.Clone(verifyContext), make([]byte, 32)...)}
	}
	for n := range uint64(handover.MaxSigns) {
		if !p.sign(m(n + 1)) {
			t.Fatalf("question %d is taken for one too many", n+1)
		}
	}
	if p.sign(m(handover.MaxSigns + 1)) {
		t.Errorf("question %d was taken", handover.MaxSigns+1)
	}
	close(key.goOn)
	answered := make(map[uint64]bool)
	for range handover.MaxSigns {
		got, err := far.Receive()
		if err != nil {
			t.Fatal(err)
		}
		if r, ok := got.(*handover.SignResult); !ok || len(r.Signature) == 0 || answered[r.ID] {
			t.Fatalf("%+v, want a signature for each question once", got)
		} else {
			answered[r.ID] = true
		}
	}
	p.signing.wg.Wait()
}

func TestAWorkerOfAnOlderProtocolIsHandedNoHandshake(t *testing.T) {
	p, f, _, _ := asking(t)
	p.version = handover.Version{Major: 1, Minor: 1}
	client, accepted := connected(t)
	if p.handTLS(&delivery{front: f, conn: accepted, app: p.w.app, sni: &sni{"127.0.0.1", "shop.example"}}) {
		t.Error("it was handed over: the worker would take the handshake for a request")
	}
	go client.Write([]byte("x"))
	if _, err := accepted.Read(make([]byte, 1)); err != nil {
		t.Errorf("the host cannot go on with it: %v", err)
	}
}
