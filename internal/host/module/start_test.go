//go:build unix

package module

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/lannerhq/lanner/internal/host/process"
)

func TestChildIsReadyWhenItListensOnItsPort(t *testing.T) { // an-019, an-054
	h := newHarness(t, "serve")
	c := h.start()
	if c.Listener() != c.Process.PID() {
		t.Errorf("listener is process %d, the program is %d", c.Listener(), c.Process.PID())
	}
	conn, err := net.Dial("tcp", c.Addr())
	if err != nil {
		t.Fatalf("connections are accepted at once: %v", err)
	}
	conn.Close()
	h.wantLogged("id=1001", "site=shop", "worker=3", "pid="+strconv.Itoa(c.Process.PID()), "port="+strconv.Itoa(c.Port))
}

func TestEveryAddressThatTakesLoopbackCounts(t *testing.T) {
	for _, at := range []string{"127.0.0.1", "0.0.0.0", "[::]"} {
		t.Run(at, func(t *testing.T) {
			h := newHarness(t, "serve", "-addr", at+":%ASPNETCORE_PORT%")
			h.start()
		})
	}
}

func TestListenerOfALauncherIsFound(t *testing.T) { // 2.2: dotnet run, batch files
	h := newHarness(t, "launch")
	c := h.start()
	if runtime.GOOS == "linux" && c.Listener() == c.Process.PID() {
		t.Error("the process that listens is the launcher's child")
	}
	if err := c.Stop(t.Context()); err != nil {
		t.Errorf("stop: %v", err)
	}
	h.wantPrinted("stopped by message")
}

func TestTreeThatListensNoMoreIsEnded(t *testing.T) { // 2.6: exit of the listening grandchild
	if runtime.GOOS != "linux" {
		t.Skip("the listening process is known on Linux only")
	}
	t.Run("launcher that stays", func(t *testing.T) {
		h := newHarness(t, "launch")
		h.opts.relisten = 50 * time.Millisecond
		c := h.start()
		syscall.Kill(c.Listener(), syscall.SIGKILL)
		h.wantDone(c, "nothing listens any more")
		h.wantLogged("level=WARN", "listening process ended", "id=1030")
	})
	t.Run("launcher that restarts it", func(t *testing.T) {
		h := newHarness(t, "restart")
		c := h.start()
		first := c.Listener()
		syscall.Kill(first, syscall.SIGKILL)
		for deadline := time.Now().Add(patience); c.Listener() == first; time.Sleep(2 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("the new listener was not found")
			}
		}
		select {
		case <-c.Done():
			t.Error("the child lives on with its new listener")
		default:
		}
	})
}

func TestConcurrentStartsGetDifferentPorts(t *testing.T) { // an-053
	h := newHarness(t, "serve")
	var mu sync.Mutex
	var ports []int
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			c, err := Start(t.Context(), h.opts)
			if err != nil {
				t.Errorf("start: %v", err)
				return
			}
			mu.Lock()
			ports = append(ports, c.Port)
			mu.Unlock()
			c.Stop(t.Context())
		})
	}
	all.Wait()
	slices.Sort(ports)
	if n := len(slices.Compact(ports)); n != 4 {
		t.Errorf("%d different ports, want 4", n)
	}
}

func TestPortOfTheEnvironmentIsUsed(t *testing.T) { // an-048, an-049, an-050, an-051
	free, err := NewPorts().Pick()
	if err != nil {
		t.Fatal(err)
	}
	t.Run("valid", func(t *testing.T) {
		h := newHarness(t, "serve")
		h.opts.Vars = append(h.opts.Vars, Variable{portVariable, strconv.Itoa(free)})
		if c := h.start(); c.Port != free {
			t.Errorf("port %d, want exactly %d", c.Port, free)
		}
	})
	t.Run("empty", func(t *testing.T) {
		h := newHarness(t, "serve")
		h.opts.Vars = append(h.opts.Vars, Variable{portVariable, ""})
		if c := h.start(); c.Port < minRandomPort || c.Port > maxPort {
			t.Errorf("port %d is outside of the random range", c.Port)
		}
	})
	for _, bad := range []string{"1024", "48001", "http", "-1"} {
		t.Run("invalid "+bad, func(t *testing.T) {
			h := newHarness(t, "serve")
			h.opts.Vars = append(h.opts.Vars, Variable{portVariable, bad})
			e := h.startFails()
			if e.Reason != ReasonConfig || e.Attempts != 1 || !strings.Contains(e.Error(), `"`+bad+`"`) {
				t.Errorf("a configuration error without retry that names the value: %+v, %v", e, e)
			}
		})
	}
}

func TestEarlyExitCarriesStatusAndOutput(t *testing.T) { // an-111, an-112
	h := newHarness(t, "serve", "-say", "Wow!", "-exit", "3")
	e := h.startFails()
	if e.Reason != ReasonExited || e.Exit.Code != 3 || e.Attempts != 2 {
		t.Errorf("ended with code 3, two attempts were made: %+v", e)
	}
	if e.Output != "Wow!\n" {
		t.Errorf("output %q", e.Output)
	}
	if got := e.Error(); !strings.Contains(got, "exit code 3") || !strings.Contains(got, "Wow!") || !strings.Contains(got, strconv.Itoa(e.Port)) {
		t.Errorf("error %q", got)
	}
	h.wantLogged("trying again", "id=1020", "Wow!")
	var b strings.Builder
	slog.New(slog.NewTextHandler(&b, nil)).Error("start", "failure", e)
	if !strings.Contains(b.String(), "failure.id=1020") || !strings.Contains(b.String(), "failure.output=") {
		t.Errorf("the error logs itself as event 1020: %s", b.String())
	}

	h = newHarness(t, "serve", "-say", "Wow!", "-exit", "3") // an-113
	h.opts.HideOutput = true
	if e := h.startFails(); e.Output != "" || strings.Contains(e.Error()+h.logs.String(), "Wow!") {
		t.Errorf("the output is hidden: %v", e)
	}

	h = newHarness(t, "serve", "-say", strings.Repeat("x", 100_000), "-exit", "1")
	if n := len(h.startFails().Output); n < 20_000 || n > 31_000 {
		t.Errorf("%d bytes of output are kept, want about 30 KB", n)
	}
}

func TestLostPortIsReplacedByAnother(t *testing.T) { // A19
	h := newHarness(t, "serve", "-once", filepath.Join(t.TempDir(), "failed"))
	c := h.start()
	h.wantLogged("trying again", "address already in use")
	h.wantLogged("id=1001", "attempt=2")
	if strings.Contains(h.logs.String(), c.Token.Reveal()) {
		t.Error("the token is in the log")
	}
	if !strings.Contains(h.logs.String(), tokenRedacted) {
		t.Error("the first child has printed its token, which the log makes unreadable")
	}
	h.opts.Ports.mu.Lock()
	defer h.opts.Ports.mu.Unlock()
	if len(h.opts.Ports.held) != 1 || len(h.opts.Ports.rests) != 1 {
		t.Errorf("the second port is held, the first rests: %v, %v", h.opts.Ports.held, h.opts.Ports.rests)
	}
}

func TestForeignOwnerOfThePortIsRefused(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("owners are known on Linux only")
	}
	l, err := net.Listen("tcp4", "127.0.0.1:0") // this test is the foreign process
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).Port

	h := newHarness(t, "env") // listens nowhere
	spec := process.Spec{Command: h.opts.Command, Env: append(os.Environ(), programVariable+"=env")}
	p, err := h.opts.Supervisor.Start(spec)
	if err != nil {
		t.Fatal(err)
	}
	_, err = WaitReady(t.Context(), p, port)
	e, ok := errors.AsType[*StartError](err)
	if !ok || e.Reason != ReasonForeign || e.Owner != os.Getpid() {
		t.Fatalf("somebody else's listener must not be taken for the child: %v", err)
	}
	if !strings.Contains(e.Error(), fmt.Sprintf("process %d", os.Getpid())) {
		t.Errorf("the error names the owner: %v", e)
	}
	p.Kill()

	// A port that is taken after it was picked costs an attempt, not the start.
	h = newHarness(t, "serve")
	ports := h.opts.Ports
	picks := 0
	ports.bind = func(int) error { picks++; return nil }
	ports.candidates = func() []portRange {
		if picks == 0 {
			return []portRange{{port, port}}
		}
		return candidatePorts()
	}
	if c := h.start(); c.Port == port {
		t.Error("the second attempt has another port")
	}
}

func TestTimeLimitTellsWhereTheChildListens(t *testing.T) {
	cases := []struct{ why, at, want string }{
		{"another port", "127.0.0.1:0", "take the port from the environment variable PORT"},
		{"IPv6 loopback only", "[::1]:%ASPNETCORE_PORT%", "the host connects to 127.0.0.1"},
	}
	for _, c := range cases {
		t.Run(c.why, func(t *testing.T) {
			h := newHarness(t, "serve", "-addr", c.at)
			e := h.notReady()
			if e.Reason != ReasonTimeout {
				t.Errorf("reason %s: the time was over", e.Reason)
			}
			if runtime.GOOS == "linux" && (len(e.Listening) != 1 || !strings.Contains(e.Error(), e.Listening[0].String()) || !strings.Contains(e.Error(), c.want)) {
				t.Errorf("error %q names %v and says %q", e, e.Listening, c.want)
			}
		})
	}
	t.Run("nothing", func(t *testing.T) {
		h := newHarness(t, "env")
		h.opts.StartLimit = 50 * time.Millisecond
		e := h.startFails()
		if e.Reason != ReasonTimeout || e.Attempts != 1 || !strings.Contains(e.Error(), "listens nowhere") {
			t.Errorf("a program that hangs gets no second attempt: %+v, %v", e, e)
		}
	})
}

func TestCallerMayGiveUp(t *testing.T) {
	h := newHarness(t, "env")
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("the site was removed")
	go func() {
		h.wantPrinted("arguments")
		cancel(why)
	}()
	_, err := Start(ctx, h.opts)
	e, ok := errors.AsType[*StartError](err)
	if !ok || e.Reason != ReasonCanceled || !errors.Is(err, why) {
		t.Errorf("error %v: canceled, with the cause", err)
	}
}

func TestProgramThatIsNotThereIsNotTriedTwice(t *testing.T) { // an-057
	h := newHarness(t, "serve")
	h.opts.Command = []string{"/no/such/program"}
	if e := h.startFails(); e.Reason != ReasonExec || e.Attempts != 1 || !strings.Contains(e.Error(), "/no/such/program") {
		t.Errorf("error %+v, %v", e, e)
	}
}

func TestHealthCheckComesAfterTheListener(t *testing.T) {
	h := newHarness(t, "serve", "-sick", "3")
	h.opts.HealthPath, h.opts.HostName = "/health?full=1", "shop.example"
	h.start()
	h.wantPrinted("request GET /health shop.example")

	h = newHarness(t, "serve", "-sick", "1000000")
	c := h.start()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	err := Probe(ctx, c.Process, c.Port, "/health", "", c.Token, HTTP1)
	e, ok := errors.AsType[*StartError](err)
	if !ok || e.Reason != ReasonProbe || !strings.Contains(e.Error(), "GET /health: it answered 503") {
		t.Errorf("error %v: it says what the answer was", err)
	}
	c.Kill()
	err = Probe(t.Context(), c.Process, c.Port, "/health", "", c.Token, HTTP1)
	if e, ok = errors.AsType[*StartError](err); !ok || e.Reason != ReasonExited {
		t.Errorf("error %v: the program has ended", err)
	}
}

func TestChildGetsItsEnvironmentAndArguments(t *testing.T) {
	h := newHarness(t, "env", "--port=%HTTP_PLATFORM_PORT%", "%OTHER%")
	h.opts.Base = []string{"INHERITED=yes"}
	h.opts.Dir = t.TempDir()
	h.opts.Vars = append(h.opts.Vars, Variable{"LISTEN", "tcp:%aspnetcore_port%"}, Variable{"PORT", "3000"})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		h.wantPrinted("arguments")
		cancel()
	}()
	e := failedStart(t, ctx, h)
	port := strconv.Itoa(e.Port)
	for _, want := range []string{
		"INHERITED=yes", "LISTEN=tcp:" + port, "PORT=" + port, "ASPNETCORE_PORT=" + port, "PWD=" + h.opts.Dir,
		"ASPNETCORE_TOKEN=" + tokenRedacted, "arguments [--port=" + port + " %OTHER%]",
	} {
		if !strings.Contains(e.Output, want+"\n") {
			t.Errorf("the child does not see %q:\n%s", want, e.Output)
		}
	}
	h.wantLogged("overwritten", "id=1004", "PORT")
}

func failedStart(t *testing.T, ctx context.Context, h *harness) *StartError {
	t.Helper()
	c, err := Start(ctx, h.opts)
	if err == nil {
		c.Kill()
		t.Fatal("the start must fail")
	}
	e, _ := errors.AsType[*StartError](err)
	return e
}

func TestPythonProgramThatReadsPORTRunsUnchanged(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("there is no python3")
	}
	h := newHarness(t, "")
	h.opts.Base = os.Environ()
	h.opts.Command = []string{python, "-m", "http.server", "--bind", "127.0.0.1", "%HTTP_PLATFORM_PORT%"}
	h.opts.Dir = t.TempDir()
	c := h.start()
	if err := c.Stop(t.Context()); err != nil {
		t.Errorf("it does not know the shutdown message (501) and ends by the signal: %v", err)
	}
	h.wantLogged("id=1006", "status=501")
}
