package compat

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	pb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/lannerhq/lanner"
)

// programVariable makes the test binary the program that the host starts.
const programVariable = "LANNER_COMPAT_PROGRAM"

// init is before TestMain, so that a hosted program is nothing but that.
func init() {
	if os.Getenv(programVariable) != "grpc" {
		return
	}
	s := grpc.NewServer(grpc.MaxRecvMsgSize(16 << 20))
	pb.RegisterTestServiceServer(s, hostedService{})
	if err := lanner.Run(s); err != nil {
		log.Fatal(err)
	}
	os.Exit(0)
}

// hostedService is grpc-go's service for tests of interoperability, as far as they go here. It is served by grpc.Server's
// ServeHTTP: gRPC on top of an http.Handler.
type hostedService struct {
	pb.UnimplementedTestServiceServer
}

// UnaryCall answers with as many bytes as are asked for, or with the status that is. Metadata comes back as header and trailer.
func (hostedService) UnaryCall(ctx context.Context, q *pb.SimpleRequest) (*pb.SimpleResponse, error) {
	md, _ := metadata.FromIncomingContext(ctx)
	grpc.SetHeader(ctx, metadata.Pairs("x-header", strings.Join(md.Get("x-echo"), "+"), "x-pid", fmt.Sprint(os.Getpid())))
	grpc.SetTrailer(ctx, metadata.Pairs("x-trailer-bin", strings.Join(md.Get("x-echo-bin"), "+")))
	if s := q.GetResponseStatus(); s != nil {
		return nil, status.Error(codes.Code(s.GetCode()), s.GetMessage())
	}
	return &pb.SimpleResponse{Payload: &pb.Payload{Body: pattern(int(q.GetResponseSize()))}}, nil
}

// EmptyCall waits for the client to give up.
func (hostedService) EmptyCall(ctx context.Context, _ *pb.Empty) (*pb.Empty, error) {
	<-ctx.Done()
	return nil, status.FromContextError(ctx.Err()).Err()
}

func (hostedService) StreamingOutputCall(q *pb.StreamingOutputCallRequest, out grpc.ServerStreamingServer[pb.StreamingOutputCallResponse]) error {
	for _, p := range q.GetResponseParameters() {
		time.Sleep(time.Duration(p.GetIntervalUs()) * time.Microsecond)
		if err := out.Send(&pb.StreamingOutputCallResponse{Payload: &pb.Payload{Body: pattern(int(p.GetSize()))}}); err != nil {
			return err
		}
	}
	return nil
}

func (hostedService) StreamingInputCall(in grpc.ClientStreamingServer[pb.StreamingInputCallRequest, pb.StreamingInputCallResponse]) error {
	sum := int32(0)
	for {
		m, err := in.Recv()
		if err == io.EOF {
			return in.SendAndClose(&pb.StreamingInputCallResponse{AggregatedPayloadSize: sum})
		}
		if err != nil {
			return err
		}
		sum += int32(len(m.GetPayload().GetBody()))
	}
}

// FullDuplexCall answers each message at once, and ends with the status that a message asks for.
func (hostedService) FullDuplexCall(s grpc.BidiStreamingServer[pb.StreamingOutputCallRequest, pb.StreamingOutputCallResponse]) error {
	for {
		m, err := s.Recv()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if end := m.GetResponseStatus(); end != nil {
			return status.Error(codes.Code(end.GetCode()), end.GetMessage())
		}
		for _, p := range m.GetResponseParameters() {
			if err := s.Send(&pb.StreamingOutputCallResponse{Payload: &pb.Payload{Body: pattern(int(p.GetSize()))}}); err != nil {
				return err
			}
		}
	}
}
