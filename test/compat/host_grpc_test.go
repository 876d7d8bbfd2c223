package compat

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	pb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// lannerProgram builds cmd/lanner, once for all tests.
var lannerProgram = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "lanner")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "lanner")
	build := exec.Command("go", "build", "-o", path, "./cmd/lanner")
	build.Dir = filepath.Join("..", "..")
	out, err := build.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go build ./cmd/lanner: %w\n%s", err, out)
	}
	return path, nil
})

// grpcHost is "lanner host" with one application, this test binary, and a client of its service.
type grpcHost struct {
	pb.TestServiceClient
	t       *testing.T
	program string
	file    string
}

// hostingModels are the ways by which gRPC reaches an application.
var hostingModels = []struct{ name, keys string }{
	{"in-process", "hosting: inprocess"},
	{"out-of-process", "hosting: outofprocess\n        protocol: h2c"},
}

// hosted runs a test for an application under the host in each way.
func hosted(t *testing.T, test func(t *testing.T, h *grpcHost)) {
	t.Helper()
	for _, model := range hostingModels {
		t.Run(model.name, func(t *testing.T) { test(t, startGRPCHost(t, model.keys)) })
	}
}

func startGRPCHost(t *testing.T, keys string) *grpcHost {
	t.Helper()
	program, err := lannerProgram()
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	dir := t.TempDir()
	h := &grpcHost{t: t, program: program, file: filepath.Join(dir, "lanner.yaml")}
	text := fmt.Sprintf(`sites:
  rpc:
    bindings: ["http://%s"]
    applications:
      - path: /
        %s
        command: [%q]
        environment: {%s: grpc}
control: {socket: %q}
logs: %q
`, addr, keys, self, programVariable, filepath.Join(dir, "s"), filepath.Join(dir, "logs"))
	if err := os.WriteFile(h.file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	cmd := exec.Command(program, "host", "--config", h.file)
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.WaitForReady(true), grpc.MaxCallRecvMsgSize(16<<20)))
	if err != nil {
		t.Fatal(err)
	}
	h.TestServiceClient = pb.NewTestServiceClient(conn)
	t.Cleanup(func() {
		conn.Close()
		cmd.Process.Signal(os.Interrupt)
		stuck := time.AfterFunc(patience, func() { cmd.Process.Kill() })
		defer stuck.Stop()
		if err := cmd.Wait(); err != nil {
			t.Errorf("the host ended with %v", err)
		}
		if t.Failed() {
			t.Logf("log of the host:\n%s", log.String())
			if said, _ := filepath.Glob(filepath.Join(dir, "logs", "*")); len(said) > 0 {
				out, _ := os.ReadFile(said[0])
				t.Logf("the application said:\n%s", out)
			}
		}
	})
	return h
}

// lanner runs a command against the host.
func (h *grpcHost) lanner(args ...string) {
	h.t.Helper()
	if out, err := exec.Command(h.program, append(args, "--config", h.file)...).CombinedOutput(); err != nil {
		h.t.Fatalf("lanner %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

func wantStatus(t *testing.T, why string, err error, code codes.Code, message string) {
	t.Helper()
	if s := status.Convert(err); s.Code() != code || message != "" && s.Message() != message {
		t.Errorf("%s: %v %q, want %v %q", why, s.Code(), s.Message(), code, message)
	}
}

func TestUnaryCallsReachAHostedApplication(t *testing.T) {
	hosted(t, func(t *testing.T, h *grpcHost) {
		for _, size := range []int{0, 1, 100, 1 << 20, 4 << 20} {
			ctx := metadata.AppendToOutgoingContext(within(t), "x-echo", "one", "x-echo", "two", "x-echo-bin", "\x00\xff")
			var header, trailer metadata.MD
			res, err := h.UnaryCall(ctx, &pb.SimpleRequest{ResponseSize: int32(size), Payload: &pb.Payload{Body: pattern(size)}}, grpc.Header(&header), grpc.Trailer(&trailer))
			if err != nil {
				t.Fatalf("%d bytes: %v", size, err)
			}
			if !bytes.Equal(res.GetPayload().GetBody(), pattern(size)) {
				t.Errorf("%d bytes changed on their way", size)
			}
			if got := fmt.Sprint(header.Get("x-header"), trailer.Get("x-trailer-bin")); got != fmt.Sprint([]string{"one+two"}, []string{"\x00\xff"}) {
				t.Errorf("metadata came back as %q", got)
			}
		}
		for _, code := range []codes.Code{codes.InvalidArgument, codes.NotFound, codes.Internal, codes.Unavailable} {
			_, err := h.UnaryCall(within(t), &pb.SimpleRequest{ResponseStatus: &pb.EchoStatus{Code: int32(code), Message: "for a reason: ü%"}})
			wantStatus(t, "a status of the application's", err, code, "for a reason: ü%")
		}
		_, err := h.UnimplementedCall(within(t), &pb.Empty{})
		wantStatus(t, "a method that is not there", err, codes.Unimplemented, "")
	})
}

func TestStreamsReachAHostedApplication(t *testing.T) {
	hosted(t, func(t *testing.T, h *grpcHost) {
		sizes := []int{31415, 9, 2653, 500_000, 0}
		var want []*pb.ResponseParameters
		for _, n := range sizes {
			want = append(want, &pb.ResponseParameters{Size: int32(n)})
		}
		down, err := h.StreamingOutputCall(within(t), &pb.StreamingOutputCallRequest{ResponseParameters: want})
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range sizes {
			if m, err := down.Recv(); err != nil || !bytes.Equal(m.GetPayload().GetBody(), pattern(n)) {
				t.Fatalf("server streaming: %d bytes, %v, want %d", len(m.GetPayload().GetBody()), err, n)
			}
		}
		if _, err := down.Recv(); err != io.EOF {
			t.Errorf("server streaming ends with %v, want the end", err)
		}

		up, err := h.StreamingInputCall(within(t))
		if err != nil {
			t.Fatal(err)
		}
		sum := 0
		for _, n := range sizes {
			sum += n
			if err := up.Send(&pb.StreamingInputCallRequest{Payload: &pb.Payload{Body: pattern(n)}}); err != nil {
				t.Fatal(err)
			}
		}
		if res, err := up.CloseAndRecv(); err != nil || res.GetAggregatedPayloadSize() != int32(sum) {
			t.Errorf("client streaming: %d, %v, want %d", res.GetAggregatedPayloadSize(), err, sum)
		}

		both, err := h.FullDuplexCall(within(t))
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range sizes { // each answer is awaited before the next message is sent
			if err := both.Send(&pb.StreamingOutputCallRequest{ResponseParameters: []*pb.ResponseParameters{{Size: int32(n)}}}); err != nil {
				t.Fatal(err)
			}
			if m, err := both.Recv(); err != nil || len(m.GetPayload().GetBody()) != n {
				t.Fatalf("both ways: %d bytes, %v, want %d", len(m.GetPayload().GetBody()), err, n)
			}
		}
		if err := both.CloseSend(); err != nil {
			t.Fatal(err)
		}
		if _, err := both.Recv(); err != io.EOF {
			t.Errorf("both ways: ends with %v, want the end", err)
		}
	})
}

func TestAHostedStreamEndsAsItsServerOrClientWants(t *testing.T) {
	hosted(t, func(t *testing.T, h *grpcHost) {
		s, err := h.FullDuplexCall(within(t))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Send(&pb.StreamingOutputCallRequest{ResponseStatus: &pb.EchoStatus{Code: int32(codes.Aborted), Message: "enough"}}); err != nil {
			t.Fatal(err)
		}
		_, err = s.Recv()
		wantStatus(t, "the server ends while the client could send more", err, codes.Aborted, "enough")

		short, cancel := context.WithTimeout(within(t), 100*time.Millisecond)
		defer cancel()
		_, err = h.EmptyCall(short, &pb.Empty{})
		wantStatus(t, "a deadline", err, codes.DeadlineExceeded, "")

		leaving, leave := context.WithCancel(within(t))
		s, err = h.FullDuplexCall(leaving)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Send(&pb.StreamingOutputCallRequest{ResponseParameters: []*pb.ResponseParameters{{Size: 1}}}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Recv(); err != nil {
			t.Fatal(err)
		}
		leave()
		_, err = s.Recv()
		wantStatus(t, "the client leaves", err, codes.Canceled, "")

		if _, err := h.UnaryCall(within(t), &pb.SimpleRequest{ResponseSize: 1}); err != nil {
			t.Errorf("the connection does not go on: %v", err)
		}
	})
}

func TestCallsOutliveARecycle(t *testing.T) {
	hosted(t, func(t *testing.T, h *grpcHost) {
		pids := make(map[string]bool)
		var mu sync.Mutex
		var done atomic.Int64
		stop := make(chan struct{})
		var load sync.WaitGroup
		for range 8 {
			load.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					var header metadata.MD
					ctx, cancel := context.WithTimeout(context.Background(), patience)
					_, err := h.UnaryCall(ctx, &pb.SimpleRequest{ResponseSize: 1000}, grpc.Header(&header))
					cancel()
					if err != nil {
						t.Errorf("a call was lost: %v", err)
						return
					}
					mu.Lock()
					pids[strings.Join(header.Get("x-pid"), "")] = true
					mu.Unlock()
					done.Add(1)
				}
			})
		}
		more := func(n int64) {
			t.Helper()
			for want, deadline := done.Load()+n, time.Now().Add(patience); done.Load() < want && !t.Failed(); time.Sleep(5 * time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatal("the calls do not go on")
				}
			}
		}
		more(50)
		for range 3 {
			h.lanner("recycle", "rpc")
			more(50)
		}
		close(stop)
		load.Wait()
		if len(pids) != 4 {
			t.Errorf("calls were answered by %d processes, want 4: one, and three successors", len(pids))
		}
	})
}
