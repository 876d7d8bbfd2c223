package compat

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// The procedures of a service made with connect-go, which speaks gRPC, gRPC-Web and Connect. They say what code made from a .proto would.
const (
	echoUnary  = "/compat.Echo/Unary"  // the message back
	echoSum    = "/compat.Echo/Sum"    // how long all messages of the client are
	echoRepeat = "/compat.Echo/Repeat" // the message three times
	echoBoth   = "/compat.Echo/Both"   // each message back when it comes
	echoFail   = "/compat.Echo/Fail"   // an error with a detail
	echoBlock  = "/compat.Echo/Block"  // until the client gives up
)

type (
	octets = wrapperspb.BytesValue
	length = wrapperspb.Int64Value
)

// connectService is the service; ended takes how the context of echoBlock ends.
func connectService(began chan<- struct{}, ended chan<- error) http.Handler {
	mux := http.NewServeMux()
	handle := func(procedure string, h *connect.Handler) { mux.Handle(procedure, h) }
	handle(echoUnary, connect.NewUnaryHandler(echoUnary, func(_ context.Context, req *connect.Request[octets]) (*connect.Response[octets], error) {
		res := connect.NewResponse(req.Msg)
		res.Header().Set("X-Echo", req.Header().Get("X-Say"))
		res.Trailer().Set("X-Trail", req.Header().Get("X-Say"))
		res.Header().Set("X-Method", req.HTTPMethod())
		return res, nil
	}, connect.WithIdempotency(connect.IdempotencyNoSideEffects)))
	handle(echoSum, connect.NewClientStreamHandler(echoSum, func(_ context.Context, stream *connect.ClientStream[octets]) (*connect.Response[length], error) {
		sum := int64(0)
		for stream.Receive() {
			sum += int64(len(stream.Msg().Value))
		}
		return connect.NewResponse(wrapperspb.Int64(sum)), stream.Err()
	}))
	handle(echoRepeat, connect.NewServerStreamHandler(echoRepeat, func(_ context.Context, req *connect.Request[octets], stream *connect.ServerStream[octets]) error {
		for range 3 {
			if err := stream.Send(req.Msg); err != nil {
				return err
			}
		}
		stream.ResponseTrailer().Set("X-Trail", "three")
		return nil
	}))
	handle(echoBoth, connect.NewBidiStreamHandler(echoBoth, func(_ context.Context, stream *connect.BidiStream[octets, octets]) error {
		for {
			message, err := stream.Receive()
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err == nil {
				err = stream.Send(message)
			}
			if err != nil {
				return err
			}
		}
	}))
	handle(echoFail, connect.NewUnaryHandler(echoFail, func(context.Context, *connect.Request[octets]) (*connect.Response[octets], error) {
		err := connect.NewError(connect.CodeResourceExhausted, errors.New("no more of it"))
		detail, detailErr := connect.NewErrorDetail(wrapperspb.String("a detail"))
		if detailErr != nil {
			return nil, detailErr
		}
		err.AddDetail(detail)
		err.Meta().Set("X-Meta", "of the error")
		return nil, err
	}))
	handle(echoBlock, connect.NewServerStreamHandler(echoBlock, func(ctx context.Context, _ *connect.Request[octets], _ *connect.ServerStream[octets]) error {
		began <- struct{}{}
		<-ctx.Done()
		ended <- ctx.Err()
		return ctx.Err()
	}))
	return mux
}

// connectProtocols are what a connect client can speak. On HTTP/1.1 there are no trailers as gRPC needs them.
func connectProtocols(s *site) map[string][]connect.ClientOption {
	all := map[string][]connect.ClientOption{
		"Connect": nil, "Connect with gzip": {connect.WithSendGzip()}, "gRPC-Web": {connect.WithGRPCWeb()},
	}
	if s.Proto == 2 {
		all["gRPC"] = []connect.ClientOption{connect.WithGRPC()}
	}
	return all
}

func TestConnectServesEachOfItsProtocols(t *testing.T) {
	everywhere(t, func(t *testing.T, serve func(http.Handler) *site) {
		s := serve(connectService(nil, nil))
		for name, opts := range connectProtocols(s) {
			t.Run(name, func(t *testing.T) {
				talkUnary(t, s, "POST", opts, 0, 1, 100_000)
				talkStreams(t, s, opts)
				if s.Proto == 2 { // on HTTP/1.1 connect's client does not begin one
					talkBoth(t, s, opts)
				}
				wantConnectError(t, s, opts)
			})
		}
	})
}

func TestConnectByGET(t *testing.T) {
	everywhere(t, func(t *testing.T, serve func(http.Handler) *site) {
		opts := []connect.ClientOption{connect.WithHTTPGet(), connect.WithHTTPGetMaxURLSize(7000, true), connect.WithIdempotency(connect.IdempotencyNoSideEffects)}
		s := serve(connectService(nil, nil))
		talkUnary(t, s, "GET", opts, 0, 1, 5000) // the server takes request lines of 8 KiB
		talkUnary(t, s, "POST", opts, 10_000)
	})
}

func TestConnectMessagesOfFiveMegabytes(t *testing.T) {
	onHTTP2(t, func(t *testing.T, serve func(http.Handler) *site) {
		s := serve(connectService(nil, nil))
		talkUnary(t, s, "POST", nil, largeRPC)
		talkUnary(t, s, "POST", []connect.ClientOption{connect.WithGRPC()}, largeRPC)
	})
}

func talkUnary(t *testing.T, s *site, method string, opts []connect.ClientOption, sizes ...int) {
	t.Helper()
	client := connect.NewClient[octets, octets](s.Client, s.URL+echoUnary, opts...)
	for _, size := range sizes {
		req := connect.NewRequest(wrapperspb.Bytes(pattern(size)))
		req.Header().Set("X-Say", fmt.Sprint("size ", size))
		res, err := client.CallUnary(patient(t), req)
		if err != nil {
			t.Fatalf("%d bytes: %v", size, err)
		}
		if !bytes.Equal(res.Msg.Value, req.Msg.Value) {
			t.Errorf("%d bytes: %d others come back", size, len(res.Msg.Value))
		}
		if head, trail := res.Header().Get("X-Echo"), res.Trailer().Get("X-Trail"); head != fmt.Sprint("size ", size) || trail != head {
			t.Errorf("%d bytes: metadata %q and in the trailers %q", size, head, trail)
		}
		if got := res.Header().Get("X-Method"); got != method {
			t.Errorf("%d bytes: the method is %s, want %s", size, got, method)
		}
	}
}

func talkStreams(t *testing.T, s *site, opts []connect.ClientOption) {
	t.Helper()
	up := connect.NewClient[octets, length](s.Client, s.URL+echoSum, opts...).CallClientStream(patient(t))
	for range 10 {
		if err := up.Send(wrapperspb.Bytes(pattern(100_000))); err != nil {
			t.Fatalf("client stream: %v", err)
		}
	}
	if sum, err := up.CloseAndReceive(); err != nil || sum.Msg.Value != 1_000_000 {
		t.Errorf("client stream: %v, %v, want 1000000", sum, err)
	}
	down, err := connect.NewClient[octets, octets](s.Client, s.URL+echoRepeat, opts...).CallServerStream(patient(t), connect.NewRequest(wrapperspb.Bytes(pattern(200_000))))
	if err != nil {
		t.Fatalf("server stream: %v", err)
	}
	n := 0
	for ; down.Receive(); n++ {
		if !bytes.Equal(down.Msg().Value, pattern(200_000)) {
			t.Errorf("server stream: message %d differs", n)
		}
	}
	if trail := down.ResponseTrailer().Get("X-Trail"); n != 3 || down.Err() != nil || trail != "three" {
		t.Errorf("server stream: %d messages, %v, trailer %q, want 3 and three", n, down.Err(), trail)
	}
	down.Close()
}

func talkBoth(t *testing.T, s *site, opts []connect.ClientOption) {
	t.Helper()
	both := connect.NewClient[octets, octets](s.Client, s.URL+echoBoth, opts...).CallBidiStream(patient(t))
	for n := range 20 {
		want := pattern(n * 5000)
		if err := both.Send(wrapperspb.Bytes(want)); err != nil {
			t.Fatalf("both ways: message %d: %v", n, err)
		}
		if got, err := both.Receive(); err != nil || !bytes.Equal(got.Value, want) {
			t.Fatalf("both ways: message %d: %d bytes, %v, want it back before the next", n, len(got.GetValue()), err)
		}
	}
	if err := both.CloseRequest(); err != nil {
		t.Errorf("both ways: %v", err)
	}
	if _, err := both.Receive(); !errors.Is(err, io.EOF) {
		t.Errorf("both ways: the end is %v, want io.EOF", err)
	}
	both.CloseResponse()
}

func wantConnectError(t *testing.T, s *site, opts []connect.ClientOption) {
	t.Helper()
	_, err := connect.NewClient[octets, octets](s.Client, s.URL+echoFail, opts...).CallUnary(patient(t), connect.NewRequest(wrapperspb.Bytes(nil)))
	var failed *connect.Error
	if !errors.As(err, &failed) || failed.Code() != connect.CodeResourceExhausted || failed.Message() != "no more of it" || failed.Meta().Get("X-Meta") != "of the error" {
		t.Fatalf("a call that fails: %v", err)
	}
	if len(failed.Details()) != 1 {
		t.Fatalf("the error has %d details, want 1", len(failed.Details()))
	}
	if detail, err := failed.Details()[0].Value(); err != nil || detail.(*wrapperspb.StringValue).Value != "a detail" {
		t.Errorf("the error's detail is %v, %v", detail, err)
	}
}

func TestConnectServersSeeDeadlinesAndCancellation(t *testing.T) {
	everywhere(t, func(t *testing.T, serve func(http.Handler) *site) {
		began, ended := make(chan struct{}, 10), make(chan error, 10)
		s := serve(connectService(began, ended))
		for name, opts := range connectProtocols(s) {
			call := func(ctx context.Context) error {
				stream, err := connect.NewClient[octets, octets](s.Client, s.URL+echoBlock, opts...).CallServerStream(ctx, connect.NewRequest(wrapperspb.Bytes(nil)))
				if err != nil {
					return err
				}
				defer stream.Close()
				stream.Receive()
				return stream.Err()
			}
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			if err := call(ctx); connect.CodeOf(err) != connect.CodeDeadlineExceeded {
				t.Errorf("%s: beyond the deadline: %v", name, err)
			}
			select { // on a machine that is slow the call may not even have been sent
			case <-began:
				wait(t, ended, "the server's context ends")
			default:
			}
			cancel()
			ctx, cancel = context.WithCancel(t.Context())
			go func() {
				<-began
				cancel()
			}()
			if err := call(ctx); connect.CodeOf(err) != connect.CodeCanceled {
				t.Errorf("%s: a call that is cancelled: %v", name, err)
			}
			if err := wait(t, ended, "the server's context ends"); !errors.Is(err, context.Canceled) {
				t.Errorf("%s: the server's context ends with %v", name, err)
			}
		}
	})
}

func TestGRPCsOwnClientTalksToConnect(t *testing.T) {
	onHTTP2(t, func(t *testing.T, serve func(http.Handler) *site) {
		conn := serve(connectService(nil, nil)).dialGRPC(t)
		ctx := metadata.AppendToOutgoingContext(patient(t), "x-say", "hello")
		var header, trailer metadata.MD
		in, out := wrapperspb.Bytes(pattern(largeRPC)), new(octets)
		if err := conn.Invoke(ctx, echoUnary, in, out, grpc.Header(&header), grpc.Trailer(&trailer)); err != nil || !bytes.Equal(in.Value, out.Value) {
			t.Errorf("unary: %d bytes, %v", len(out.Value), err)
		}
		if fmt.Sprint(header.Get("x-echo"), trailer.Get("x-trail")) != "[hello] [hello]" {
			t.Errorf("metadata %v, trailers %v", header, trailer)
		}
		stream, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, echoBoth)
		if err != nil {
			t.Fatal(err)
		}
		for n := range 20 {
			if err := stream.SendMsg(wrapperspb.Bytes(pattern(n * 5000))); err != nil {
				t.Fatal(err)
			}
			if err := stream.RecvMsg(out); err != nil || !bytes.Equal(out.Value, pattern(n*5000)) {
				t.Fatalf("both ways: message %d: %d bytes, %v", n, len(out.Value), err)
			}
		}
		if err := errors.Join(stream.CloseSend(), stream.RecvMsg(out)); !errors.Is(err, io.EOF) {
			t.Errorf("both ways: the end is %v, want io.EOF", err)
		}
		err = conn.Invoke(ctx, echoFail, wrapperspb.Bytes(nil), out)
		if failed := status.Convert(err); failed.Code() != codes.ResourceExhausted || failed.Message() != "no more of it" || len(failed.Details()) != 1 {
			t.Errorf("a call that fails: %v, details %v", err, failed.Details())
		}
	})
}
