package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/quic-go/quic-go/http3"

	"github.com/lannerhq/lanner/kestrel"
	"github.com/lannerhq/lanner/test/selfsigned"
	"github.com/lannerhq/lanner/test/target/mallocs"
)

const mainVariable = "LANNER_TARGET_ARGS"

// TestMain is the program itself when it was started by a test.
func TestMain(m *testing.M) {
	if args, ok := os.LookupEnv(mainVariable); ok {
		os.Exit(run(strings.Fields(args), os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// program starts the test binary as the program.
func program(t *testing.T, args string) (*exec.Cmd, io.Reader) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), mainVariable+"="+args, "GORACE=atexit_sleep_ms=0")
	cmd.Stderr = t.Output()
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(30*time.Second, func() { cmd.Process.Kill() })
	t.Cleanup(func() {
		timer.Stop()
		cmd.Process.Kill()
		cmd.Wait()
	})
	return cmd, stdout
}

func TestTheProgramListensAnswersAndStops(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no signal to send to another process")
	}
	for _, server := range []string{"kestrel", "nethttp"} {
		for _, api := range []string{"http", "native"} {
			for _, sig := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
				t.Run(server+"/"+api+"/"+sig.String(), func(t *testing.T) {
					cmd, stdout := program(t, "-urls http://127.0.0.1:0;http://127.0.0.1:0 -urls http://127.0.0.1:0 -exec inline -server "+server+" -api "+api)
					lines := bufio.NewScanner(stdout)
					for range 3 {
						if !lines.Scan() {
							t.Fatalf("the program ended early: %v", lines.Err())
						}
						url, ok := strings.CutPrefix(lines.Text(), "listening on ")
						if !ok {
							t.Fatalf("it printed %q, want listening on URL for each of three addresses", lines.Text())
						}
						wantHello(t, url)
					}
					if err := cmd.Process.Signal(sig); err != nil {
						t.Fatal(err)
					}
					if lines.Scan() {
						t.Errorf("it printed %q beyond its addresses", lines.Text())
					}
					if err := cmd.Wait(); err != nil {
						t.Errorf("after %v it ended with %v, want exit status 0", sig, err)
					}
				})
			}
		}
	}
}

func TestTheProgramSpeaksHTTPS(t *testing.T) {
	cert, err := selfsigned.New("localhost", "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	path, keyPath, err := selfsigned.Write(t.TempDir(), cert)
	if err != nil {
		t.Fatal(err)
	}
	made := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true} // nobody can know what -tls makes
	named := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: selfsigned.Pool(cert)}, DisableKeepAlives: true}
	for _, server := range []string{"kestrel", "nethttp"} {
		for flags, transport := range map[string]*http.Transport{"-tls": made, "-cert " + path + " -key " + keyPath: named} {
			_, stdout := program(t, "-urls https://127.0.0.1:0;http://127.0.0.1:0 -server "+server+" "+flags)
			lines := bufio.NewScanner(stdout)
			for _, scheme := range []string{"https", "http"} {
				if !lines.Scan() || !strings.HasPrefix(lines.Text(), "listening on "+scheme+"://") {
					t.Fatalf("%s: it printed %q, want an address of %s", server, lines.Text(), scheme)
				}
				wantHelloBy(t, transport, strings.TrimPrefix(lines.Text(), "listening on "))
			}
		}
	}
}

func TestBothServersSpeakHTTP2ByPriorKnowledge(t *testing.T) {
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	for _, server := range []string{"kestrel", "nethttp"} {
		_, stdout := program(t, "-urls http://127.0.0.1:0 -server "+server)
		lines := bufio.NewScanner(stdout)
		if !lines.Scan() {
			t.Fatalf("%s ended early: %v", server, lines.Err())
		}
		transport := &http.Transport{Protocols: &protocols}
		wantHelloBy(t, transport, strings.TrimPrefix(lines.Text(), "listening on "))
		transport.CloseIdleConnections()
	}
}

func TestTheProgramSpeaksHTTP3(t *testing.T) {
	for _, api := range []string{"http", "native"} {
		_, stdout := program(t, "-urls https://127.0.0.1:0 -tls -h3 -api "+api)
		lines := bufio.NewScanner(stdout)
		if !lines.Scan() {
			t.Fatalf("it ended early: %v", lines.Err())
		}
		transport := &http3.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
		wantHelloBy(t, transport, strings.TrimPrefix(lines.Text(), "listening on "))
		transport.Close()
	}
}

func wantHello(t *testing.T, url string) {
	t.Helper()
	wantHelloBy(t, &http.Transport{DisableKeepAlives: true}, url)
}

func wantHelloBy(t *testing.T, by http.RoundTripper, url string) {
	t.Helper()
	client := http.Client{Timeout: 10 * time.Second, Transport: by}
	res, err := client.Get(url)
	if err != nil {
		t.Fatalf("GET %s: %v", url, err)
	}
	defer res.Body.Close()
	if body, err := io.ReadAll(res.Body); err != nil || string(body) != "Hello, World!" {
		t.Errorf("GET %s: %q, %v, want Hello, World!", url, body, err)
	}
}

func TestWrongCommandLinesAreRefused(t *testing.T) {
	for _, tt := range []struct {
		args   string
		status int
		text   string
	}{
		{"-api soap", 2, "must be one of http, native"},
		{"-exec sometimes", 2, "must be one of auto, inline, goroutine"},
		{"-transport pigeon", 2, "must be one of auto, eventloop, portable"},
		{"-headers-timeout 0s", 2, "must be more than 0"},
		{"-headers-timeout soon", 2, "parse error"},
		{"-debug 127.0.0.1:nonsense -urls http://127.0.0.1:0", 1, "cannot tell allocations"},
		{"-server iis", 2, "must be one of kestrel, nethttp"},
		{"http://127.0.0.1:0", 2, "unexpected argument"},
		{"-nonsense", 2, "not defined"},
		{"-h", 0, "listen"},
		{"-urls nonsense", 1, "nonsense"},
		{"-server nethttp -urls https://127.0.0.1:0", 1, "https needs -tls, or -cert and -key"},
		{"-urls https://127.0.0.1:0", 1, "https needs -tls, or -cert and -key"},
		{"-tls -cert a.pem -key b.pem", 2, "use one of them"},
		{"-cert a.pem", 2, "belong together"},
		{"-server nethttp -h3", 2, "-h3 is for kestrel"},
		{"-cert /nowhere.pem -key /nowhere.pem", 1, "/nowhere.pem"},
		{"-server nethttp -urls http://127.0.0.1:0;ftp://x", 1, "ftp"},
	} {
		var stdout, stderr bytes.Buffer
		if status := run(strings.Fields(tt.args), &stdout, &stderr); status != tt.status {
			t.Errorf("%q ends with status %d, want %d", tt.args, status, tt.status)
		}
		if !strings.Contains(stderr.String(), tt.text) || stdout.Len() > 0 {
			t.Errorf("%q says %q on stderr and %q on stdout, want %q on stderr alone", tt.args, stderr.String(), stdout.String(), tt.text)
		}
	}
}

func TestTheDefaultsAreKestrelAndHTTP(t *testing.T) {
	o, err := parse(nil, io.Discard)
	if err != nil || o.api != "http" || o.exec != "auto" || o.transport != "auto" || o.server != "kestrel" || o.headers != 30*time.Second || o.debug != "" || len(o.urls) != 1 || o.urls[0] != "http://localhost:5000" {
		t.Errorf("without arguments the options are %+v, %v", o, err)
	}
}

func TestTheFlagsReachTheServer(t *testing.T) {
	for _, tt := range []struct {
		args      string
		transport kestrel.Transport
		exec      kestrel.Exec
		headers   time.Duration
	}{
		{"", kestrel.TransportAuto, kestrel.ExecAuto, 30 * time.Second},
		{"-transport eventloop -exec inline", kestrel.TransportEventLoop, kestrel.ExecInline, 30 * time.Second},
		{"-transport portable -exec goroutine -headers-timeout 2s", kestrel.TransportPortable, kestrel.ExecGoroutine, 2 * time.Second},
		{"-server nethttp -headers-timeout 2s", kestrel.TransportAuto, kestrel.ExecAuto, 2 * time.Second},
	} {
		o, err := parse(strings.Fields(tt.args), t.Output())
		if err != nil {
			t.Fatalf("%s: %v", tt.args, err)
		}
		got, err := o.kestrel()
		if err != nil || got.Transport != tt.transport || got.Exec != tt.exec || got.Limits.RequestHeadersTimeout != tt.headers {
			t.Errorf("%s: kestrel gets %v, %v, %v, %v, want %v, %v, %v", tt.args, got.Transport, got.Exec, got.Limits.RequestHeadersTimeout, err, tt.transport, tt.exec, tt.headers)
		}
		b, err := o.backend()
		if err != nil {
			t.Fatalf("%s: %v", tt.args, err)
		}
		if n, ok := b.(*netHTTP); ok != (o.server == "nethttp") || ok && n.http.ReadHeaderTimeout != tt.headers {
			t.Errorf("%s: the server is %T with a time for heads other than %v", tt.args, b, tt.headers)
		}
	}
}

func TestTheProgramTellsItsAllocations(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	_, stdout := program(t, "-urls http://127.0.0.1:0 -transport portable -exec goroutine -debug "+addr)
	if lines := bufio.NewScanner(stdout); !lines.Scan() {
		t.Fatalf("the program ended early: %v", lines.Err())
	}
	if n, err := mallocs.Fetch(t.Context(), addr); err != nil || n == 0 {
		t.Errorf("it has allocated %d objects, %v, want some", n, err)
	}
}
