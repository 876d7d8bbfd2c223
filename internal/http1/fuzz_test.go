package http1

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lannerhq/lanner/internal/httpcommon"
)

// tape is a client that has sent everything beforehand: parts come one by one, then the end. It keeps what was written.
type tape struct {
	parts [][]byte
	out   bytes.Buffer
}

func (s *tape) Read(p []byte) (int, error) {
	if len(s.parts) == 0 {
		return 0, io.EOF
	}
	n := copy(p, s.parts[0])
	if s.parts[0] = s.parts[0][n:]; len(s.parts[0]) == 0 {
		s.parts = s.parts[1:]
	}
	return n, nil
}

func (s *tape) Writev(a, b []byte) error {
	s.out.Write(a)
	s.out.Write(b)
	return nil
}
func (s *tape) SendFrom(io.Reader, int64) (int64, bool, error) { return 0, false, nil }
func (s *tape) SetTimeout(uint8, time.Duration)                {}
func (s *tape) Expired() uint8                                 { return TimeoutNone }
func (s *tape) BodyRead(bool)                                  {}
func (s *tape) Watch(func(error))                              {}
func (s *tape) Unwatch()                                       {}

// player runs an application on a tape.
type player struct {
	conn *Conn
	app  func(*Conn) error
	bad  []string // what was rejected
}

func (p *player) Claim(*Request) bool                     { return true }
func (p *player) Serve() error                            { return p.app(p.conn) }
func (p *player) Failed(error)                            {}
func (p *player) Drained(bad *httpcommon.BadRequestError) { p.Rejected(bad, Report{}) }

func (p *player) Rejected(bad *httpcommon.BadRequestError, _ Report) *Answer {
	p.bad = append(p.bad, fmt.Sprint(bad.Status, bad.Reason))
	return nil
}

// play feeds the parts to a new engine to the end and returns what it wrote and rejected.
func play(cfg *Config, parts [][]byte, app func(*Conn) error) (out string, bad []string) {
	s := &tape{parts: slices.DeleteFunc(parts, func(b []byte) bool { return len(b) == 0 })}
	p := &player{app: app}
	p.conn = NewConn(cfg, s, p)
	defer p.conn.Release()
	p.conn.Start()
	for next := More; next == More; {
		n, err := s.Read(p.conn.Input())
		if err != nil {
			p.conn.ReadFailed(err)
			break
		}
		p.conn.Received(n)
		next = p.conn.Process()
	}
	return s.out.String(), p.bad
}

func fuzzConfig(loose bool) *Config {
	return &Config{Scheme: "http", Compat: Compat{LooseLineEndings: loose, LooseRequestLineSpaces: loose},
		Limits: Limits{MaxRequestLineSize: 300, MaxRequestHeadersTotalSize: 600, MaxRequestHeaderCount: 8, MaxRequestBodySize: 500}.Effective()}
}

// addCases seeds a fuzz target with the inputs of the conformance suite.
func addCases(f *testing.F, add func(input []byte)) {
	data, err := os.ReadFile("../../test/conformance/testdata/kestrel-h1-cases.jsonl")
	if err != nil {
		f.Fatal(err)
	}
	for line := range bytes.Lines(data) {
		var c struct{ Input string }
		if err := json.Unmarshal(line, &c); err != nil {
			f.Fatal(err)
		}
		var input []byte
		for _, r := range c.Input { // each char is one octet
			input = append(input, byte(r))
		}
		if len(input) < 1000 {
			add(input)
		}
	}
}

// FuzzRequestsAreTheSameHoweverTheyAreCut feeds any bytes, whole and cut in pieces: the engine must not panic, and must
// see the same requests and send the same bytes.
func FuzzRequestsAreTheSameHoweverTheyAreCut(f *testing.F) {
	addCases(f, func(input []byte) { f.Add(input, uint16(1), false) })
	f.Add([]byte("\r\n\rGET /a%2e/../b HTTP/1.1\r\nHost: a\r\n\r\nGET http://a?x HTTP/1.0\r\n\r\n"), uint16(3), true)
	f.Add([]byte("POST / HTTP/1.1\r\nHost:a\r\nTransfer-Encoding: chunked\r\n\r\n1;\"\r\n"), uint16(2), false)
	f.Fuzz(func(t *testing.T, input []byte, size uint16, loose bool) {
		if bytes.Contains(bytes.ToLower(input), []byte("expect")) {
			return // whether the invitation is needed depends on what has come already
		}
		see := func(parts [][]byte) (string, string) {
			var seen strings.Builder
			out, bad := play(fuzzConfig(loose), parts, func(c *Conn) error {
				q := c.Request()
				fmt.Fprintf(&seen, "%q %q %q %q %q %q\n", q.Method(), q.RawTarget(), q.Path(), q.RawQuery(), q.Host(), q.Protocol())
				for name, value := range q.Header().All() {
					fmt.Fprintf(&seen, "%q: %q\n", name, value)
				}
				if path := q.Path() + "/"; strings.Contains(path, "/../") || strings.Contains(path, "/./") || strings.ContainsRune(path, 0) {
					t.Errorf("path %q has dot segments or NUL", q.Path())
				}
				body, err := io.ReadAll(q.Body())
				fmt.Fprintf(&seen, "%q %v\n", body, err)
				for name, value := range c.RequestTrailers().All() {
					fmt.Fprintf(&seen, "%q: %q\n", name, value)
				}
				return err
			})
			return out, fmt.Sprint(seen.String(), bad)
		}
		wholeOut, whole := see([][]byte{input})
		cutOut, cut := see(slices.Collect(slices.Chunk(input, 1+int(size)%40)))
		if wholeOut != cutOut || whole != cut {
			t.Errorf("whole:\n%s\n%q\ncut:\n%s\n%q", whole, wholeOut, cut, cutOut)
		}
	})
}

// FuzzChunksAreTheSameHoweverTheyAreCut does so for the chunk decoder alone.
func FuzzChunksAreTheSameHoweverTheyAreCut(f *testing.F) {
	for _, seed := range []string{
		"5\r\nhello\r\n0\r\n\r\n", "5;a=\"b\\\"\"\r\nhello\r\n0;x\r\nA: b\r\n\r\nrest", "7fffffff\r\nx", "0\r\nA: b\n\r\n", "1\r\nxx", "zz", "00000000\r\n\r\n",
	} {
		f.Add([]byte(seed), uint8(1))
		f.Add([]byte(seed), uint8(3))
	}
	f.Fuzz(func(t *testing.T, input []byte, size uint8) {
		type result struct {
			data, trailers string
			err            string
			used           int
			done           bool
		}
		decode := func(step int) (r result) {
			d := chunkDecoder{maxField: 100}
			pending := []byte(nil)
			for rest := input; !r.done && r.err == "" && (len(rest) > 0 || len(pending) > 0); {
				n := min(step, len(rest))
				pending, rest = append(pending, rest[:n]...), rest[n:]
				for r.err == "" && len(pending) > 0 && !r.done {
					framing, data, err := d.decode(pending, func(line []byte) error {
						r.trailers += fmt.Sprintf("%q", line)
						return nil
					})
					if framing+data > len(pending) || framing+data == 0 && err == nil {
						t.Fatalf("decode used %d+%d of %d bytes", framing, data, len(pending))
					}
					r.data += string(pending[framing : framing+data])
					r.used += framing + data
					pending = pending[framing+data:]
					if data > 0 {
						d.took(data)
					}
					if err != nil {
						r.err, r.used = err.Error(), 0
					}
					r.done = d.state == chunkDone
				}
			}
			return r
		}
		if whole, cut := decode(len(input)+1), decode(1+int(size)%10); whole != cut {
			t.Errorf("whole %+v, cut %+v", whole, cut)
		}
	})
}

// FuzzFramingIsTheSameAsNetHTTPs compares with net/http.ReadRequest: what both accept has the same body and the same next
// byte, and what net/http refuses for its framing is not accepted here.
func FuzzFramingIsTheSameAsNetHTTPs(f *testing.F) {
	addCases(f, func(input []byte) { f.Add(input) })
	f.Fuzz(func(t *testing.T, input []byte) {
		var body, rest []byte
		served, whole, closes, http10TE := false, false, false, false
		codings := ""
		cfg := fuzzConfig(false)
		cfg.Limits = Limits{}.Effective()
		play(cfg, [][]byte{input}, func(c *Conn) error {
			served = true
			b, err := io.ReadAll(c.Request().Body())
			body, whole, rest = b, err == nil, c.Unread()
			closes = !c.keepAlive()
			http10TE = c.req.minor == 0 && c.req.hasTE
			codings = strings.Clone(strings.Join(c.Request().Header().Values("Transfer-Encoding"), ","))
			c.Drain() // only the first request
			return err
		})
		if !served {
			return // stricter is fine
		}
		if http10TE {
			if !closes {
				t.Error("an HTTP/1.0 request with Transfer-Encoding keeps the connection, which others would read differently")
			}
			return
		}
		input = bytes.TrimLeft(input, "\r\n") // RFC 9112 §2.2 lets a server ignore them; net/http does not
		reader := bufio.NewReaderSize(bytes.NewReader(input), len(input)+16)
		r, err := http.ReadRequest(reader)
		if err != nil {
			if framing(err) && !finalCodingIsChunked(codings) {
				t.Errorf("net/http refuses the framing: %v", err)
			}
			return
		}
		theirs, err := io.ReadAll(r.Body)
		if err != nil {
			if whole && !allowedBodyError(err, input) {
				t.Errorf("net/http refuses the body (%v), here it is %q", err, body)
			}
			return
		}
		theirRest, _ := io.ReadAll(reader)
		if whole && (!bytes.Equal(body, theirs) || !bytes.Equal(rest, theirRest)) {
			t.Errorf("body %q and rest %q, net/http reads %q and %q", body, rest, theirs, theirRest)
		}
	})
}

// framing reports whether net/http refuses a request for how its length is said. It knows no list of transfer codings;
// Kestrel does, and the last one decides.
func framing(err error) bool {
	text := strings.ToLower(err.Error())
	if strings.Contains(text, "malformed mime header") {
		return false // it quotes the line, whatever is in it
	}
	return strings.Contains(text, "content-length") || strings.Contains(text, "transfer")
}

// allowedBodyError names what net/http refuses and what has nothing to do with where a body ends: limits of its own, and
// control characters in a trailer's value, which Kestrel lets through (validValue).
func allowedBodyError(err error, input []byte) bool {
	text := err.Error()
	if strings.Contains(text, "malformed MIME header") {
		return bytes.ContainsFunc(input, func(c rune) bool { return c != 0 && c < ' ' && !strings.ContainsRune("\r\n\t", c) || c == 0x7f })
	}
	return strings.Contains(text, "too much non-data") || strings.Contains(text, "long trailer") || strings.Contains(text, "line too long")
}

// FuzzResponseHeadsHoldWhatWasSet renders any response: it must be readable and have no line that nobody set.
func FuzzResponseHeadsHoldWhatWasSet(f *testing.F) {
	f.Add("X", "y", 200, "GET", []byte("ok"), uint8(0))
	f.Add("X", "a\r\nEvil: 1\r\n\r\nbody", 200, "GET", []byte("ok"), uint8(1))
	f.Add("Content-Length", "3", 404, "HEAD", []byte("okk"), uint8(2))
	f.Add("Transfer-Encoding", "gzip", 204, "POST", []byte(nil), uint8(3))
	f.Add("Connection", "close, x", 304, "GET", []byte("x"), uint8(7))
	f.Fuzz(func(t *testing.T, name, value string, status int, method string, body []byte, how uint8) {
		if !httpcommon.IsToken(method) || len(method) > 20 || method == "CONNECT" {
			return
		}
		version := "1.1"
		if how&4 != 0 {
			version = "1.0"
		}
		request := method + " / HTTP/" + version + "\r\nHost: a\r\nContent-Length: 0\r\n\r\n"
		out, _ := play(fuzzConfig(false), [][]byte{[]byte(request)}, func(c *Conn) error {
			s := c.Response()
			s.SetStatus(status)
			s.Header().Add(name, value)
			if how&1 != 0 {
				s.Flush()
			}
			s.Write(body)
			if how&2 != 0 {
				s.ResponseTrailers().Add(name, value)
			}
			return nil
		})
		head, _, found := strings.Cut(out, "\r\n\r\n")
		if !found {
			t.Fatalf("no end of the head in %q", out)
		}
		for i, line := range strings.Split(head, "\r\n") {
			field, _, _ := strings.Cut(line, ":")
			known := i == 0 || field == name || field == "Content-Length" || field == "Connection" || field == "Transfer-Encoding"
			if !known || strings.ContainsAny(line, "\r\n\x00") {
				t.Errorf("the head has a line that nobody set: %q\nin %q", line, head)
			}
		}
		if strings.EqualFold(name, "Transfer-Encoding") {
			return // the application's own framing: net/http does not read all of it
		}
		resp, err := http.ReadResponse(bufio.NewReader(strings.NewReader(out)), &http.Request{Method: method})
		if err != nil {
			t.Fatalf("net/http cannot read %q: %v", out, err)
		}
		if resp.StatusCode != status && resp.StatusCode != 500 {
			t.Errorf("status %d, want %d or 500", resp.StatusCode, status)
		}
	})
}

// FuzzTargetsMeanWhatTheySay judges any target and Host: what is accepted has a path that is safe to route by, and an
// authority that package net/url reads the same way.
func FuzzTargetsMeanWhatTheySay(f *testing.F) {
	for _, seed := range []string{"/a/../b?c", "http://user:pass@host:80/x", "HTTPS://[::1]:443?q#f", "http://a\\@b/", "*", "host:80", "http://a@b@c/", "//host/x", "/%2e%2e/%2f..", "http://[::1", "http://h:/"} {
		f.Add("GET", seed, "host")
		f.Add("CONNECT", seed, "host:80")
	}
	f.Fuzz(func(t *testing.T, method, target, host string) {
		if target == "" || strings.ContainsAny(target, "\x00 \r\n") {
			return // refused with the request line
		}
		q := &Request{method: method, rawTarget: target}
		if q.parseTarget() != nil {
			return
		}
		switch {
		case q.path != "" && q.path[0] != '/', strings.ContainsRune(q.path, 0):
			t.Errorf("%q: path %q", target, q.path)
		case strings.ContainsAny(q.authority, "/?#@\\ \t\r\n\x00"):
			t.Errorf("%q: authority %q", target, q.authority)
		}
		if httpcommon.ValidHost(host) && strings.ContainsAny(host, "/?#@\\ \t\r\n\x00,\"<>") {
			t.Errorf("Host %q is accepted", host)
		}
		if u, err := url.Parse(target); q.absolute && err == nil && !strings.EqualFold(u.Host, q.authority) {
			t.Errorf("%q: authority %q, net/url reads %q", target, q.authority, u.Host)
		}
		if q.absolute && !sameAuthority(q.authority, q.authority, target) {
			t.Errorf("%q: its own authority is another place", target)
		}
	})
}
