package attacks

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"runtime/metrics"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	peer "github.com/quic-go/quic-go/http3"

	"github.com/lannerhq/lanner/http3"
	"github.com/lannerhq/lanner/kestrel"
	lanner "github.com/lannerhq/lanner/metrics"
	"github.com/lannerhq/lanner/server"
	"github.com/lannerhq/lanner/test/selfsigned"
)

// subject is a server with what it tells of itself.
type subject struct {
	addr     string
	version  string // of HTTP, as metrics have it
	registry *lanner.Registry
	reasons  *reasons
	stop     func()
}

// large is what /large answers. All answers share it, so that the memory that grows is the server's.
var large = make([]byte, 1<<20)

// fields are a header field that no compression makes shorter.
var fields = strings.Repeat("{^~}", 7500)

func app(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/large":
		w.Write(large)
	case "/fields":
		w.Header().Set("X-Large", fields)
	case "/read":
		io.Copy(io.Discard, r.Body)
		io.WriteString(w, "read")
	default:
		io.WriteString(w, "hello")
	}
}

// quick is a least rate by which attacks that take nothing end soon. With the default of 240 bytes a second a hundred answers may be on
// their way for hours.
var quick = server.DataRate{BytesPerSecond: 64 << 20, Grace: 1500 * time.Millisecond}

// start starts a server. rate is its least rate of responses, the zero value the default.
func start(t *testing.T, transport kestrel.Transport, rate server.DataRate) *subject {
	t.Helper()
	return serve(t, "2", kestrel.Options{Endpoints: []kestrel.Endpoint{{URL: "http://127.0.0.1:0"}}, Transport: transport}, rate)
}

// startQUIC is start over HTTP/3.
func startQUIC(t *testing.T, rate server.DataRate) *subject {
	t.Helper()
	cert, err := selfsigned.New("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	return serve(t, "3", kestrel.Options{HTTP3: http3.New(http3.Options{}), Endpoints: []kestrel.Endpoint{{
		URL: "https://127.0.0.1:0", Protocols: kestrel.HTTP3Only, TLS: &tls.Config{Certificates: []tls.Certificate{cert}},
	}}}, rate)
}

func serve(t *testing.T, version string, o kestrel.Options, rate server.DataRate) *subject {
	t.Helper()
	s := &subject{version: version, registry: lanner.NewRegistry(lanner.RegistryOptions{}), reasons: &reasons{}}
	o.Logger, o.Metrics = slog.New(s.reasons), s.registry
	o.Limits.MinResponseDataRate = rate
	srv := kestrel.New(o)
	if err := srv.Start(t.Context(), server.HTTP(http.HandlerFunc(app))); err != nil {
		t.Fatal(err)
	}
	_, s.addr, _ = strings.Cut(srv.Addresses()[0], "://")
	s.stop = sync.OnceFunc(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := srv.Stop(ctx); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	t.Cleanup(s.stop)
	return s
}

// reasons is a slog.Handler that counts the events of connections that ended because of their clients, by reason and code.
type reasons struct {
	mu    sync.Mutex
	count map[string]int
}

// all is the sum. The caller has the lock.
func (r *reasons) all() (n int) {
	for _, k := range r.count {
		n += k
	}
	return n
}

func (r *reasons) Enabled(context.Context, slog.Level) bool { return true }
func (r *reasons) WithAttrs([]slog.Attr) slog.Handler       { return r }
func (r *reasons) WithGroup(string) slog.Handler            { return r }
func (r *reasons) Handle(_ context.Context, record slog.Record) error {
	var reason, code, detail string
	record.Attrs(func(a slog.Attr) bool {
		switch a.Key {
		case "reason":
			reason = a.Value.String()
		case "code":
			code = a.Value.String()
		case "detail":
			detail = a.Value.String()
		}
		return true
	})
	if code != "" && detail != "" {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.count == nil {
			r.count = map[string]int{}
		}
		r.count[reason+" "+code]++
	}
	return nil
}

// measured reports whether the metrics have a connection with this error.type.
func (s *subject) measured(reason string) bool {
	w := httptest.NewRecorder()
	s.registry.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	for line := range strings.Lines(w.Body.String()) {
		if strings.HasPrefix(line, "kestrel_connection_duration_seconds_count") && strings.Contains(line, `error_type="`+reason+`"`) &&
			strings.Contains(line, `network_protocol_version="`+s.version+`"`) && !strings.HasSuffix(strings.TrimSpace(line), " 0") {
			return true
		}
	}
	return false
}

// good is a client that does nothing wrong. It must always be served.
type good struct {
	times  []time.Duration
	failed error
	done   chan struct{}
	end    atomic.Bool
}

func behave(addr string) *good {
	tr := &http.Transport{Protocols: new(http.Protocols)}
	tr.Protocols.SetUnencryptedHTTP2(true)
	return behaveBy(tr, "http://"+addr+"/", tr.CloseIdleConnections)
}

// behaveQUIC is behave over HTTP/3.
func (s *subject) behaveQUIC() *good {
	tr := &peer.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	return behaveBy(tr, "https://"+s.addr+"/", func() { tr.Close() })
}

func behaveBy(tr http.RoundTripper, url string, end func()) *good {
	g := &good{done: make(chan struct{})}
	go func() {
		defer close(g.done)
		defer end()
		client := &http.Client{Transport: tr, Timeout: patience}
		for !g.end.Load() {
			began := time.Now()
			res, err := client.Get(url)
			if err == nil {
				var body []byte
				body, err = io.ReadAll(res.Body)
				res.Body.Close()
				if err == nil && string(body) != "hello" {
					err = errors.New("the answer is " + res.Status + " " + string(body))
				}
			}
			if err != nil {
				g.failed = err
				return
			}
			g.times = append(g.times, time.Since(began))
			time.Sleep(time.Millisecond)
		}
	}()
	return g
}

func (g *good) finish(t *testing.T) (p99 time.Duration) {
	t.Helper()
	g.end.Store(true)
	<-g.done
	if g.failed != nil || len(g.times) == 0 {
		t.Errorf("a good client is not served after %d answers: %v", len(g.times), g.failed)
		return 0
	}
	slices.Sort(g.times)
	return g.times[len(g.times)*99/100]
}

// growth watches the memory of the process: what is in use, and stacks. Garbage is collected before: much of it is the attackers', who live in
// this process, too.
type growth struct {
	before, most uint64
	stop, done   chan struct{}
}

func inUse() uint64 {
	runtime.GC()
	s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/stacks:bytes"}, {Name: "/memory/classes/heap/unused:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64() + s[1].Value.Uint64() + s[2].Value.Uint64()
}

func watch() *growth {
	runtime.GC()
	g := &growth{before: inUse(), stop: make(chan struct{}), done: make(chan struct{})}
	go func() {
		defer close(g.done)
		for {
			g.most = max(g.most, inUse())
			select {
			case <-g.stop:
				return
			case <-time.After(50 * time.Millisecond):
			}
		}
	}()
	return g
}

func (g *growth) finish() (bytes int64) {
	close(g.stop)
	<-g.done
	return int64(g.most) - int64(g.before)
}

// long is the duration of an attack, and whether it is the long run.
func long() (d time.Duration, yes bool) {
	if d, err := time.ParseDuration(os.Getenv("LANNER_ATTACK")); err == nil {
		return d, true
	}
	return 300 * time.Millisecond, false
}
