package server_test

import (
	"bytes"
	"io"
	"log"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/httputil"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/lannerhq/lanner/internal/httpcommon"
	"github.com/lannerhq/lanner/server"
)

// What handlers and middleware written for net/http rely on, found by running Go's own tests (test/nethttp).

func TestTheTypeIsGuessedFromAllThatIsHeldBack(t *testing.T) {
	for _, tt := range []struct {
		name, want string
		pieces     []string
	}{
		{"one byte at a time", "text/html; charset=utf-8", strings.Split("<html><body>hello", "")},
		{"a template that begins with a line end", "text/html; charset=utf-8", []string{"\n", "<!DOCTYPE html>"}},
		{"the piece that starts the response", "text/html; charset=utf-8", []string{"\n", "<!DOCTYPE html>" + strings.Repeat(" ", 1000)}},
		{"more than is looked at", "text/plain; charset=utf-8", []string{strings.Repeat(" ", 512), "<html>"}},
		{"one piece", "application/pdf", []string{"%PDF-1.7"}},
	} {
		f, _, s := newExchange("/", nil)
		held := &holdingResponse{fakeResponse: s, limit: 1000}
		f.Init(newRequest("/"), held, nil, nil)
		handle(t, f, func(w http.ResponseWriter, _ *http.Request) {
			for _, piece := range tt.pieces {
				io.WriteString(w, piece)
			}
			w.(http.Flusher).Flush()
		})
		if got := s.Header().Get("Content-Type"); got != tt.want {
			t.Errorf("%s: Content-Type %q, want %q, as net/http has it", tt.name, got, tt.want)
		}
	}
}

func TestATypeThatAHookSetIsNotGuessedAgain(t *testing.T) {
	f, _, s := newExchange("/", nil)
	f.Init(newRequest("/"), &holdingResponse{fakeResponse: s, limit: 1000}, nil, nil)
	handle(t, f, func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "\n")
		io.WriteString(w, "<html>")
		s.OnStarting(func() { s.Header().Set("Content-Type", "text/special") }) // last registered, so first
		w.(http.Flusher).Flush()
	})
	if got := s.Header().Get("Content-Type"); got != "text/special" {
		t.Errorf("Content-Type %q, want the one that was set on purpose", got)
	}
}

// holdingResponse shows what it holds back, and starts when there is too much of it.
type holdingResponse struct {
	*fakeResponse
	limit int
}

func (s *holdingResponse) Held() []byte { return s.body.Bytes() }

func (s *holdingResponse) Write(p []byte) (int, error) {
	if s.body.Len()+len(p) > s.limit {
		s.Start()
	}
	return s.fakeResponse.Write(p)
}

func TestFieldsThatNetHTTPLeavesOutAreLeftOut(t *testing.T) {
	for name, values := range map[string][]string{
		"Content-Length":    {"gibberish", "-1", ""},
		"Transfer-Encoding": {"identity", "chunked", ""},
	} {
		for _, value := range values {
			f, _, s := newExchange("/", nil)
			handle(t, f, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set(name, value) })
			if got := s.fields(); got != "" {
				t.Errorf("with %s %q the handler's response has the fields %q, want none: framing is the server's", name, value, got)
			}
		}
	}
}

func TestTheTemporaryFilesOfAFormAreRemoved(t *testing.T) {
	var form bytes.Buffer
	parts := multipart.NewWriter(&form)
	part, err := parts.CreateFormFile("file", "name")
	if err != nil {
		t.Fatal(err)
	}
	part.Write(make([]byte, 1000))
	parts.Close()
	f, q, _ := newExchange("/", nil)
	q.method, q.length, q.body = "POST", int64(form.Len()), &form
	q.header.Add("Content-Type", parts.FormDataContentType())
	t.Setenv("TMPDIR", t.TempDir())
	handle(t, f, func(_ http.ResponseWriter, r *http.Request) {
		if err := r.ParseMultipartForm(0); err != nil {
			t.Errorf("ParseMultipartForm: %v", err)
		}
	})
	if left, err := os.ReadDir(os.TempDir()); len(left) > 0 || err != nil {
		t.Errorf("after the handler %d temporary files are left (%v), want none", len(left), err)
	}
}

// closeNotifier is http.CloseNotifier, which is deprecated, and which frameworks still call.
type closeNotifier interface{ CloseNotify() <-chan bool }

func TestCloseNotifyTellsThatTheClientLeft(t *testing.T) {
	life := new(fakeLifetime)
	f, _, _ := newExchange("/", life)
	handle(t, f, func(w http.ResponseWriter, _ *http.Request) {
		notifier := w.(closeNotifier)
		gone := notifier.CloseNotify()
		if again := notifier.CloseNotify(); again != gone {
			t.Error("a second call returns another channel, which nobody would tell")
		}
		select {
		case <-gone:
			t.Error("the channel says that the client left, and it is there")
		default:
		}
		life.Abort(net.ErrClosed)
		if !<-gone {
			t.Error("the channel yields false, want true")
		}
	})
}

func TestCloseNotifyWithoutALifetimeIsSilent(t *testing.T) {
	f, _, _ := newExchange("/", nil)
	handle(t, f, func(w http.ResponseWriter, _ *http.Request) {
		select {
		case <-w.(closeNotifier).CloseNotify():
			t.Error("the channel says that the client left, which this server cannot know")
		default:
		}
	})
}

func TestAHandlerThatReturnsDoesNotWaitForAReadOfItsBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, conn := net.Pipe()
		defer client.Close()
		f, q, _ := newExchange("/", deadlines{conn})
		q.length, q.body = 100, conn
		var read chan error
		start := time.Now()
		handle(t, f, func(_ http.ResponseWriter, r *http.Request) {
			read = make(chan error, 1)
			go func() {
				_, err := r.Body.Read(make([]byte, 1))
				read <- err
			}()
			synctest.Wait() // the other goroutine waits for the client
		})
		if err := <-read; err == nil || time.Since(start) > 0 {
			t.Errorf("the read under way ends after %v with %v, want an error at once: nothing may reach the body after the handler", time.Since(start), err)
		}
	})
}

// deadlines is a BodyControlFeature of a connection.
type deadlines struct{ net.Conn }

func TestA101ThatWasNotAskedForIsSentByHijack(t *testing.T) {
	native := &notUpgradable{head: make(chan string, 1)}
	f, _, _ := newExchange("/", native)
	handle(t, f, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Upgrade", "special")
		w.WriteHeader(http.StatusSwitchingProtocols)
		if err := http.NewResponseController(w).Flush(); err != nil {
			t.Errorf("Flush after a 101: %v, want nil", err)
		}
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Errorf("Hijack after a 101: %v", err)
			return
		}
		conn.Close()
		if got, want := <-native.head, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: special\r\n\r\n"; got != want {
			t.Errorf("the client reads %q, want %q", got, want)
		}
	})
}

func TestASuperfluousStatusIsNotLookedAt(t *testing.T) {
	f, _, s := newExchange("/", nil)
	handle(t, f, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(204)
		w.WriteHeader(0) // no panic, as net/http
	})
	if s.Status() != 204 {
		t.Errorf("status %d, want the first one", s.Status())
	}
}

func TestWritingMoreThanAnnouncedIsErrContentLength(t *testing.T) {
	f, _, s := newExchange("/", nil)
	f.Init(newRequest("/"), fullResponse{s}, everythingFull{}, nil)
	handle(t, f, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1")
		w.Header().Set("Content-Type", "text/plain")
		if _, err := io.WriteString(w, "ab"); err != http.ErrContentLength {
			t.Errorf("Write: %v, want http.ErrContentLength", err)
		}
		if _, err := w.(io.ReaderFrom).ReadFrom(strings.NewReader("ab")); err != http.ErrContentLength {
			t.Errorf("ReadFrom: %v, want http.ErrContentLength", err)
		}
	})
}

// fullResponse has no room for more body.
type fullResponse struct{ *fakeResponse }

func (fullResponse) Write([]byte) (int, error) { return 0, httpcommon.ErrContentLength }

type everythingFull struct{}

func (everythingFull) SendFrom(io.Reader) (int64, error) { return 0, httpcommon.ErrContentLength }

func TestReverseProxyFindsAServerAndAbortsAResponseThatItsBackendCut(t *testing.T) {
	f, _, _ := newExchange("/", nil)
	proxy := httputil.ReverseProxy{
		Rewrite:  func(*httputil.ProxyRequest) {},
		ErrorLog: log.New(io.Discard, "", 0),
		Transport: roundTrip(func(*http.Request) (*http.Response, error) {
			body := io.MultiReader(strings.NewReader("half of"), iotest.ErrReader(io.ErrUnexpectedEOF))
			return &http.Response{StatusCode: 200, Body: io.NopCloser(body)}, nil
		}),
	}
	defer func() {
		if v := recover(); v != http.ErrAbortHandler {
			t.Errorf("the proxy ends with %v, want a panic of http.ErrAbortHandler: else the client takes half of the body for all", v)
		}
	}()
	_ = server.HTTP(&proxy).Process(f)
}

type roundTrip func(*http.Request) (*http.Response, error)

func (fn roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return fn(r) }

// notUpgradable is the UpgradeFeature of a request that asks for no upgrade; head gets what is written on the connection.
type notUpgradable struct {
	everything
	head chan string
}

func (n *notUpgradable) Upgradable() bool           { return false }
func (n *notUpgradable) Upgrade() (net.Conn, error) { return nil, server.ErrNotSupported }
func (n *notUpgradable) Hijack() (net.Conn, []byte, error) {
	conn, buffered, err := n.everything.Hijack()
	go func() {
		all, _ := io.ReadAll(n.client) // an error shows in what was read
		n.head <- string(all)
	}()
	return conn, buffered, err
}
