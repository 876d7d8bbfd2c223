package servertest

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/lannerhq/lanner/examples/customserver/nethttp"
	"github.com/lannerhq/lanner/server"
)

// brokenServers break one rule each. The check that is named must notice.
var brokenServers = []struct {
	check string
	why   string
	make  func() server.Server
}{
	{startCheck.name, "it publishes no addresses", func() server.Server { return mute{nethttp.New(), new(server.Features)} }},
	{"StartTwiceIsErrStarted", "it starts twice", func() server.Server { return &restarting{Server: nethttp.New()} }},
	{"EveryStopWaitsForRunningRequests", "its Stop does not wait", func() server.Server { return hasty{nethttp.New()} }},
	{"NoGoroutineIsLeftAfterStop", "it leaves a goroutine", func() server.Server { return leaking{nethttp.New()} }},
	{"TheApplicationSeesTheRequestLine", "it does not decode paths", with(func(f *server.Features, q server.RequestFeature, _ server.ResponseFeature) {
		server.Set[server.RequestFeature](f, rawPath{q})
	})},
	{"TheApplicationSeesHeaderFields", "it drops repeated fields", with(func(f *server.Features, q server.RequestFeature, _ server.ResponseFeature) {
		var once server.Headers
		for name, value := range q.Header().All() {
			once.Set(name, value)
		}
		server.Set[server.RequestFeature](f, otherHeader{q, &once})
	})},
	{"FeaturesFallBackToTheServersOwn", "requests do not see the server's features", with(func(f *server.Features, q server.RequestFeature, s server.ResponseFeature) {
		f.Init(q, s, nil, nil)
	})},
	{"ATruncatedBodyIsAnError", "it ends a truncated body well", with(func(f *server.Features, q server.RequestFeature, _ server.ResponseFeature) {
		server.Set[server.RequestFeature](f, otherBody{q, lenient{q.Body()}})
	})},
	{"TheApplicationReadsWhatHasArrived", "it reads the whole body first", with(buffered)},
	{"ALargeBodyPassesThroughInBoundedMemory", "it holds bodies in memory", with(buffered)},
	{"AFlushArrivesBeforeTheApplicationReturns", "its Flush does nothing", with(func(f *server.Features, _ server.RequestFeature, s server.ResponseFeature) {
		server.Set[server.ResponseFeature](f, neverFlushes{s})
	})},
	{"OnStartingRunsLastFirstAndMayChangeTheResponse", "its hooks run first to last", with(func(f *server.Features, _ server.RequestFeature, s server.ResponseFeature) {
		server.Set[server.ResponseFeature](f, &inOrder{ResponseFeature: s})
	})},
	{"AnErrorBeforeTheStartIsAnswered", "it answers errors with 200", func() server.Server { return swallowing{nethttp.New()} }},
	{"AnErrorAfterTheStartBreaksTheResponse", "it ends a failed response well", func() server.Server { return swallowing{nethttp.New()} }},
	{"ErrAbortHandlerEndsTheConnectionSilently", "it answers http.ErrAbortHandler", func() server.Server { return swallowing{nethttp.New()} }},
	{"WhatAHandlerKeepsIsNotRecycled", "it recycles strings that were to be retained", with(func(f *server.Features, q server.RequestFeature, _ server.ResponseFeature) {
		server.Set[server.RequestFeature](f, fleeting{q, f})
	})},
	{"ARequestIsAbortedWhenItsClientLeaves", "it does not watch its clients", with(func(f *server.Features, _ server.RequestFeature, _ server.ResponseFeature) {
		server.Set[server.RequestLifetimeFeature](f, deaf{})
	})},
	{"AbortEndsTheConnection", "its Abort does nothing", with(func(f *server.Features, _ server.RequestFeature, _ server.ResponseFeature) {
		server.Set[server.RequestLifetimeFeature](f, deaf{})
	})},
	{"EveryRequestHasItsIdentifier", "all its requests have one identifier", with(func(f *server.Features, _ server.RequestFeature, _ server.ResponseFeature) {
		server.Set[server.RequestIdentifierFeature](f, new(nameless))
	})},
	{"PlainHTTPHasNoTLS", "it claims TLS", with(func(f *server.Features, _ server.RequestFeature, _ server.ResponseFeature) {
		server.Set[server.TLSConnectionFeature](f, encrypted{})
	})},
	{"HTTP1HasNoStreamFeatures", "it claims to reset streams", with(func(f *server.Features, _ server.RequestFeature, _ server.ResponseFeature) {
		server.Set[server.ResetFeature](f, resettable{})
	})},
}

const brokenVariable = "SERVERTEST_BROKEN"

// TestBrokenServer runs the suite on one broken server, in a process of its own that TestBrokenServersAreNoticed starts.
func TestBrokenServer(t *testing.T) {
	why := os.Getenv(brokenVariable)
	if why == "" {
		t.Skip("runs in the processes that TestBrokenServersAreNoticed starts")
	}
	patience = time.Second
	for _, b := range brokenServers {
		if b.why == why {
			Run(t, b.make)
		}
	}
}

func TestBrokenServersAreNoticed(t *testing.T) {
	for _, b := range brokenServers {
		t.Run(b.check, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command(os.Args[0], "-test.run=^TestBrokenServer$/^("+b.check+"|"+startCheck.name+")$", "-test.timeout=1m")
			cmd.Env = append(os.Environ(), brokenVariable+"="+b.why)
			out, err := cmd.CombinedOutput()
			if exit := new(exec.ExitError); !errors.As(err, &exit) {
				t.Errorf("a server passes although %s (%v)", b.why, err)
			}
			if !strings.Contains(string(out), "--- FAIL: TestBrokenServer/"+b.check) {
				t.Errorf("the check %s does not notice that %s:\n%s", b.check, b.why, out)
			}
		})
	}
}

func TestEveryCheckHasItsOwnName(t *testing.T) {
	names := []string{startCheck.name}
	for _, c := range checks {
		names = append(names, c.name)
	}
	slices.Sort(names)
	if unique := slices.Compact(slices.Clone(names)); len(unique) != len(names) {
		t.Errorf("two checks share a name, so a failure does not say which rule was broken: %q", names)
	}
	for _, b := range brokenServers {
		if b.check != "NoGoroutineIsLeftAfterStop" && !slices.Contains(names, b.check) {
			t.Errorf("the broken server that should fail %s has no such check", b.check)
		}
	}
}

// with makes a server whose requests are broken in that way.
func with(spoil func(*server.Features, server.RequestFeature, server.ResponseFeature)) func() server.Server {
	return func() server.Server { return spoiled{nethttp.New(), spoil} }
}

type spoiled struct {
	server.Server
	spoil func(*server.Features, server.RequestFeature, server.ResponseFeature)
}

func (s spoiled) Start(ctx context.Context, app server.Application) error {
	return s.Server.Start(ctx, server.ApplicationFunc(func(f *server.Features) error {
		q, _ := server.Get[server.RequestFeature](f)
		r, _ := server.Get[server.ResponseFeature](f)
		s.spoil(f, q, r)
		return app.Process(f)
	}))
}

type mute struct {
	server.Server
	features *server.Features
}

func (s mute) Features() *server.Features { return s.features }

type restarting struct {
	server.Server
	started bool
}

func (s *restarting) Start(ctx context.Context, app server.Application) error {
	if s.started {
		return nil
	}
	s.started = true
	return s.Server.Start(ctx, app)
}

type hasty struct{ server.Server }

func (s hasty) Stop(ctx context.Context) error {
	go s.Server.Stop(ctx)
	return nil
}

type leaking struct{ server.Server }

func (s leaking) Start(ctx context.Context, app server.Application) error {
	go func() { <-make(chan struct{}) }()
	return s.Server.Start(ctx, app)
}

type swallowing struct{ server.Server }

func (s swallowing) Start(ctx context.Context, app server.Application) error {
	return s.Server.Start(ctx, server.ApplicationFunc(func(f *server.Features) error {
		_ = server.Call(app, f)
		return nil
	}))
}

type rawPath struct{ server.RequestFeature }

func (q rawPath) Path() string { return q.RawTarget() }

type otherHeader struct {
	server.RequestFeature
	header *server.Headers
}

func (q otherHeader) Header() *server.Headers { return q.header }

type otherBody struct {
	server.RequestFeature
	body io.Reader
}

func (q otherBody) Body() io.Reader { return q.body }

type lenient struct{ io.Reader }

func (r lenient) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if err != nil {
		err = io.EOF
	}
	return n, err
}

// buffered reads the body before the application is called.
func buffered(f *server.Features, q server.RequestFeature, _ server.ResponseFeature) {
	body, _ := io.ReadAll(q.Body())
	server.Set[server.RequestFeature](f, otherBody{q, strings.NewReader(string(body))})
}

type neverFlushes struct{ server.ResponseFeature }

func (neverFlushes) Flush() error { return nil }

type inOrder struct {
	server.ResponseFeature
	hooks []func()
}

func (r *inOrder) OnStarting(fn func()) {
	if r.hooks == nil {
		r.ResponseFeature.OnStarting(func() {
			for _, fn := range r.hooks {
				fn()
			}
		})
	}
	r.hooks = append(r.hooks, fn)
}

// fleeting gives strings that change when the request is over, like a server's that recycles its buffers, and knows no
// Retain.
type fleeting struct {
	server.RequestFeature
	f *server.Features
}

func (q fleeting) Host() string {
	host := []byte(q.RequestFeature.Host())
	res, _ := server.Get[server.ResponseFeature](q.f)
	res.OnCompleted(func() { clear(host) })
	return unsafe.String(unsafe.SliceData(host), len(host))
}

type deaf struct{}

func (deaf) OnAborted(func(error)) {}
func (deaf) Abort(error)           {}

type nameless struct{ id string }

func (n *nameless) TraceIdentifier() string      { return n.id + "0" }
func (n *nameless) SetTraceIdentifier(id string) { n.id = id }

type resettable struct{}

func (resettable) Reset(uint32) error { return nil }

type encrypted struct{}

func (encrypted) ClientCertificate() *x509.Certificate { return nil }
