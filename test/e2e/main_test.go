package e2e

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/lannerhq/lanner"
	"github.com/lannerhq/lanner/internal/host/process"
	"github.com/lannerhq/lanner/server"
)

// TestMain is also every program that the tests host: the test binary started again with LANNER_E2E_PROGRAM set.
func TestMain(m *testing.M) {
	process.RunGuard()
	switch program := os.Getenv("LANNER_E2E_PROGRAM"); program {
	case "":
		os.Exit(m.Run())
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
		log.Fatalf("no program %q", program)
	}
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
		fmt.Fprintf(w, "name=%s pid=%d host=%s base=%s path=%s query=%s remote=%s\n", os.Getenv("NAME"), os.Getpid(), r.Host, base, r.URL.Path, r.URL.RawQuery, r.RemoteAddr)
	})
	mux.HandleFunc("/slow", func(w http.ResponseWriter, r *http.Request) {
		ms, _ := strconv.Atoi(r.FormValue("ms"))
		select {
		case <-time.After(time.Duration(ms) * time.Millisecond):
			io.WriteString(w, "slow\n")
		case <-r.Context().Done():
		}
	})
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		io.Copy(w, r.Body)
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
	mux.HandleFunc("/exit", func(http.ResponseWriter, *http.Request) { os.Exit(7) })
	mux.HandleFunc("/panic", func(http.ResponseWriter, *http.Request) { panic("as asked") })
	return mux
}
