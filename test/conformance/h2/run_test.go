package h2

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lannerhq/lanner/kestrel"
	"github.com/lannerhq/lanner/server"
	"golang.org/x/net/http2"
)

// row is a line of kestrel-h2-cases.jsonl: a test of Kestrel's and how it ends.
type row struct {
	Name    string
	Outcome string
	H2Error []string `json:"h2_error"`
	Status  int
	Note    string
}

var errCodes = map[string]http2.ErrCode{
	"NO_ERROR": http2.ErrCodeNo, "PROTOCOL_ERROR": http2.ErrCodeProtocol, "INTERNAL_ERROR": http2.ErrCodeInternal,
	"FLOW_CONTROL_ERROR": http2.ErrCodeFlowControl, "STREAM_CLOSED": http2.ErrCodeStreamClosed,
	"FRAME_SIZE_ERROR": http2.ErrCodeFrameSize, "COMPRESSION_ERROR": http2.ErrCodeCompression,
	"ENHANCE_YOUR_CALM": http2.ErrCodeEnhanceYourCalm, "INADEQUATE_SECURITY": http2.ErrCodeInadequateSecurity,
}

func loadRows(t *testing.T) []row {
	data, err := os.ReadFile("testdata/kestrel-h2-cases.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	var rows []row
	for line := range strings.Lines(string(data)) {
		var r row
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, r)
	}
	return rows
}

// run is one scenario on one carrier, with a server of its own. A scenario sets config, calls open with the application, and
// does what the row's name says; the runner then judges the last connection by the row's outcome.
type run struct {
	*testing.T
	row    row
	config config
	stream uint32 // the one that is reset, when the outcome is stream_reset
	// open connections are probed when the outcome is ok; a scenario that ends its connection says so.
	gone bool

	subject  *subject
	last     *wire
	judged   bool
	calls    sync.Map // path → int of requests that the application was called for
	released chan struct{}
	release  func() // lets handlers go on that wait for released; may be called more than once
	reports  chan error
}

func newRun(t *testing.T, r row, c carrier) *run {
	released := make(chan struct{})
	none := server.DataRate{BytesPerSecond: -1} // unless the scenario is about rates: a slow machine makes a slow client
	limits := kestrel.Limits{MinRequestBodyDataRate: none, MinResponseDataRate: none}
	return &run{T: t, row: r, stream: 1, config: config{carrier: c, limits: limits}, released: released,
		release: sync.OnceFunc(func() { close(released) }), reports: make(chan error, 64)}
}

// start starts the server once.
func (r *run) start(app http.HandlerFunc) {
	r.Helper()
	r.subject = start(r.T, r.config, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Path == "/probe" {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		r.calls.Store(req.URL.Path, true)
		app(w, req)
	}))
	r.Cleanup(func() {
		r.release()
		if r.last != nil {
			r.last.nc.Close() // before the stop, which would wait for its requests
		}
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := r.subject.stop(ctx); err != nil && !onStandIn {
			r.Errorf("stop: %v", err)
		}
	})
}

// open starts the server with app and opens a connection on which both sides have acknowledged their settings.
func (r *run) open(app http.HandlerFunc, settings ...http2.Setting) *wire {
	r.Helper()
	r.start(app)
	return r.again(settings...)
}

// again opens another connection, which is from now on the one that is judged.
func (r *run) again(settings ...http2.Setting) *wire {
	r.Helper()
	w := r.dial()
	w.handshake(settings...)
	return w
}

// dial connects and sends nothing.
func (r *run) dial() *wire {
	r.Helper()
	nc, err := net.Dial("tcp", r.subject.addr)
	if err != nil {
		r.Fatal(err)
	}
	r.last, r.judged = newWire(r, nc), false
	return r.last
}

// dialTLS connects by TLS of that version.
func (r *run) dialTLS(version uint16) *wire {
	r.Helper()
	nc, err := tls.Dial("tcp", r.subject.addr, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"},
		CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}, MinVersion: version, MaxVersion: version})
	if err != nil {
		r.Fatal(err)
	}
	r.last, r.judged = newWire(r, nc), false
	return r.last
}

// called reports whether the application was called for the path.
func (r *run) called(path string) bool {
	_, yes := r.calls.Load(path)
	return yes
}

// report waits for what a handler reports.
func (r *run) report(what string) error {
	r.Helper()
	select {
	case err := <-r.reports:
		return err
	case <-time.After(patience):
		r.Fatalf("%s: the application does not say that it happened", what)
		return nil
	}
}

// codes are those that the row accepts.
func (r *run) codes() (codes []http2.ErrCode) {
	for _, name := range r.row.H2Error {
		code, ok := errCodes[name]
		if !ok {
			r.Fatalf("the row has the error code %s, which the runner does not know", name)
		}
		codes = append(codes, code)
	}
	return codes
}

// judge holds the last connection to the outcome of the row. A scenario with several variants calls it for each.
func (r *run) judge() {
	r.Helper()
	w := r.last
	r.judged = true
	switch r.row.Outcome {
	case "ok":
		if !r.gone {
			w.probe()
		}
	case "connection_error":
		w.expectGoAway(r.codes()...)
		w.expectEnd()
	case "stream_reset":
		w.expectResetLater(r.stream, r.codes()...)
		w.probe()
	case "connection_stops":
		w.expectEnd()
	case "other": // the scenario has judged it
	default:
		r.Fatalf("the row has the outcome %q, which the runner does not know", r.row.Outcome)
	}
}

// variants does the same on a new connection each, and judges each.
func (r *run) variants(app http.HandlerFunc, each ...func(w *wire)) {
	r.Helper()
	r.start(app)
	for i, variant := range each {
		w := r.again()
		variant(w)
		r.judge()
		w.nc.Close()
		if r.Failed() {
			r.Logf("in variant %d", i)
			return
		}
	}
}

func TestScenariosAndRowsAreTheSame(t *testing.T) {
	rows := loadRows(t)
	for _, row := range rows {
		if scenarios[row.Name] == nil {
			t.Errorf("the row %s has no scenario", row.Name)
		}
	}
	for name := range scenarios {
		if !slices.ContainsFunc(rows, func(r row) bool { return r.Name == name }) {
			t.Errorf("the scenario %s has no row", name)
		}
	}
}

// TestEveryRowEndsAsItDoesOnKestrel plays each row's scenario on each carrier.
func TestEveryRowEndsAsItDoesOnKestrel(t *testing.T) {
	rows := loadRows(t)
	for _, c := range subjects() {
		t.Run(c.name, func(t *testing.T) {
			for _, row := range rows {
				t.Run(row.Name, func(t *testing.T) {
					t.Parallel()
					if why := standInDiffers[row.Name]; why != "" && onStandIn {
						t.Skip("net/http: " + why)
					}
					r := newRun(t, row, c)
					scenario := scenarios[row.Name]
					if scenario == nil {
						t.Skip("no scenario, which another test reports")
					}
					scenario(r)
					if !r.judged {
						r.judge()
					}
				})
			}
		})
	}
}

// scenarios are what the rows' names say, by name.
var scenarios = merge(frameScenarios, dataScenarios, headerScenarios, malformedScenarios, settingsScenarios, flowScenarios,
	lifecycleScenarios, requestScenarios, lengthScenarios, responseScenarios, abortScenarios, timeoutScenarios, modernScenarios)

func merge(tables ...map[string]func(*run)) map[string]func(*run) {
	all := map[string]func(*run){}
	for _, table := range tables {
		for name, scenario := range table {
			if all[name] != nil {
				panic("two scenarios are named " + name)
			}
			all[name] = scenario
		}
	}
	return all
}
