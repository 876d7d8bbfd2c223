//go:build unix

package module

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/lannerhq/lanner/internal/host/process"
)

const programVariable = "MODULE_TEST_PROGRAM"

// runProgram is what the test binary does when a test has started it.
func runProgram(name string, args []string) {
	switch name {
	case "serve":
		serveProgram(args)
	case "launch": // a launcher: it starts the server as its child and waits
		cmd := exec.Command(os.Args[0], args...)
		cmd.Env = append(os.Environ(), programVariable+"=serve")
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		if err := cmd.Run(); err != nil {
			fmt.Println("the server ended:", err)
		}
		select {} // and stays, as a launcher that watches files does
	case "restart": // a launcher that starts the server anew when it has ended
		for {
			cmd := exec.Command(os.Args[0], args...)
			cmd.Env = append(os.Environ(), programVariable+"=serve")
			cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
			cmd.Run()
		}
	case "env":
		fmt.Println(strings.Join(os.Environ(), "\n"))
		fmt.Println("arguments", args)
		select {}
	default:
		panic("unknown program " + name)
	}
}

// serveProgram is an application that speaks the module's protocol, and can be
// told to do it badly.
func serveProgram(args []string) {
	fs := flag.NewFlagSet("serve", flag.ExitOnError)
	at := fs.String("addr", "127.0.0.1:"+os.Getenv("PORT"), "")
	say := fs.String("say", "", "")
	exit := fs.Int("exit", -1, "")
	once := fs.String("once", "", "fail when this file is not there, and make it")
	message := fs.Int("message", http.StatusAccepted, "")
	stay := fs.Bool("stay", false, "accept the shutdown message and do nothing")
	sick := fs.Int("sick", 0, "")
	network := fs.String("network", "tcp", "")
	fs.Parse(args)

	term := make(chan os.Signal, 1)
	signal.Notify(term, syscall.SIGTERM)
	if *say != "" {
		fmt.Println(*say)
	}
	if *exit >= 0 {
		os.Exit(*exit)
	}
	if *once != "" {
		if _, err := os.Stat(*once); err != nil {
			os.WriteFile(*once, nil, 0o600)
			fmt.Fprintln(os.Stderr, "listen: address already in use, token", os.Getenv("ASPNETCORE_TOKEN"))
			os.Exit(1)
		}
	}
	l, err := net.Listen(*network, *at)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	stop := make(chan struct{}, 1)
	var mu sync.Mutex
	asked := 0
	handler := func(w http.ResponseWriter, r *http.Request) {
		tokens := r.Header["Ms-Aspnetcore-Token"]
		fmt.Println("request", r.Method, r.URL.Path, r.Host, r.Header.Get("MS-ASPNETCORE-EVENT"), r.ContentLength)
		if len(tokens) != 1 || tokens[0] != os.Getenv("ASPNETCORE_TOKEN") {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		if r.Header.Get("MS-ASPNETCORE-EVENT") == "shutdown" {
			if *message == 0 {
				select {} // a program that hangs
			}
			w.WriteHeader(*message)
			if *message == http.StatusAccepted && !*stay {
				stop <- struct{}{}
			}
			return
		}
		mu.Lock()
		asked++
		healthy := asked > *sick
		mu.Unlock()
		if !healthy {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}
	server := &http.Server{Handler: http.HandlerFunc(handler)}
	go server.Serve(l)
	fmt.Println("pid", os.Getpid())
	select {
	case <-stop:
		server.Shutdown(context.Background()) // the answer leaves first
		fmt.Println("stopped by message")
	case <-term:
		fmt.Println("stopped by signal")
	}
}

// harness is a host with one application.
type harness struct {
	*testing.T
	opts Options
	logs *syncBuffer
	out  *process.Output
}

// syncBuffer collects log records of several goroutines.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func newHarness(t *testing.T, program string, args ...string) *harness {
	t.Helper()
	logs := &syncBuffer{}
	sup, err := process.New(process.Options{NoCgroups: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := sup.Close(); err != nil {
			t.Errorf("closing the supervisor: %v", err)
		}
	})
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	out := process.NewOutput(process.OutputOptions{})
	return &harness{T: t, logs: logs, out: out, opts: Options{
		Supervisor: sup, Ports: NewPorts(),
		Log:  slog.New(slog.NewTextHandler(logs, nil)),
		Site: "shop", Worker: "3", ApplPath: "/",
		Command: append([]string{exe}, args...),
		Vars: []Variable{
			{programVariable, program},
			{"GORACE", "atexit_sleep_ms=0"}, // the race detector otherwise waits a second before an exit
		},
		StartLimit: patience, StopLimit: patience, Output: out,
	}}
}

// patience bounds every wait for a real process.
const patience = 20 * time.Second

func (h *harness) start() *Child {
	h.Helper()
	c, err := Start(h.Context(), h.opts)
	if err != nil {
		h.Fatalf("the child must start: %v\nlog:\n%s", err, h.logs)
	}
	h.Cleanup(func() { c.Kill() })
	return c
}

func (h *harness) startFails() *StartError {
	h.Helper()
	c, err := Start(h.Context(), h.opts)
	if err == nil {
		c.Kill()
		h.Fatal("the start must fail")
	}
	failed, ok := err.(*StartError)
	if !ok {
		h.Fatalf("the error is a *StartError, not %T", err)
	}
	if n := len(h.opts.Supervisor.Processes()); n != 0 {
		h.Errorf("a failed start leaves no process, there are %d", n)
	}
	return failed
}

// notReady starts the program, lets it listen wherever it does, and returns why
// WaitReady does not take it.
func (h *harness) notReady() *StartError {
	h.Helper()
	port, err := h.opts.Ports.Pick()
	if err != nil {
		h.Fatal(err)
	}
	spec, err := h.opts.spec(&Child{Port: port, Token: NewToken()})
	if err != nil {
		h.Fatal(err)
	}
	p, err := h.opts.Supervisor.Start(spec)
	if err != nil {
		h.Fatal(err)
	}
	defer p.Kill()
	h.wantPrinted("pid ")
	ctx, cancel := context.WithTimeout(h.Context(), 20*time.Millisecond)
	defer cancel()
	_, err = WaitReady(ctx, p, port)
	e, ok := errors.AsType[*StartError](err)
	if !ok {
		h.Fatalf("the error is a *StartError: %v", err)
	}
	return e
}

func (h *harness) wantPrinted(text string) {
	h.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(2 * time.Millisecond) {
		var got strings.Builder
		for _, l := range h.out.Tail() {
			got.WriteString(l.Text + "\n")
		}
		if strings.Contains(got.String(), text) {
			return
		}
		if time.Now().After(deadline) {
			h.Fatalf("the child has not printed %q but %q", text, got.String())
		}
	}
}

func (h *harness) wantLogged(parts ...string) {
	h.Helper()
	for line := range strings.Lines(h.logs.String()) {
		all := true
		for _, p := range parts {
			all = all && strings.Contains(line, p)
		}
		if all {
			return
		}
	}
	h.Errorf("no log record has %q:\n%s", parts, h.logs)
}

func (h *harness) wantDone(c *Child, why string) {
	h.Helper()
	select {
	case <-c.Done():
	case <-time.After(patience):
		h.Fatalf("%s: the child has not ended", why)
	}
}
