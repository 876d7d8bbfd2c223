package conformance

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lannerhq/lanner/internal/memnet"
	"github.com/lannerhq/lanner/kestrel"
	"github.com/lannerhq/lanner/server"
)

// h1Case is a row of kestrel-h1-cases.jsonl. Each char of Input is one octet.
type h1Case struct {
	Name, Group, Input string
	ExpectStatus       *int  `json:"expect_status"`
	ExpectClose        bool  `json:"expect_close"`
	ExpectStatuses     []int `json:"expect_statuses"`
	App                string
	Config             map[string]any
	ClientFin          bool `json:"client_fin"`
	Expect             map[string]any
}

// deviations are rows where Lanner is deliberately stricter than today's Kestrel (docs/decisions/0005): the row's status
// is replaced.
var deviations = map[string]struct {
	status int
	why    string
}{
	"bare_lf_default_all_lines":             {400, "line ends are strict unless Compat.LooseLineEndings"},
	"bare_lf_default_request_line_only":     {400, "line ends are strict unless Compat.LooseLineEndings"},
	"bare_lf_default_header_only":           {400, "line ends are strict unless Compat.LooseLineEndings"},
	"bare_lf_default_blank_line_only":       {400, "line ends are strict unless Compat.LooseLineEndings"},
	"bare_lf_default_http10":                {400, "line ends are strict unless Compat.LooseLineEndings"},
	"spaces_between_target_and_version_GET": {400, "one space, unless Compat.LooseRequestLineSpaces"},
}

// settingsHex is a SETTINGS frame without parameters. RFC 9113 §3.4: it "MUST be the first frame the server sends in the HTTP/2 connection".
// Today's Kestrel sends only the frame behind it, a GOAWAY.
const settingsHex = "000000040000000000"

func loadCases(t testing.TB) []h1Case {
	data, err := os.ReadFile("testdata/kestrel-h1-cases.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	var cases []h1Case
	for line := range strings.Lines(string(data)) {
		var c h1Case
		if err := json.Unmarshal([]byte(line), &c); err != nil {
			t.Fatal(err)
		}
		cases = append(cases, c)
	}
	return cases
}

func octets(s string) []byte {
	var b []byte
	for _, r := range s {
		b = append(b, byte(r))
	}
	return b
}

// segmentation is how a case's input is cut.
type segmentation struct {
	name string
	cut  func([]byte, *rand.Rand) [][]byte
}

var segmentations = []segmentation{
	{"whole", func(b []byte, _ *rand.Rand) [][]byte { return [][]byte{b} }},
	{"bytes", func(b []byte, _ *rand.Rand) [][]byte { return slices.Collect(slices.Chunk(b, 1)) }},
	{"random", func(b []byte, r *rand.Rand) [][]byte {
		var out [][]byte
		for len(b) > 0 {
			n := 1 + r.IntN(min(len(b), 40))
			out = append(out, b[:n])
			b = b[n:]
		}
		return out
	}},
}

func TestKestrelAnswersEveryCaseWithItsStatusAndFate(t *testing.T) {
	cases := loadCases(t)
	for _, seg := range segmentations {
		t.Run(seg.name, func(t *testing.T) {
			for i, c := range cases {
				if seg.name != "whole" && len(c.Input) > 20_000 {
					continue // one byte at a time, these take long and show nothing new
				}
				t.Run(c.Name, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) { runCase(t, c, seg, rand.New(rand.NewPCG(1, uint64(i)))) })
				})
			}
		})
	}
}

// seen is what the application saw of a request.
type seen struct {
	path, rawTarget, query, host string
	headers                      server.Headers
}

func runCase(t *testing.T, c h1Case, seg segmentation, r *rand.Rand) {
	var app recorder
	l := memnet.Listen(1 << 20)
	srv := kestrel.New(options(t, c, l))
	if err := srv.Start(t.Context(), server.ContextHandler(func(ctx *server.Context) error {
		app.record(ctx)
		return application(ctx, c.App)
	})); err != nil {
		t.Fatal(err)
	}
	client, err := l.Dial()
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range seg.cut(octets(c.Input), r) {
		if _, err := client.Write(part); err != nil {
			break // refused before all was sent
		}
		synctest.Wait()
	}
	if c.ClientFin {
		client.CloseWrite()
	}
	synctest.Wait()
	if strings.Contains(c.App, "read") || c.ExpectStatus == nil {
		time.Sleep(2 * time.Second) // lingering close
		synctest.Wait()
	}
	out, closed := drain(client)
	check(t, c, app.requests, out, closed)
	client.Close()
	if err := srv.Stop(t.Context()); err != nil {
		t.Errorf("stop: %v", err)
	}
}

// drain reads what has been sent and says whether the server ended the connection.
func drain(client *memnet.Conn) ([]byte, bool) {
	var out bytes.Buffer
	buf := make([]byte, 64<<10)
	for {
		client.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
		n, err := client.Read(buf)
		out.Write(buf[:n])
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return out.Bytes(), false
		}
		if err != nil {
			return out.Bytes(), true
		}
	}
}

func options(t *testing.T, c h1Case, l net.Listener) kestrel.Options {
	o := kestrel.Options{Endpoints: []kestrel.Endpoint{{Listener: l, Protocols: kestrel.HTTP1}}, Logger: slog.New(slog.DiscardHandler)}
	for key, value := range c.Config {
		n := 0
		if f, ok := value.(float64); ok {
			n = int(f)
			if n == 0 {
				n = kestrel.Nothing
			}
		}
		switch key {
		case "MaxRequestLineSize":
			o.Limits.MaxRequestLineSize = n
		case "MaxRequestHeadersTotalSize":
			o.Limits.MaxRequestHeadersTotalSize = n
		case "MaxRequestHeaderCount":
			o.Limits.MaxRequestHeaderCount = n
		case "MaxRequestBodySize":
			o.Limits.MaxRequestBodySize = int64(n)
		case "AllowHostHeaderOverride":
			o.Compat.HostHeaderOverride = value.(bool)
		case "AddServerHeader":
			o.ServerHeader = "Kestrel"
		case "DisableHttp1LineFeedTerminators":
		default:
			t.Fatalf("the case sets %s, which the runner does not know", key)
		}
	}
	return o
}

func check(t *testing.T, c h1Case, requests []seen, out []byte, closed bool) {
	t.Helper()
	if c.Expect["raw_hex"] != nil {
		if want := settingsHex + c.Expect["raw_hex"].(string); hex.EncodeToString(out) != want {
			t.Errorf("got %x, want %s", out, want)
		}
		return
	}
	want := c.ExpectStatuses
	if want == nil && c.ExpectStatus != nil {
		want = []int{*c.ExpectStatus}
	}
	close := c.ExpectClose
	if d, ok := deviations[c.Name]; ok {
		want, close = []int{d.status}, true
	}
	got, last, raw := responses(t, c, out)
	if !slices.Equal(got, want) {
		t.Errorf("statuses %v, want %v\n got %q", got, want, out)
		return
	}
	if closed != close {
		t.Errorf("connection closed: %v, want %v\n got %q", closed, close, out)
	}
	if _, ok := deviations[c.Name]; !ok {
		checkExpect(t, c, requests, last, raw)
	}
}

// responses parses all of out, and returns the statuses, the last response and its raw body.
func responses(t *testing.T, c h1Case, out []byte) (statuses []int, last *http.Response, raw []byte) {
	t.Helper()
	method := "GET"
	if strings.HasPrefix(c.Input, "HEAD") {
		method = "HEAD"
	}
	for len(out) > 0 {
		i := bytes.Index(out, []byte("\r\n\r\n"))
		if i < 0 {
			t.Errorf("no end of a response head in %q", out)
			return statuses, last, nil
		}
		r := bufio.NewReader(bytes.NewReader(out))
		if bytes.Contains(out, []byte("Transfer-Encoding: gzip")) { // net/http refuses to read it
			r = bufio.NewReader(bytes.NewReader(bytes.Replace(out, []byte("Transfer-Encoding: gzip"), []byte("X-Transfer-Encoding: gzip"), 1)))
		}
		resp, err := http.ReadResponse(r, &http.Request{Method: method})
		if err != nil {
			t.Errorf("response %q: %v", out, err)
			return statuses, last, nil
		}
		raw = out[i+4:]
		body, err := io.ReadAll(resp.Body)
		if err != nil && err != io.ErrUnexpectedEOF {
			t.Errorf("body of %q: %v", out, err)
		}
		resp.Body = io.NopCloser(bytes.NewReader(body))
		rest, _ := io.ReadAll(r)
		if resp.StatusCode >= 200 || resp.StatusCode == 101 {
			statuses, last = append(statuses, resp.StatusCode), resp
		}
		if resp.StatusCode == 101 {
			return statuses, last, raw
		}
		raw = raw[:len(raw)-len(rest)]
		out = rest
	}
	return statuses, last, raw
}

func checkExpect(t *testing.T, c h1Case, requests []seen, last *http.Response, raw []byte) {
	t.Helper()
	var req seen
	if len(requests) > 0 {
		req = requests[len(requests)-1]
	}
	equal := func(what, got string, want any) {
		t.Helper()
		if got != string(octets(want.(string))) && got != want.(string) {
			t.Errorf("%s is %q, want %q", what, got, want)
		}
	}
	for key, want := range c.Expect {
		switch key {
		case "path":
			equal("path", req.path, want)
		case "rawTarget":
			equal("raw target", req.rawTarget, want)
		case "query":
			equal("query", strings.TrimPrefix(req.query, "?"), strings.TrimPrefix(want.(string), "?"))
		case "host":
			equal("host", req.host, want)
		case "headers":
			for name, value := range want.(map[string]any) {
				equal("request header "+name, strings.Join(req.headers.Values(name), ","), value)
			}
		case "headers_out":
			for name, value := range want.(map[string]any) {
				got := last.Header.Get(name)
				if name == "Transfer-Encoding" {
					got = strings.Join(last.TransferEncoding, ",")
				}
				if name == "Connection" && got == "" && last.Close {
					got = "close"
				}
				if value == "RFC1123" {
					if _, err := time.Parse(time.RFC1123, got); err != nil {
						t.Errorf("%s: %v", name, err)
					}
					continue
				}
				equal("response header "+name, got, value)
			}
		case "headers_absent":
			for _, name := range want.([]any) {
				if last.Header.Get(name.(string)) != "" || name == "Transfer-Encoding" && len(last.TransferEncoding) > 0 {
					t.Errorf("response has %s, want none", name)
				}
			}
		case "options": // how Kestrel's own parser names the tokens; the connection's fate shows them
		case "trailers": // checked where bodies are, in internal/http1
		case "allow":
			equal("Allow", last.Header.Get("Allow"), want)
		case "body":
			body, _ := io.ReadAll(last.Body)
			equal("response body", string(body), want)
		case "raw_body", "raw_after_headers":
			equal("raw body", string(raw), want)
		case "exact_header_set":
			if len(last.Header) > 3 {
				t.Errorf("headers %v, want exactly %v", last.Header, want)
			}
		default:
			t.Errorf("the case expects %s, which the runner does not know", key)
		}
	}
}

// application is what the handler of a case does.
func application(ctx *server.Context, app string) error {
	upgrade, _ := server.Get[server.UpgradeFeature](ctx.Features())
	switch app {
	case "noop":
		return nil
	case "hello":
		ctx.WriteString("hello, world")
		return nil
	case "read_all":
		_, err := io.Copy(io.Discard, ctx.Body())
		return err
	case "echo":
		b, err := io.ReadAll(ctx.Body())
		if err != nil {
			return err
		}
		if len(b) > 0 {
			ctx.Write(b)
			return ctx.Flush()
		}
		return nil
	case "echo_cl":
		b, err := io.ReadAll(ctx.Body())
		if err != nil {
			return err
		}
		ctx.SetHeader("Content-Length", strconv.Itoa(len(b)))
		_, err = ctx.Write(b)
		return err
	case "upgrade_echo11":
		conn, err := upgrade.Upgrade()
		if err != nil {
			return err
		}
		defer conn.Close()
		b := make([]byte, 11)
		if _, err := io.ReadFull(conn, b); err != nil {
			return err
		}
		_, err = conn.Write(b)
		return err
	case "upgrade_goodbye":
		conn, err := upgrade.Upgrade()
		if err != nil {
			return err
		}
		defer conn.Close()
		_, err = conn.Write([]byte("goodbye"))
		return err
	case "upgrade_swallow":
		upgrade.Upgrade()
		return nil
	case "abort":
		life, _ := server.Get[server.RequestLifetimeFeature](ctx.Features())
		life.Abort(nil)
		return nil
	case "catch; status 400; write message":
		if _, err := io.Copy(io.Discard, ctx.Body()); err != nil {
			ctx.SetStatus(400)
			ctx.WriteString(err.Error())
		}
		return nil
	}
	for step := range strings.SplitSeq(app, "; ") {
		if err := appStep(ctx, step); err != nil {
			return err
		}
	}
	return nil
}

var errThrown = errors.New("thrown by the case")

func appStep(ctx *server.Context, step string) error {
	name, arg, _ := strings.Cut(step, " ")
	arg = strings.Trim(arg, `"`)
	switch name {
	case "throw":
		return errThrown
	case "flush":
		return ctx.Flush()
	case "status":
		n, _ := strconv.Atoi(arg)
		ctx.SetStatus(n)
		return nil
	case "Content-Length":
		ctx.SetHeader("Content-Length", arg)
		return nil
	case "Transfer-Encoding":
		ctx.SetHeader("Transfer-Encoding", arg)
		return nil
	case "set":
		ctx.SetHeader("Transfer-Encoding", "chunked")
		return nil
	case "write":
		switch {
		case arg == "empty":
			return ctx.Flush()
		case strings.HasPrefix(arg, `6\r\n`):
			arg = "6\r\nHello \r\n0\r\n\r\n"
		case arg == "12 bytes" || arg == "12":
			arg = strings.Repeat("x", 12)
		case arg == "11" || arg == "5":
			n, _ := strconv.Atoi(arg)
			arg = strings.Repeat("x", n)
		case arg == "Hello":
			arg = "Hello "
		}
		if _, err := ctx.WriteString(arg); err != nil {
			return err
		}
		if _, announced := ctx.ResponseHeaders().Lookup("Content-Length"); announced {
			return nil
		}
		return ctx.Flush() // Kestrel sends each write by itself; Lanner when asked
	}
	panic("no such step: " + step)
}
