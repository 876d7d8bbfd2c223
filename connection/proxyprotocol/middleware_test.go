package proxyprotocol

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lannerhq/lanner/connection"
	"github.com/lannerhq/lanner/internal/memnet"
	"github.com/lannerhq/lanner/server"
)

// far is a connection from an address.
type far struct {
	*memnet.Conn
	from net.Addr
}

func (f far) RemoteAddr() net.Addr { return f.from }

var (
	balancer = addr("10.0.0.9", 40000)
	stranger = addr("203.0.113.9", 40000)
	trusted  = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/24"), netip.MustParsePrefix("2001:db8:1::/64")}
)

// outcome is what became of a connection.
type outcome struct {
	served  bool
	remote  string // what requests would see
	local   string
	feature *Feature
	rest    string // what HTTP would read
	err     error
	log     string
}

// run gives a connection from an address to the middleware. client is the other end's part; the connection ends after it.
func run(t *testing.T, o Options, from net.Addr, client func(*memnet.Conn)) (out outcome) {
	t.Helper()
	var log bytes.Buffer
	o.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	near, other := memnet.Pipe(1 << 17)
	defer other.Close()
	c := connection.New(far{other, from}, nil)
	h := New(o)(func(ctx context.Context, c *connection.Conn) error {
		out.served = true
		f, _ := server.Get[server.ConnectionFeature](c.Features())
		out.remote, out.local = f.RemoteAddrText(), fmt.Sprint(f.LocalAddr())
		if f.RemoteAddr().String() != out.remote {
			t.Errorf("the remote address is %v and its text %q", f.RemoteAddr(), out.remote)
		}
		out.feature, _ = server.Get[*Feature](c.Features())
		rest, err := io.ReadAll(c)
		if err != nil {
			t.Errorf("after the header: %v", err)
		}
		out.rest = string(rest)
		return nil
	})
	done := make(chan struct{})
	go func() {
		defer close(done)
		client(near)
		near.Close()
	}()
	out.err = h(t.Context(), c)
	other.Close()
	<-done
	out.log = log.String()
	return out
}

// sends is a client that sends this and is through.
func sends(text string) func(*memnet.Conn) {
	return func(c *memnet.Conn) { io.WriteString(c, text) }
}

const request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

func TestRequestsHaveTheAddressesOfTheHeader(t *testing.T) {
	for _, header := range []string{"PROXY TCP4 192.0.2.1 198.51.100.2 1025 443\r\n", string(v2(1, 0x11, inet)), string(v2(1, 0x12, inet))} {
		got := run(t, Options{Trusted: trusted}, balancer, sends(header+request))
		if got.err != nil || got.remote != "192.0.2.1:1025" || got.local != "198.51.100.2:443" || got.rest != request {
			t.Errorf("%q: %+v, want the client's address, the balancer's, and the request", header, got)
		}
		f := got.feature
		if f == nil || f.RemoteAddr != net.Addr(balancer) || f.LocalAddr.String() != "server" || f.Header.Source.String() != "192.0.2.1:1025" {
			t.Errorf("%q: the feature is %+v, want the connection from the balancer and the header", header, f)
		}
	}
}

func TestWithoutAddressesTheConnectionKeepsItsOwn(t *testing.T) {
	for _, header := range []string{"PROXY UNKNOWN\r\n", string(v2(0, 0)), string(v2(1, 0))} {
		got := run(t, Options{Trusted: trusted}, balancer, sends(header+request))
		if got.err != nil || got.remote != "10.0.0.9:40000" || got.local != "server" || got.rest != request || got.feature == nil {
			t.Errorf("%q: %+v, want the connection's own addresses and the request", header, got)
		}
	}
}

func TestTheHeaderMayComeInPieces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		header := string(summed(v2(1, 0x21, inet6, tlv(TypeCRC32C, noSum))))
		got := run(t, Options{Trusted: trusted}, balancer, func(c *memnet.Conn) {
			for _, b := range []byte(header + request) {
				c.Write([]byte{b})
				time.Sleep(time.Millisecond)
			}
		})
		if got.err != nil || got.remote != "[2001:db8::1]:1025" || got.rest != request {
			t.Errorf("%+v, want the client's address and the request", got)
		}
	})
}

func TestUntrustedSourcesAreServedAsTheyAre(t *testing.T) {
	header := "PROXY TCP4 192.0.2.1 198.51.100.2 1 2\r\n"
	for name, from := range map[string]net.Addr{
		"another network": stranger, "next to it": addr("10.0.1.0", 1), "another IPv6 network": addr("2001:db8:2::1", 1),
		"a unix socket": &net.UnixAddr{Name: "10.0.0.9:1", Net: "unix"}, "an unknown sort": &net.IPAddr{IP: net.IPv4(10, 0, 0, 9)},
	} {
		got := run(t, Options{Trusted: trusted}, from, sends(header+request))
		if got.err != nil || !got.served || got.feature != nil || got.rest != header+request || got.remote != from.String() {
			t.Errorf("%s: %+v, want its own address, and all that it sent", name, got)
		}
	}
}

func TestTrustedSourcesAreFoundWhateverTheFormOfTheirAddress(t *testing.T) {
	for name, from := range map[string]net.Addr{
		"IPv4": balancer, "IPv4 as IPv6": &net.TCPAddr{IP: net.IPv4(10, 0, 0, 9).To16()},
		"IPv6": addr("2001:db8:1::7", 1), "IPv6 with a zone": &net.TCPAddr{IP: net.ParseIP("2001:db8:1::7"), Zone: "eth0"},
	} {
		if got := run(t, Options{Trusted: trusted}, from, sends("PROXY UNKNOWN\r\n")); got.err != nil || got.feature == nil {
			t.Errorf("%s: %+v, want its header read", name, got)
		}
	}
	got := run(t, Options{TrustUnixPeers: true}, &net.UnixAddr{Net: "unix"}, sends("PROXY TCP4 192.0.2.1 198.51.100.2 1 2\r\n"))
	if got.err != nil || got.remote != "192.0.2.1:1" {
		t.Errorf("a trusted unix socket: %+v, want its header read", got)
	}
}

func TestRejectUntrustedClosesTheirConnections(t *testing.T) {
	got := run(t, Options{Trusted: trusted, RejectUntrusted: true}, stranger, sends(request))
	if got.served || got.err == nil || !strings.Contains(got.err.Error(), "203.0.113.9:40000 is not a trusted source") {
		t.Errorf("%+v, want an error that names the source", got)
	}
	if !strings.Contains(got.log, "level=INFO") || !strings.Contains(got.log, "add its network to Trusted") {
		t.Errorf("the log is %q, want a hint", got.log)
	}
}

func TestARequiredHeaderThatIsMissingClosesTheConnection(t *testing.T) {
	for name, sent := range map[string]string{"a request": request, "half a header": "PROXY TCP4 ", "half of version 2": v2Signature + "\x21"} {
		got := run(t, Options{Trusted: trusted}, balancer, sends(sent))
		if got.served || got.err == nil || !strings.Contains(got.err.Error(), "10.0.0.9:40000") {
			t.Errorf("%s: %+v, want an error that names the source", name, got)
		}
		if !strings.Contains(got.log, "level=WARN") || !strings.Contains(got.log, "send-proxy-v2") {
			t.Errorf("%s: the log is %q, want a warning that says what to do", name, got.log)
		}
	}
}

func TestALookWhetherThePortIsOpenIsNoFault(t *testing.T) {
	got := run(t, Options{Trusted: trusted}, balancer, sends(""))
	if got.served || !errors.Is(got.err, io.EOF) || strings.Contains(got.log, "WARN") {
		t.Errorf("%+v, want the connection closed without a warning", got)
	}
}

func TestAnInvalidHeaderClosesTheConnectionInEveryMode(t *testing.T) {
	for _, mode := range []Mode{Required, Optional} {
		got := run(t, Options{Trusted: trusted, Mode: mode}, balancer, sends("PROXY TCP4 1 2 3 4\r\n"+request))
		if got.served || !errors.Is(got.err, ErrInvalid) || !strings.Contains(got.log, "do not agree") {
			t.Errorf("mode %d: %+v, want it closed, with a warning", mode, got)
		}
	}
}

func TestAnOptionalHeaderMayBeMissing(t *testing.T) {
	got := run(t, Options{Trusted: trusted, Mode: Optional}, balancer, sends(request))
	if got.err != nil || got.rest != request || got.remote != "10.0.0.9:40000" || got.feature != nil {
		t.Errorf("%+v, want the request, from the connection's own address", got)
	}
	with := run(t, Options{Trusted: trusted, Mode: Optional}, balancer, sends("PROXY TCP4 192.0.2.1 198.51.100.2 1 2\r\n"+request))
	if with.err != nil || with.remote != "192.0.2.1:1" || with.rest != request {
		t.Errorf("with a header: %+v, want the client's address", with)
	}
}

func TestTheHeaderHasItsTime(t *testing.T) {
	for name, test := range map[string]struct {
		timeout, want time.Duration
		sent          string
	}{
		"default, silent":      {0, 5 * time.Second, ""},
		"default, half":        {0, 5 * time.Second, "PROXY TCP4 192"},
		"one that is set":      {time.Minute, time.Minute, ""},
		"none, until the peer": {-1, time.Hour, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				got := run(t, Options{Trusted: trusted, HeaderTimeout: test.timeout}, balancer, func(c *memnet.Conn) {
					io.WriteString(c, test.sent)
					c.SetReadDeadline(start.Add(time.Hour))
					c.Read(make([]byte, 1))
				})
				if got.served || got.err == nil {
					t.Errorf("%+v, want the connection given up", got)
				}
				if d := time.Since(start); d != test.want {
					t.Errorf("it took %v, want %v", d, test.want)
				}
				if timeout := errors.Is(got.err, os.ErrDeadlineExceeded); timeout != (test.timeout >= 0) {
					t.Errorf("the error is %v", got.err)
				}
			})
		})
	}
}

func TestTheTimeIsTheHeadersAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got := run(t, Options{Trusted: trusted}, balancer, func(c *memnet.Conn) {
			io.WriteString(c, "PROXY UNKNOWN\r\n")
			time.Sleep(time.Minute)
			io.WriteString(c, request)
		})
		if got.err != nil || got.rest != request {
			t.Errorf("%+v, want a request that comes later served: HTTP has timeouts of its own", got)
		}
	})
}

func TestTheSizeOfAHeaderIsBounded(t *testing.T) {
	header := func(size int) string {
		return string(v2(1, 0x11, inet, tlv(0xE0, strings.Repeat("x", size-v2Fixed-len(inet)-3))))
	}
	for _, test := range []struct {
		max, size int
		ok        bool
	}{{0, 4096, true}, {0, 4097, false}, {107, 107, true}, {107, 108, false}, {largestHeader, largestHeader, true}} {
		got := run(t, Options{Trusted: trusted, MaxHeaderSize: test.max}, balancer, sends(header(test.size)+request))
		if test.ok && (got.err != nil || got.rest != request) || !test.ok && !errors.Is(got.err, ErrInvalid) {
			t.Errorf("a header of %d bytes with the limit %d: served %v, %v, want served %v", test.size, test.max, got.served, got.err, test.ok)
		}
	}
	// It is refused by what it says, before the rest has come.
	got := run(t, Options{Trusted: trusted}, balancer, sends(header(4097)[:v2Fixed]))
	if !errors.Is(got.err, ErrInvalid) {
		t.Errorf("the beginning of a long one: %v, want it refused at once", got.err)
	}
}

func TestWarningsComeOnceAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		mw := New(Options{Trusted: trusted, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		h := mw(func(context.Context, *connection.Conn) error { return nil })
		for i := range 121 { // two minutes
			near, other := memnet.Pipe(1 << 10)
			io.WriteString(near, request)
			if err := h(t.Context(), connection.New(far{other, balancer}, nil)); !errors.Is(err, ErrNoHeader) {
				t.Fatalf("connection %d: %v", i, err)
			}
			near.Close()
			time.Sleep(time.Second)
		}
		if n := strings.Count(log.String(), "level=WARN"); n != 3 {
			t.Errorf("%d warnings in two minutes and a second, want 3:\n%s", n, &log)
		}
	})
}

func TestOptionsThatTrustNobodySayWhatToWrite(t *testing.T) {
	for name, test := range map[string]struct {
		opts Options
		want string
	}{
		"nobody":         {Options{}, `name the networks of your load balancers, such as netip.MustParsePrefix("10.0.0.0/24"), or set TrustUnixPeers`},
		"no prefix":      {Options{Trusted: []netip.Prefix{{}}}, "Trusted[0] is not valid"},
		"no mode":        {Options{Trusted: trusted, Mode: 2}, "neither Required nor Optional"},
		"too small":      {Options{Trusted: trusted, MaxHeaderSize: 106}, "it must be 107 to 65551"},
		"too large":      {Options{Trusted: trusted, MaxHeaderSize: 65552}, "it must be 107 to 65551"},
		"not even a bit": {Options{Trusted: trusted, MaxHeaderSize: -1}, "it must be 107 to 65551"},
	} {
		t.Run(name, func(t *testing.T) {
			err := test.opts.Validate()
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("Validate: %v, want it to say %q", err, test.want)
			}
			defer func() {
				if v := recover(); fmt.Sprint(v) != err.Error() {
					t.Errorf("New panics with %v, want the same", v)
				}
			}()
			New(test.opts)
		})
	}
	if err := (Options{Trusted: trusted, Mode: Optional, MaxHeaderSize: 107}).Validate(); err != nil {
		t.Error(err)
	}
}
