package forwardedheaders

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// journal collects the log of a middleware after it was made.
type journal struct {
	mu  sync.Mutex
	out bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.out.Write(p)
}

func (j *journal) lines() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Split(strings.TrimSuffix(j.out.String(), "\n"), "\n")
}

func (j *journal) logger() *slog.Logger { return slog.New(slog.NewTextHandler(j, nil)) }

func TestIgnoredHeadersAreReportedOncePerPeerAndMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var j journal
		h := newForwarder(Options{Headers: For, Logger: j.logger()})
		ask := func(remote string) {
			m := &message{peer: parsePeer(remote, false), values: func(name string) []string {
				if name == "X-Forwarded-For" {
					return []string{"192.0.2.1"}
				}
				return nil
			}}
			h.run(m, nil)
		}
		want := func(n int, why string) {
			t.Helper()
			if got := len(j.lines()) - 1; got != n { // the first line is about the start
				t.Errorf("%d lines, want %d: %s\n%s", got, n, why, strings.Join(j.lines(), "\n"))
			}
		}
		ask("203.0.113.9:1")
		ask("203.0.113.9:2")
		want(1, "a peer is its address; the port changes with every connection")
		if line := j.lines()[1]; !strings.Contains(line, "level=INFO") || !strings.Contains(line, "peer=203.0.113.9") || !strings.Contains(line, "KnownProxies") {
			t.Errorf("the line is %q, want the peer and the way out at info level", line)
		}
		ask("203.0.113.10:1")
		want(2, "another peer")
		ask("127.0.0.1:1")
		want(2, "the loopback is known")
		time.Sleep(59 * time.Second)
		ask("203.0.113.9:3")
		want(2, "the minute is not over")
		time.Sleep(time.Second)
		ask("203.0.113.9:3")
		want(3, "it is over")
		time.Sleep(30 * time.Second)
		ask("203.0.113.9:4")
		want(3, "half a minute after the last report")
		time.Sleep(31 * time.Second)
		ask("203.0.113.9:4")
		want(4, "a minute after it")
	})
}

func TestTheTableOfPeersIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r reporter
		reported := 0
		for i := range 5 * maxOccasions {
			addr := netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
			if r.due("event", peer{endpoint: netip.AddrPortFrom(addr, 1)}) {
				reported++
			}
			if i%maxOccasions == 0 {
				time.Sleep(10 * time.Second)
			}
		}
		if len(r.recent) > maxOccasions || len(r.earlier) > maxOccasions {
			t.Errorf("the tables hold %d and %d peers, want at most %d: anybody with an IPv6 network could fill the memory",
				len(r.recent), len(r.earlier), maxOccasions)
		}
		if reported > maxOccasions {
			t.Errorf("%d peers were reported within a minute, want at most %d", reported, maxOccasions)
		}
		time.Sleep(2 * quietTime)
		if !r.due("event", peer{}) {
			t.Error("a full table is still full two minutes later")
		}
	})
}

func TestTheStartIsReported(t *testing.T) {
	for _, tt := range []struct {
		o    Options
		want []string
		why  string
	}{
		{Options{Headers: For | Proto}, []string{"level=INFO", "headers=For|Proto", "127.0.0.0/8"}, "who is trusted with what"},
		{Options{Headers: For, DangerouslyTrustEveryPeer: true}, []string{"level=WARN", "every peer"}, "trust in everybody is said aloud"},
		{Options{Headers: For, SecretHeader: "X-Key", Secret: "s3cret"}, []string{"secret_header=X-Key"}, "the header's name, not its value"},
	} {
		var j journal
		tt.o.Logger = j.logger()
		New(tt.o)
		line := j.lines()[0]
		for _, want := range tt.want {
			if !strings.Contains(line, want) {
				t.Errorf("the log is %q, want %q in it: %s", line, want, tt.why)
			}
		}
		if strings.Contains(line, "s3cret") {
			t.Errorf("the log %q tells the secret", line)
		}
	}
}

func TestEveryEventNamesItsPeer(t *testing.T) {
	var j journal
	o := Options{Headers: For | Proto, RequireHeaderSymmetry: true, Logger: j.logger()}
	throughNetHTTP(t, loopback("X-Forwarded-For", "192.0.2.1"), o)
	o.RequireHeaderSymmetry, o.RejectIfMissing = false, true
	throughNetHTTP(t, stranger(), o)
	s := loopback("X-Forwarded-For", "192.0.2.1")
	o.RejectIfMissing = false
	s.unix = true
	s.remote = "evil\nname"
	throughNetHTTP(t, s, o)
	log := strings.Join(j.lines(), "\n")
	for _, want := range []string{
		"same number of usable items\" peer=127.0.0.1", "unknown proxy\" peer=203.0.113.9 missing=For|Proto", "ignored\" peer=unix", "TrustUnixPeers",
	} {
		if !strings.Contains(log, want) {
			t.Errorf("%q is not in the log:\n%s", want, log)
		}
	}
	if strings.Contains(log, "evil") {
		t.Error("the log shows a name that the peer chose for its socket")
	}
}

func Example_logValue() {
	fmt.Println(Headers(0), For, All)
	// Output: none For For|Proto|Host|Prefix
}
