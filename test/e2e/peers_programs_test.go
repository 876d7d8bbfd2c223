package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"time"

	"github.com/coder/websocket"

	"github.com/lannerhq/lanner"
	"github.com/lannerhq/lanner/http3"
	"github.com/lannerhq/lanner/kestrel"
	"github.com/lannerhq/lanner/middleware/forwardedheaders"
	"github.com/lannerhq/lanner/middleware/hsts"
	"github.com/lannerhq/lanner/middleware/httpsredirection"
	"github.com/lannerhq/lanner/server"
)

// Hosted programs that are built with the race detector die of a race, so that the test notices; and they need not stay a
// second after their end, in which the detector waits for more.
func init() {
	if os.Getenv("GORACE") == "" {
		os.Setenv("GORACE", "halt_on_error=1 atexit_sleep_ms=0")
	}
}

// programs are what the test binary can be beside those of TestMain, by LANNER_E2E_PROGRAM.
var programs = map[string]func() error{
	// thief asks the host for signatures that are not its to have.
	"thief": steal,
	// peer faces the programs that nobody here wrote, or the real lanner command.
	"peer": func() error { return lanner.Run(peerApplication()) },
	// http2 is the same, with what the tests with clients of HTTP/2 ask for.
	"http2": func() error { return lanner.Run(http2Application()) },
	// http3 is http2 with QUIC, on the endpoints whose Protocols have HTTP/3.
	"http3": func() error {
		return lanner.Run(http2Application(), lanner.WithKestrel(kestrel.Options{HTTP3: http3.New(http3.Options{})}))
	},
	// redirecting sends clients to https.
	"redirecting": func() error {
		redirect, err := httpsredirection.New(httpsredirection.Options{})
		if err != nil {
			return err
		}
		strict, err := hsts.New(hsts.Options{})
		if err != nil {
			return err
		}
		return lanner.Run(strict(redirect(application())))
	},
	// proxied is the same behind a reverse proxy on 127.0.0.1 or on a unix socket.
	"proxied": func() error {
		return lanner.Run(forwardedheaders.New(forwardedheaders.Options{
			Headers:        forwardedheaders.For | forwardedheaders.Proto,
			KnownProxies:   []netip.Addr{netip.MustParseAddr("127.0.0.1")},
			TrustUnixPeers: true,
		})(peerApplication()))
	},
}

// seen is what an application sees of a request.
type seen struct {
	Name                         string // the application's
	Remote, Scheme, Host         string
	Path                         string // as RequestFeature has it
	URLPath                      string // as net/http has it
	Protocol, Connection, Method string
	Header                       http.Header
}

// showField asks for what the application sees, whatever the path: http.ServeMux redirects some.
const showField = "Show-Request"

func show(w http.ResponseWriter, r *http.Request) {
	s := seen{
		Name: os.Getenv("NAME"), Remote: r.RemoteAddr, Scheme: forwardedheaders.Scheme(r), Host: r.Host, URLPath: r.URL.Path,
		Protocol: r.Proto, Method: r.Method, Header: r.Header,
	}
	if q, ok := server.From[server.RequestFeature](r.Context()); ok {
		s.Path = q.Path()
	}
	if c, ok := server.From[server.ConnectionFeature](r.Context()); ok {
		s.Connection = c.ConnectionID()
	}
	json.NewEncoder(w).Encode(s)
}

// peerApplication adds to application what the tests with real peers ask for.
func peerApplication() http.Handler {
	mux := peerPaths()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get(showField) != "" {
			show(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

func peerPaths() *http.ServeMux {
	mux := http.NewServeMux()
	mux.Handle("/", application())
	mux.HandleFunc("/seen", show)
	mux.HandleFunc("/sum", func(w http.ResponseWriter, r *http.Request) {
		hash := sha256.New()
		n, err := io.Copy(hash, r.Body)
		if err != nil {
			return // the server answers for what the client did wrong
		}
		fmt.Fprintf(w, "%d %s\n", n, hex.EncodeToString(hash.Sum(nil)))
	})
	mux.HandleFunc("/pattern", func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.ParseInt(r.FormValue("n"), 10, 64)
		w.Header().Set("Content-Length", strconv.FormatInt(n, 10))
		io.Copy(w, newPattern(n))
	})
	mux.HandleFunc("/hold", func(w http.ResponseWriter, r *http.Request) { // begins a response, and ends it later
		ms, _ := strconv.Atoi(r.FormValue("ms"))
		http.NewResponseController(w).Flush()
		select {
		case <-time.After(time.Duration(ms) * time.Millisecond):
			io.WriteString(w, "held\n")
		case <-r.Context().Done():
		}
	})
	mux.HandleFunc("/ws", echoMessages)
	mux.HandleFunc("/spawn", spawnChild)
	mux.HandleFunc("/file", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, "file.txt") })
	return mux
}

// maxMessage is the largest WebSocket message that echoMessages takes.
const maxMessage = 2 << 20

// echoMessages is a WebSocket by a library that knows nothing of Lanner. The text "close N" closes with that code.
func echoMessages(w http.ResponseWriter, r *http.Request) {
	c, err := websocket.Accept(w, r, nil)
	if err != nil {
		return // the library has answered
	}
	defer c.CloseNow()
	c.SetReadLimit(maxMessage)
	for {
		kind, message, err := c.Read(r.Context())
		if err != nil {
			return
		}
		var code int
		if n, _ := fmt.Sscanf(string(message[:min(len(message), 20)]), "close %d", &code); n == 1 {
			c.Close(websocket.StatusCode(code), "as asked")
			return
		}
		if err := c.Write(r.Context(), kind, message); err != nil {
			return
		}
	}
}

// spawnChild starts a process that never ends by itself, and answers with its id.
func spawnChild(w http.ResponseWriter, _ *http.Request) {
	self, err := os.Executable()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), "LANNER_E2E_PROGRAM=silent")
	if err := cmd.Start(); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	go cmd.Wait()
	fmt.Fprintln(w, cmd.Process.Pid)
}

// pattern reads as n octets that depend on their position, so that lost, doubled and exchanged pieces show in a hash.
type pattern struct{ at, n int64 }

func newPattern(n int64) io.Reader { return &pattern{n: n} }

// patternBlock is longer than any buffer on the way, and its length is prime: no buffer's size is a multiple of it.
var patternBlock = func() []byte {
	block := make([]byte, 1_000_003)
	state := uint32(1)
	for i := range block {
		state = state*1664525 + 1013904223
		block[i] = byte(state >> 24)
	}
	return block
}()

func (p *pattern) Read(b []byte) (int, error) {
	if p.at == p.n {
		return 0, io.EOF
	}
	b = b[:min(int64(len(b)), p.n-p.at)]
	n := copy(b, patternBlock[p.at%int64(len(patternBlock)):])
	p.at += int64(n)
	return n, nil
}

// patternSum is what /sum answers for n octets of the pattern.
func patternSum(n int64) string {
	hash := sha256.New()
	io.Copy(hash, newPattern(n))
	return fmt.Sprintf("%d %s\n", n, hex.EncodeToString(hash.Sum(nil)))
}

// atEnd is what TestMain does after all tests.
var atEnd []func()

func afterwards(code int) int {
	for _, f := range atEnd {
		f()
	}
	return code
}

// peerTimeout bounds one exchange with a peer. It is for a machine that does other things too.
const peerTimeout = 60 * time.Second
