package h2

import (
	"slices"
	"testing"

	"golang.org/x/net/http2"
)

// rfcCase is a rule beyond Kestrel's rows. Its name is the rule as a sentence, section is where it stands.
type rfcCase struct {
	name, section string
	play          func(*run)
}

var rfcCases = slices.Concat(rfcStreamCases, rfcSettingsCases, rfcFlowCases, rfcMessageCases, rfcFieldCases, rfcConnectCases,
	rfcHPACKCases, rfcEndCases)

// TestRulesOfTheRFCs plays each case on each carrier.
func TestRulesOfTheRFCs(t *testing.T) {
	for _, c := range subjects() {
		t.Run(c.name, func(t *testing.T) {
			for _, rule := range rfcCases {
				t.Run(rule.name, func(t *testing.T) {
					t.Parallel()
					if why := standInDiffers[rule.name]; why != "" && onStandIn {
						t.Skip("net/http: " + why)
					}
					rule.play(newRun(t, row{Name: rule.name, Outcome: "other"}, c))
					if t.Failed() {
						t.Log("the rule is in " + rule.section)
					}
				})
			}
		})
	}
}

func TestEachRuleHasANameOfItsOwnAndASource(t *testing.T) {
	names := map[string]bool{}
	for _, rule := range rfcCases {
		if names[rule.name] || rule.section == "" {
			t.Errorf("the rule %q occurs twice or has no section", rule.name)
		}
		names[rule.name] = true
	}
	for name := range standInDiffers {
		if !names[name] && scenarios[name] == nil {
			t.Errorf("net/http is said to differ in %q, which is no case", name)
		}
	}
}

// broken wants a connection error.
func (w *wire) broken(codes ...http2.ErrCode) {
	w.t.Helper()
	w.expectGoAway(codes...)
	w.expectEnd()
}

// refused wants a stream error, or a connection error with the same code: RFC 9113 §5.4.2 leaves the choice. Other streams go on
// after the first.
func (w *wire) refused(stream uint32, codes ...http2.ErrCode) {
	w.t.Helper()
	e := w.await("RST_STREAM or GOAWAY", func(e event) bool {
		final := e.endStream() && (e.kind == http2.FrameData || e.kind == http2.FrameHeaders)
		return e.stream == stream && (e.kind == http2.FrameRSTStream || final) || e.kind == http2.FrameGoAway
	})
	if e.kind != http2.FrameRSTStream && e.kind != http2.FrameGoAway || !slices.Contains(codes, e.code) {
		w.t.Fatalf("stream %d: got %v, want it refused with one of %v", stream, e, codes)
	}
	if e.kind == http2.FrameGoAway {
		w.expectEnd()
		return
	}
	w.probe()
}

// refuses is a case for each of the header sections, which are malformed (RFC 9113 §8.1.1). The application is not called.
func refuses(sections ...fields) func(*run) {
	return func(r *run) {
		r.start(quiet)
		for _, f := range sections {
			w := r.again()
			w.headers(1, true, f)
			w.refused(1, http2.ErrCodeProtocol)
			w.nc.Close()
			if r.called(f.value(":path")) {
				r.Errorf("the application was called for %v", f)
			}
			if r.Failed() {
				r.Logf("with %v", f)
				return
			}
		}
	}
}

// accepts is a case in which frames that mean nothing to the server change nothing: a request is answered.
func accepts(send func(w *wire)) func(*run) {
	return func(r *run) {
		w := r.open(hello)
		send(w)
		w.barrier()
		w.headers(101, true, get("/"))
		w.expectBody(101, "hello, world")
	}
}

// breaks is a case whose frames are a connection error.
func breaks(send func(w *wire), codes ...http2.ErrCode) func(*run) {
	return func(r *run) {
		w := r.open(r.waits)
		send(w)
		w.broken(codes...)
	}
}

// Short names of error codes, for the tables.
const (
	protocolError    = http2.ErrCodeProtocol
	streamClosed     = http2.ErrCodeStreamClosed
	flowControlError = http2.ErrCodeFlowControl
	compressionError = http2.ErrCodeCompression
	frameSizeError   = http2.ErrCodeFrameSize
)
