package compat

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/lannerhq/lanner/server"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/grpclog"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/interop"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// largeRPC is more than any window, and more than grpc takes unless it is told to.
const largeRPC = 5 << 20

func init() { grpclog.SetLoggerV2(loud{grpclog.NewLoggerV2(io.Discard, io.Discard, io.Discard)}) }

// loud is a logger of grpc whose fatal errors are panics: the functions of package interop tell failures by them.
type loud struct{ grpclog.LoggerV2 }

func (loud) Fatal(args ...any)                 { panic(fmt.Sprint(args...)) }
func (loud) Fatalln(args ...any)               { panic(fmt.Sprintln(args...)) }
func (loud) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

// blocking is the service of grpc's own interoperability tests, which blocks when a call says so.
type blocking struct {
	testgrpc.TestServiceServer
	began chan struct{}
	ended chan error
}

const blockField = "x-block"

func (b *blocking) block(ctx context.Context) error {
	if len(metadata.ValueFromIncomingContext(ctx, blockField)) == 0 {
		return nil
	}
	b.began <- struct{}{}
	<-ctx.Done()
	b.ended <- ctx.Err()
	return status.FromContextError(ctx.Err()).Err()
}

func (b *blocking) EmptyCall(ctx context.Context, in *testgrpc.Empty) (*testgrpc.Empty, error) {
	if err := b.block(ctx); err != nil {
		return nil, err
	}
	return b.TestServiceServer.EmptyCall(ctx, in)
}

func (b *blocking) FullDuplexCall(stream testgrpc.TestService_FullDuplexCallServer) error {
	if err := b.block(stream.Context()); err != nil {
		return err
	}
	return b.TestServiceServer.FullDuplexCall(stream)
}

// serveGRPC serves grpc's interoperability service as an http.Handler, and connects grpc's own client.
func serveGRPC(t *testing.T, serve func(http.Handler) *site) (*blocking, *site, *grpc.ClientConn) {
	t.Helper()
	b := &blocking{interop.NewTestServer(), make(chan struct{}, 10), make(chan error, 10)}
	rpc := grpc.NewServer(grpc.MaxRecvMsgSize(2 * largeRPC))
	testgrpc.RegisterTestServiceServer(rpc, b)
	healthpb.RegisterHealthServer(rpc, health.NewServer())
	t.Cleanup(rpc.Stop)
	s := serve(rpc)
	return b, s, s.dialGRPC(t)
}

func (s *site) dialGRPC(t *testing.T) *grpc.ClientConn {
	t.Helper()
	creds := insecure.NewCredentials()
	if s.TLS != nil {
		creds = credentials.NewTLS(s.TLS)
	}
	conn, err := grpc.NewClient("passthrough:"+s.Addr, grpc.WithTransportCredentials(creds), grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(2*largeRPC)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func patient(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// TestGRPCInteroperates runs the client's side of grpc's interoperability tests
// (https://github.com/grpc/grpc/blob/master/doc/interop-test-descriptions.md).
func TestGRPCInteroperates(t *testing.T) {
	onHTTP2(t, func(t *testing.T, serve func(http.Handler) *site) {
		_, _, conn := serveGRPC(t, serve)
		client := testgrpc.NewTestServiceClient(conn)
		for name, do := range map[string]func(context.Context, testgrpc.TestServiceClient, ...grpc.CallOption){
			"empty_unary": interop.DoEmptyUnaryCall, "large_unary": interop.DoLargeUnaryCall, "client_streaming": interop.DoClientStreaming,
			"server_streaming": interop.DoServerStreaming, "ping_pong": interop.DoPingPong, "empty_stream": interop.DoEmptyStream,
			"timeout_on_sleeping_server": interop.DoTimeoutOnSleepingServer, "cancel_after_begin": interop.DoCancelAfterBegin,
			"cancel_after_first_response": interop.DoCancelAfterFirstResponse, "custom_metadata": interop.DoCustomMetadata,
			"status_code_and_message": interop.DoStatusCodeAndMessage, "special_status_message": interop.DoSpecialStatusMessage,
		} {
			t.Run(name, func(t *testing.T) {
				wantNoPanic(t, func() { do(patient(t), client) })
				wantNoPanic(t, func() { do(patient(t), client, grpc.UseCompressor(gzip.Name)) })
			})
		}
		t.Run("unimplemented", func(t *testing.T) {
			wantNoPanic(t, func() { interop.DoUnimplementedMethod(patient(t), conn) })
			wantNoPanic(t, func() {
				interop.DoUnimplementedService(patient(t), testgrpc.NewUnimplementedServiceClient(conn))
			})
		})
	})
}

func wantNoPanic(t *testing.T, do func()) {
	t.Helper()
	defer func() {
		if v := recover(); v != nil {
			t.Error(v)
		}
	}()
	do()
}

func TestGRPCMessagesOfFiveMegabytes(t *testing.T) {
	onHTTP2(t, func(t *testing.T, serve func(http.Handler) *site) {
		_, _, conn := serveGRPC(t, serve)
		client := testgrpc.NewTestServiceClient(conn)
		res, err := client.UnaryCall(patient(t), &testgrpc.SimpleRequest{ResponseSize: largeRPC, Payload: &testgrpc.Payload{Body: pattern(largeRPC)}})
		if err != nil || len(res.Payload.Body) != largeRPC {
			t.Fatalf("one there and one back: %d bytes, %v", len(res.GetPayload().GetBody()), err)
		}
		stream, err := client.FullDuplexCall(patient(t))
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			err := stream.Send(&testgrpc.StreamingOutputCallRequest{ResponseParameters: []*testgrpc.ResponseParameters{{Size: largeRPC}}, Payload: &testgrpc.Payload{Body: pattern(largeRPC)}})
			if err != nil {
				t.Fatal(err)
			}
			res, err := stream.Recv()
			if err != nil || !bytes.Equal(res.Payload.Body, make([]byte, largeRPC)) {
				t.Fatalf("on a stream: %d bytes, %v", len(res.GetPayload().GetBody()), err)
			}
		}
		if err := stream.CloseSend(); err != nil {
			t.Error(err)
		}
		if _, err := stream.Recv(); err != io.EOF {
			t.Errorf("the stream ends with %v, want io.EOF", err)
		}
	})
}

func TestGRPCServersSeeDeadlinesAndCancellation(t *testing.T) {
	onHTTP2(t, func(t *testing.T, serve func(http.Handler) *site) {
		b, _, conn := serveGRPC(t, serve)
		client := testgrpc.NewTestServiceClient(conn)
		blocked := metadata.AppendToOutgoingContext(t.Context(), blockField, "yes")
		for kind, call := range map[string]func(context.Context) error{
			"unary": func(ctx context.Context) error { _, err := client.EmptyCall(ctx, &testgrpc.Empty{}); return err },
			"stream": func(ctx context.Context) error {
				stream, err := client.FullDuplexCall(ctx)
				if err != nil {
					return err
				}
				_, err = stream.Recv()
				return err
			},
		} {
			ctx, cancel := context.WithTimeout(blocked, 200*time.Millisecond)
			if err := call(ctx); status.Code(err) != codes.DeadlineExceeded {
				t.Errorf("%s: beyond the deadline: %v, want DeadlineExceeded", kind, err)
			}
			select { // on a machine that is slow the call may not even have been sent
			case <-b.began:
				if err := wait(t, b.ended, "the server's context ends"); err != context.DeadlineExceeded && err != context.Canceled {
					t.Errorf("%s: the server's context ends with %v", kind, err)
				}
			default:
			}
			cancel()
			ctx, cancel = context.WithCancel(blocked)
			go func() {
				<-b.began
				cancel()
			}()
			if err := call(ctx); status.Code(err) != codes.Canceled {
				t.Errorf("%s: a call that is cancelled: %v, want Canceled", kind, err)
			}
			if err := wait(t, b.ended, "the server's context ends"); err != context.Canceled {
				t.Errorf("%s: the server's context ends with %v, want context.Canceled", kind, err)
			}
		}
		wantNoPanic(t, func() { interop.DoEmptyUnaryCall(patient(t), client) })
	})
}

func TestManyGRPCCallsShareAConnection(t *testing.T) {
	const streams, messages = 150, 20 // more streams than the server allows at once
	onHTTP2(t, func(t *testing.T, serve func(http.Handler) *site) {
		_, _, conn := serveGRPC(t, serve)
		client := testgrpc.NewTestServiceClient(conn)
		ctx := patient(t)
		var all sync.WaitGroup
		for i := range streams {
			all.Go(func() {
				stream, err := client.FullDuplexCall(ctx)
				if err != nil {
					t.Errorf("stream %d: %v", i, err)
					return
				}
				for n := range messages {
					size := (i*messages + n) * 7
					if err := stream.Send(&testgrpc.StreamingOutputCallRequest{ResponseParameters: []*testgrpc.ResponseParameters{{Size: int32(size)}}}); err != nil {
						t.Errorf("stream %d: %v", i, err)
						return
					}
					if res, err := stream.Recv(); err != nil || len(res.GetPayload().GetBody()) != size {
						t.Errorf("stream %d, message %d: %d bytes, %v, want %d", i, n, len(res.GetPayload().GetBody()), err, size)
						return
					}
				}
				stream.CloseSend()
				if _, err := stream.Recv(); err != io.EOF {
					t.Errorf("stream %d ends with %v, want io.EOF", i, err)
				}
			})
		}
		all.Wait()
	})
}

func TestGRPCHealthIsWatchedUntilTheClientLeaves(t *testing.T) {
	onHTTP2(t, func(t *testing.T, serve func(http.Handler) *site) {
		states := health.NewServer()
		rpc := grpc.NewServer()
		defer rpc.Stop()
		healthpb.RegisterHealthServer(rpc, states)
		conn := serve(rpc).dialGRPC(t)
		ctx, leave := context.WithCancel(patient(t))
		defer leave()
		stream, err := healthpb.NewHealthClient(conn).Watch(ctx, &healthpb.HealthCheckRequest{})
		if err != nil {
			t.Fatal(err)
		}
		for _, state := range []healthpb.HealthCheckResponse_ServingStatus{healthpb.HealthCheckResponse_SERVING, healthpb.HealthCheckResponse_NOT_SERVING, healthpb.HealthCheckResponse_SERVING} {
			states.SetServingStatus("", state)
			if res, err := stream.Recv(); err != nil || res.Status != state {
				t.Fatalf("the state is %v, %v, want %v as soon as it changes", res.GetStatus(), err, state)
			}
		}
	})
}

// TestGRPCErrorsAreTrailers looks at what a call that fails is on HTTP.
func TestGRPCErrorsAreTrailers(t *testing.T) {
	onHTTP2(t, func(t *testing.T, serve func(http.Handler) *site) {
		_, s, _ := serveGRPC(t, serve)
		res := s.do(t, "POST", "/grpc.testing.TestService/NoSuchMethod", bytes.NewReader(make([]byte, 5)), "Content-Type", "application/grpc", "Te", "trailers")
		res.want(t, "the error is not the status's", 200, "")
		if got := res.Trailer.Get("Grpc-Status") + res.Header.Get("Grpc-Status"); got != "12" {
			t.Errorf("grpc-status is %q, want 12: fields %v, trailers %v", got, res.Header, res.Trailer)
		}
	})
}

// forStreams lifts, from calls whose messages come as seldom as the client likes, what the server demands of the content of requests. It
// is what docs/howto/http2.md shows.
func forStreams(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if rate, ok := server.From[server.MinDataRateFeature](r.Context()); ok {
			rate.SetMinRequestBodyDataRate(server.DataRate{})
		}
		if size, ok := server.From[server.MaxRequestBodySizeFeature](r.Context()); ok {
			size.SetMaxRequestBodySize(-1)
		}
		next.ServeHTTP(w, r)
	})
}

// TestSilentGRPCStreamsNeedTheLeastDataRateLifted is in real time: limits have no clock of their own.
func TestSilentGRPCStreamsNeedTheLeastDataRateLifted(t *testing.T) {
	strict := setting{name: "h2c", proto: 2}
	strict.opts.Limits.MinRequestBodyDataRate = server.DataRate{BytesPerSecond: 240, Grace: 1100 * time.Millisecond}
	strict.opts.Limits.MaxRequestBodySize = 1000
	for name, lifted := range map[string]bool{"as it is": false, "lifted": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			with(t, []setting{strict}, func(t *testing.T, serve func(http.Handler) *site) {
				_, _, conn := serveGRPC(t, func(h http.Handler) *site {
					if lifted {
						h = forStreams(h)
					}
					return serve(h)
				})
				stream, err := testgrpc.NewTestServiceClient(conn).FullDuplexCall(patient(t))
				if err != nil {
					t.Fatal(err)
				}
				var failed error
				for n := range 2 {
					if n == 1 {
						time.Sleep(4 * time.Second) // the grace period, and some ticks of the server's heartbeat
					}
					stream.Send(&testgrpc.StreamingOutputCallRequest{ResponseParameters: []*testgrpc.ResponseParameters{{Size: 1}}, Payload: &testgrpc.Payload{Body: make([]byte, 900)}})
					_, err := stream.Recv()
					failed = errors.Join(failed, err)
				}
				if lifted && failed != nil {
					t.Errorf("a stream that was silent, and has more than the largest size of a request's content: %v", failed)
				}
				if !lifted && status.Code(failed) == codes.OK {
					t.Error("a stream that was silent goes on, want it ended")
				}
			})
		})
	}
}
