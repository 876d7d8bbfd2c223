package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"flag"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/lannerhq/lanner/test/bench/load"
	"github.com/lannerhq/lanner/test/selfsigned"
	"github.com/lannerhq/lanner/test/target/mallocs"
	"go.uber.org/goleak"
)

var update = flag.Bool("update", false, "write golden files anew")

// programVariable says which program the test binary is to be, programAddress where it listens.
const (
	programVariable = "LANNER_BENCH_PROGRAM"
	programAddress  = "LANNER_BENCH_ADDRESS"
)

// testLimit is how long the program "limiting" waits for a head.
const testLimit = 2 * time.Second

// TestMain is also the servers that the tests start.
func TestMain(m *testing.M) {
	switch os.Getenv(programVariable) {
	case "":
		goleak.VerifyTestMain(m)
	case "broken":
		os.Stderr.WriteString("the disk is on fire\n")
		os.Exit(3)
	case "stubborn":
		signal.Ignore(syscall.SIGTERM)
		serveProgram()
	case "parent": // leaves a process behind
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), programVariable+"=sleeper")
		if err := cmd.Start(); err != nil {
			os.Exit(4)
		}
		serveProgram()
	case "load":
		os.Exit(load.Main(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
	case "sleeper":
		time.Sleep(time.Minute)
	default:
		serveProgram()
	}
}

func serveProgram() {
	if len(os.Args) == 3 && os.Args[1] == "-debug" {
		if _, _, err := mallocs.Serve(os.Args[2]); err != nil {
			os.Exit(6)
		}
	}
	l, err := net.Listen("tcp", os.Getenv(programAddress))
	if err != nil {
		os.Exit(5)
	}
	server := http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			time.Sleep(20 * time.Millisecond)
			w.Write(getSlow20.want)
			return
		}
		w.Write(hello)
	})}
	server.Protocols = new(http.Protocols)
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetUnencryptedHTTP2(true)
	if os.Getenv(programVariable) == "limiting" {
		server.ReadHeaderTimeout = testLimit
	}
	if os.Getenv(programVariable) == "encrypted" {
		cert, err := selfsigned.New("localhost")
		if err != nil {
			os.Exit(7)
		}
		server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{cert}}
		server.ServeTLS(l, "", "")
		return
	}
	server.Serve(l)
}

// golden compares got with a file of testdata.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s differs (-want +got); if it is meant to, run go test ./test/bench -update and look at it:\n%s", name, diff)
	}
}

func TestWrongCommandLinesAreRefused(t *testing.T) {
	for _, tt := range []struct {
		args   string
		status int
		text   string
	}{
		{"-rows nonsense", exitUsage, `no row "nonsense"; there are plaintext, `},
		{"-rounds 0", exitUsage, "must be 1 to 100"},
		{"-seconds 601", exitUsage, "must be 1 to 600"},
		{"-quick -out x", exitUsage, "leave out -out"},
		{"plaintext", exitUsage, "all arguments are flags"},
		{"-nonsense", exitUsage, "not defined"},
		{"-h", 0, "hosting-shared"},
		{"load", exitUsage, "mix, slow or tls"},
		{"load mix -addr x", exitUsage, "mix needs -fast"},
	} {
		var stdout, stderr bytes.Buffer
		if status := run(t.Context(), strings.Fields(tt.args), &stdout, &stderr); status != tt.status {
			t.Errorf("%q ends with status %d, want %d", tt.args, status, tt.status)
		}
		if !strings.Contains(stderr.String(), tt.text) || stdout.Len() > 0 {
			t.Errorf("%q says %q, want %q on stderr alone", tt.args, stderr.String(), tt.text)
		}
	}
}

func TestOptionsSayWhatIsMeasured(t *testing.T) {
	for _, tt := range []struct {
		args, rows      string
		rounds, seconds int
		why             string
	}{
		{"-rows idle,json", "json idle", 5, 5, "rows keep the order of the table, defaults are those of the help"},
		{"-quick", strings.Join(quickRows, " "), 1, 1, "quick is one second of a few rows"},
		{"-quick -rows churn", "churn", 1, 1, "quick with rows is quick with those"},
		{"-rounds 3 -seconds 9 -rows file", "file", 3, 9, "numbers are taken"},
	} {
		o, err := parse(strings.Fields(tt.args), t.Output())
		if err != nil {
			t.Errorf("%s: %v", tt.args, err)
		}
		var names []string
		for _, r := range o.rows {
			names = append(names, r.name)
		}
		if got := strings.Join(names, " "); got != tt.rows || o.rounds != tt.rounds || o.seconds != tt.seconds {
			t.Errorf("%s: rows %s, %d rounds of %d s, want %s, %d of %d: %s", tt.args, got, o.rounds, o.seconds, tt.rows, tt.rounds, tt.seconds, tt.why)
		}
	}
	if o, err := parse(nil, t.Output()); err != nil || len(o.rows) != len(rows) {
		t.Errorf("without -rows %d rows are measured, %v, want all %d", len(o.rows), err, len(rows))
	}
}

func TestEveryRowHasASubjectFirstAndNamesThatTellApart(t *testing.T) {
	known := make(map[string]bool)
	for _, r := range rows {
		if known[r.name] {
			t.Errorf("two rows are called %s", r.name)
		}
		known[r.name] = true
		if r.servers[0].role != subject {
			t.Errorf("%s begins with %s, which is no subject: there is nothing to compare with", r.name, r.servers[0].name)
		}
		names := make(map[string]bool)
		for _, c := range r.servers {
			if names[c.name] {
				t.Errorf("%s has two servers called %s", r.name, c.name)
			}
			names[c.name] = true
		}
	}
	for _, name := range quickRows {
		if !known[name] {
			t.Errorf("-quick measures %s, which is no row", name)
		}
	}
}
