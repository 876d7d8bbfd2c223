package server_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/lannerhq/lanner/server"
)

// seenByHandler is what an ordinary handler can see of a request.
type seenByHandler struct {
	Method, Proto, Host, RequestURI, URL string
	ProtoMajor, ProtoMinor               int
	ParsedURL                            *url.URL
	Header, Trailer, TrailerAfter        http.Header
	ContentLength                        int64
	TransferEncoding                     []string
	Close                                bool
	Body, Form                           string
	LocalAddr                            bool
}

func look(w http.ResponseWriter, r *http.Request) {
	v := seenByHandler{Method: r.Method, Proto: r.Proto, Host: r.Host, RequestURI: r.RequestURI, URL: r.URL.String(), ParsedURL: r.URL,
		ProtoMajor: r.ProtoMajor, ProtoMinor: r.ProtoMinor, Header: r.Header.Clone(), Trailer: r.Trailer.Clone(),
		ContentLength: r.ContentLength, TransferEncoding: r.TransferEncoding, Close: r.Close}
	_, v.LocalAddr = r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	v.Body, v.TrailerAfter = string(body), r.Trailer
	if r.ParseForm() == nil {
		v.Form = r.Form.Encode()
	}
	json.NewEncoder(w).Encode(v)
}

// TestHandlersSeeWhatNetHTTPShowsThem sends the same bytes to a handler on net/http, and to the same handler behind both
// bridges on net/http.
func TestHandlersSeeWhatNetHTTPShowsThem(t *testing.T) {
	there, here := plainAndBridged(t, look)
	for _, request := range []string{
		"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n",
		"GET /a%20b/../c%2Fd?x=1&y=%20&z HTTP/1.1\r\nHost: example.org:80\r\n\r\n",
		"GET /a!b'(c)*[d] HTTP/1.1\r\nHost: h\r\n\r\n",
		"GET /? HTTP/1.1\r\nHost: h\r\n\r\n",
		"GET //double HTTP/1.1\r\nHost: h\r\n\r\n",
		"GET http://other.example/p?q HTTP/1.1\r\nHost: other.example\r\n\r\n",
		"GET http://other.example HTTP/1.1\r\nHost: other.example\r\n\r\n",
		"OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n",
		"CONNECT host.example:443 HTTP/1.1\r\nHost: host.example:443\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, x\r\n\r\n",
		"GET / HTTP/1.0\r\n\r\n",
		"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: h\r\nx-many: 1\r\nX-Many: 2\r\nx-MANY: 3\r\nCookie: a=b\r\nX-Empty:\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello",
		"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: h\r\n\r\n",
		"POST /f?a=1 HTTP/1.1\r\nHost: h\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 7\r\n\r\na=2&b=3",
		"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum, x-other\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 42\r\n\r\n",
		"GET /" + strings.Repeat("x", 30) + " HTTP/1.1\r\nHost: h\r\n" + manyFields(40) + "\r\n",
	} {
		want, got := rawExchange(t, there, request), rawExchange(t, here, request)
		if diff := cmp.Diff(want.body, got.body); diff != "" || want.status != got.status {
			t.Errorf("%.60q: net/http answers %d, the bridge %d; what the handler sees differs (-net/http +bridge):\n%s", request, want.status, got.status, diff)
		}
	}
}

func manyFields(n int) string {
	var out strings.Builder
	for i := range n {
		fmt.Fprintf(&out, "X-Field-%d: %d\r\n", i%30, i)
	}
	return out.String()
}

// plainAndBridged serves a handler on net/http, as it is and through both bridges.
func plainAndBridged(t *testing.T, h http.HandlerFunc) (there, here string) {
	t.Helper()
	bridged := server.Handler(server.ApplicationFunc(server.HTTP(h).Process)) // the function hides that it is HTTP's
	var addrs [2]string
	for i, handler := range []http.Handler{h, bridged} {
		s := httptest.NewUnstartedServer(handler)
		s.Config.DisableGeneralOptionsHandler = true
		s.Start()
		t.Cleanup(s.Close)
		addrs[i] = s.Listener.Addr().String()
	}
	return addrs[0], addrs[1]
}

type rawAnswer struct {
	status  int
	header  http.Header
	trailer http.Header
	body    string
	broken  bool
}

// rawExchange sends a request and reads the final response.
func rawExchange(t *testing.T, addr, request string) rawAnswer {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	method, _, _ := strings.Cut(request, " ")
	r := bufio.NewReader(conn)
	for {
		res, err := http.ReadResponse(r, &http.Request{Method: method})
		if err != nil {
			return rawAnswer{broken: true}
		}
		if res.StatusCode < 200 && res.StatusCode != 101 {
			continue
		}
		res.Header.Del("Date")
		body, err := io.ReadAll(res.Body)
		return rawAnswer{res.StatusCode, res.Header, res.Trailer, string(body), err != nil}
	}
}

// TestResponsesAreWhatNetHTTPSends runs handlers that do with a ResponseWriter what handlers do.
func TestResponsesAreWhatNetHTTPSends(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"nothing":      func(http.ResponseWriter, *http.Request) {},
		"fields only":  func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X-A", "1") },
		"sniffed text": func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") },
		"sniffed html": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(201); io.WriteString(w, "<html></html>") },
		"not sniffed": func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Content-Type"] = nil
			io.WriteString(w, "hello")
		},
		"encoded": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "x")
			io.WriteString(w, "hello")
		},
		"own type": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/x")
			io.WriteString(w, "<html>")
		},
		"no date":      func(w http.ResponseWriter, _ *http.Request) { w.Header()["Date"] = nil; io.WriteString(w, "hello") },
		"late status":  func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello"); w.WriteHeader(500) },
		"two statuses": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404); w.WriteHeader(500) },
		"late fields":  func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(200); w.Header().Set("X-Late", "1") },
		"line breaks": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-A", " a\r\nb\n ")
			w.Header().Set("Bad Name", "x")
		},
		"empty write": func(w http.ResponseWriter, _ *http.Request) { w.Write(nil) },
		"204":         func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) },
		"304":         func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("ETag", `"x"`); w.WriteHeader(304) },
		"redirect":    func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/there", http.StatusSeeOther) },
		"error":       func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", 418) },
		"cookies": func(w http.ResponseWriter, _ *http.Request) {
			http.SetCookie(w, &http.Cookie{Name: "a", Value: "1"})
			http.SetCookie(w, &http.Cookie{Name: "b", Value: "2"})
		},
		"length": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "5")
			io.WriteString(w, "hello")
		},
		"too short": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "9")
			io.WriteString(w, "hello")
		},
		"flushed": func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, "a")
			w.(http.Flusher).Flush()
			io.WriteString(w, "b")
		},
		"copied": func(w http.ResponseWriter, _ *http.Request) { io.Copy(w, strings.NewReader("<html>")) },
		"copied typed": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "a/b")
			w.WriteHeader(200)
			io.Copy(w, io.LimitReader(strings.NewReader("hello"), 3))
		},
		"content": func(w http.ResponseWriter, r *http.Request) {
			http.ServeContent(w, r, "f.txt", time.Unix(1e9, 0), strings.NewReader("hello"))
		},
		"chunked by app": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Transfer-Encoding", "chunked")
			io.WriteString(w, "hello")
		},
		"trailers": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Trailer", "X-Sum, x-other")
			io.WriteString(w, "hello")
			w.Header().Set("X-Sum", "42")
			w.Header().Set("X-Other", "yes")
			w.Header().Set(http.TrailerPrefix+"X-Unannounced", "1")
		},
		"early hints": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Link", "</a>")
			w.WriteHeader(103)
			io.WriteString(w, "hello")
		},
		"connect": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-A", "1")
			w.WriteHeader(200)
			conn, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				t.Errorf("Hijack after WriteHeader: %v", err)
				return
			}
			conn.Close()
		},
		"switch": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Connection", "Upgrade")
			w.Header().Set("Upgrade", "x")
			w.WriteHeader(101)
			conn, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				t.Errorf("Hijack after 101: %v", err)
				return
			}
			conn.Close()
		},
	} {
		t.Run(name, func(t *testing.T) {
			there, here := plainAndBridged(t, h)
			method := "GET"
			if name == "connect" {
				method = "CONNECT"
			}
			for _, method := range []string{method, "HEAD"} {
				target := map[bool]string{true: "h:1", false: "/"}[method == "CONNECT"]
				request := method + " " + target + " HTTP/1.1\r\nHost: h:1\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n"
				want, got := rawExchange(t, there, request), rawExchange(t, here, request)
				switch name {
				case "connect": // net/http announces chunks, against RFC 9112 §6.1, and never sends one
					want.broken = false
				case "chunked by app": // the bridge leaves the framing to the server
					want.header.Del("Content-Length")
					got.header.Del("Content-Length")
				}
				if diff := cmp.Diff(want, got, cmp.AllowUnexported(rawAnswer{})); diff != "" {
					t.Errorf("%s: the responses differ (-net/http +bridge):\n%s", method, diff)
				}
			}
		})
	}
}
