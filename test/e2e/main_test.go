package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/lannerhq/lanner"
	"github.com/lannerhq/lanner/internal/host/process"
	"github.com/lannerhq/lanner/server"
)

// TestMain is also every program that the tests host: the test binary started again with LANNER_E2E_PROGRAM set.
func TestMain(m *testing.M) {
	process.RunGuard()
	switch program := os.Getenv("LANNER_E2E_PROGRAM"); program {
	case "":
		os.Exit(afterwards(runAndLookAround(m)))
	case "app":
		if err := lanner.Run(application()); err != nil {
			log.Fatal(err)
		}
	case "broken":
		fmt.Fprintln(os.Stderr, "I cannot start: the database is gone")
		os.Exit(3)
	case "silent":
		select {}
	default:
		run, ok := programs[program]
		if !ok {
			log.Fatalf("no program %q", program)
		}
		if err := run(); err != nil {
			log.Fatal(err)
		}
	}
}

// runAndLookAround runs the tests and then looks for what they left behind: goroutines, processes, descriptors.
func runAndLookAround(m *testing.M) int {
	descriptors := openDescriptors()
	code := m.Run()
	if code != 0 {
		return code
	}
	http.DefaultClient.CloseIdleConnections()
	if err := goleak.Find(); err != nil {
		fmt.Fprintf(os.Stderr, "goroutines were left behind: %v\n", err)
		return 1
	}
	if children := childProcesses(); len(children) > 0 {
		fmt.Fprintf(os.Stderr, "processes were left behind: %v\n", children)
		return 1
	}
	if now := settledDescriptors(len(descriptors) + 4); len(now) > len(descriptors)+4 { // the runtime's own: poller, event, random source
		fmt.Fprintf(os.Stderr, "descriptors were left open: %d before the tests, %d after: %v\n", len(descriptors), len(now), now)
		return 1
	}
	return 0
}

// settledDescriptors lists the open descriptors, once there are no more than enough or collecting garbage closes none: package
// net has a pool of pipes for splice(2), which the collector empties.
func settledDescriptors(enough int) (open []string) {
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if open = openDescriptors(); len(open) <= enough || time.Now().After(deadline) {
			return open
		}
		runtime.GC()
	}
}

func openDescriptors() (open []string) {
	entries, _ := os.ReadDir("/proc/self/fd")
	for _, e := range entries {
		if to, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil {
			open = append(open, to)
		}
	}
	return open
}

func childProcesses() (children []string) {
	tasks, _ := os.ReadDir("/proc/self/task")
	for _, t := range tasks {
		list, _ := os.ReadFile("/proc/self/task/" + t.Name() + "/children")
		for _, pid := range strings.Fields(string(list)) {
			line, _ := os.ReadFile("/proc/" + pid + "/cmdline")
			children = append(children, pid+" "+strings.ReplaceAll(string(line), "\x00", " "))
		}
	}
	return children
}

// application is what the hosted programs serve.
func application() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		base := ""
		if req, ok := server.From[server.RequestFeature](r.Context()); ok {
			base = req.PathBase()
		}
		w.Header().Set("X-Pid", strconv.Itoa(os.Getpid()))
		fmt.Fprintf(w, "name=%s pid=%d host=%s base=%s path=%s query=%s remote=%s proto=%s\n", os.Getenv("NAME"), os.Getpid(), r.Host, base, r.URL.Path, r.URL.RawQuery, r.RemoteAddr, r.Proto)
	})
	mux.HandleFunc("/slow", func(w http.ResponseWriter, r *http.Request) {
		ms, _ := strconv.Atoi(r.FormValue("ms"))
		select {
		case <-time.After(time.Duration(ms) * time.Millisecond):
			io.WriteString(w, "slow\n")
		case <-r.Context().Done():
		}
	})
	mux.HandleFunc("/echo", echo)
	mux.HandleFunc("/keep", func(_ http.ResponseWriter, r *http.Request) {
		if err := keep(r.FormValue("hex")); err != nil {
			panic(err)
		}
	})
	mux.HandleFunc("/discard", func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		fmt.Fprintln(w, n, err)
	})
	mux.HandleFunc("/bytes", func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.ParseInt(r.FormValue("n"), 10, 64)
		w.Header().Set("Content-Length", strconv.FormatInt(n, 10))
		w.Header().Set("Content-Type", "application/octet-stream")
		buf := make([]byte, 32<<10)
		for n > 0 {
			k := min(n, int64(len(buf)))
			if _, err := w.Write(buf[:k]); err != nil {
				return
			}
			n -= k
		}
	})
	mux.HandleFunc("/health", func(w http.ResponseWriter, r *http.Request) {
		if sick, _ := os.ReadFile("sick"); string(sick) == strconv.Itoa(os.Getpid()) {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	mux.HandleFunc("/trailers", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "Grpc-Status")
		w.Header().Set("X-Proto", r.Proto)
		io.Copy(w, r.Body)
		w.Header().Set("Grpc-Status", "0")
	})
	mux.HandleFunc("/connection", describeConnection)
	mux.HandleFunc("/exit", func(http.ResponseWriter, *http.Request) { os.Exit(7) })
	mux.HandleFunc("/panic", func(http.ResponseWriter, *http.Request) { panic("as asked") })
	return mux
}

// echo sends back what comes, as it comes.
func echo(w http.ResponseWriter, r *http.Request) {
	rc := http.NewResponseController(w)
	rc.EnableFullDuplex()
	buf := make([]byte, 32<<10)
	for {
		n, err := r.Body.Read(buf)
		if n > 0 {
			if _, err := w.Write(buf[:n]); err != nil {
				return
			}
			rc.Flush()
		}
		if err != nil {
			return
		}
	}
}

// describeConnection tells what the application sees of its client.
func describeConnection(w http.ResponseWriter, r *http.Request) {
	c := seenClient{
		Remote: r.RemoteAddr, Proto: r.Proto, TLS: r.TLS != nil, Scheme: "http",
		ClientCert: r.Header.Get("Client-Cert"), LegacyCert: r.Header.Get("MS-ASPNETCORE-CLIENTCERT"),
	}
	if req, ok := server.From[server.RequestFeature](r.Context()); ok {
		c.Scheme = req.Scheme()
	}
	if conn, ok := server.From[server.TLSConnectionFeature](r.Context()); ok && conn.ClientCertificate() != nil {
		c.Subject = conn.ClientCertificate().DNSNames[0]
	}
	if r.TLS != nil {
		c.ServerName = r.TLS.ServerName
	}
	json.NewEncoder(w).Encode(c)
}
