package app

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/lannerhq/lanner/server"
)

// A unary call of gRPC over HTTP/2, as github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md describes it: one message each
// way, each behind a flag of compression and its length, and the status in the trailers.
const (
	grpcType    = "application/grpc"
	grpcPrefix  = 5       // bytes before a message
	grpcMessage = 4 << 20 // bytes that a message may have, as in grpc-go
)

// The status codes that are answered here.
const (
	grpcOK       = "0"
	grpcInternal = "13" // also of a message that is not framed as it should be
)

// checkGRPC says what is wrong with a body that should be one uncompressed message.
func checkGRPC(body []byte) error {
	if len(body) < grpcPrefix {
		return fmt.Errorf("the body has %d bytes, less than the %d before a message", len(body), grpcPrefix)
	}
	if body[0] != 0 {
		return errors.New("the message is compressed")
	}
	if n := binary.BigEndian.Uint32(body[1:grpcPrefix]); int64(n) != int64(len(body)-grpcPrefix) {
		return fmt.Errorf("%d bytes follow the prefix of a message of %d", len(body)-grpcPrefix, n)
	}
	return nil
}

// isGRPC reports whether a content type is that of gRPC, with any encoding of messages.
func isGRPC(contentType string) bool {
	rest, ok := strings.CutPrefix(contentType, grpcType)
	return ok && (rest == "" || rest[0] == '+' || rest[0] == ';')
}

// outcome is the status of a call with this body.
func outcome(body []byte) (code, message string) {
	if err := checkGRPC(body); err != nil {
		return grpcInternal, err.Error()
	}
	return grpcOK, ""
}

func grpcHTTP(w http.ResponseWriter, r *http.Request) {
	if !isGRPC(r.Header.Get("Content-Type")) {
		http.Error(w, http.StatusText(http.StatusUnsupportedMediaType), http.StatusUnsupportedMediaType)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, grpcPrefix+grpcMessage))
	if err != nil {
		status := bodyStatus(err)
		http.Error(w, http.StatusText(status), status)
		return
	}
	h := w.Header()
	h.Set("Content-Type", grpcType)
	h.Set("Trailer", "Grpc-Status, Grpc-Message")
	w.WriteHeader(http.StatusOK) // what is set from here on is in the trailers alone
	code, message := outcome(body)
	if code == grpcOK {
		w.Write(body)
	}
	h.Set("Grpc-Status", code)
	if message != "" {
		h.Set("Grpc-Message", message)
	}
}

func grpcNative(c *server.Context) error {
	if !isGRPC(c.RequestHeader("Content-Type")) {
		return failNative(c, http.StatusUnsupportedMediaType, http.StatusText(http.StatusUnsupportedMediaType))
	}
	body, err := c.ReadBody(nil, grpcPrefix+grpcMessage)
	if err != nil {
		status := bodyStatus(err)
		return failNative(c, status, http.StatusText(status))
	}
	c.SetHeader("Content-Type", grpcType)
	c.SetHeader("Trailer", "Grpc-Status, Grpc-Message")
	code, message := outcome(body)
	if code == grpcOK {
		_, _ = c.Write(body) // that the client has gone is no error
	}
	if out, ok := server.Get[server.ResponseTrailersFeature](c.Features()); ok {
		out.ResponseTrailers().Add("Grpc-Status", code)
		if message != "" {
			out.ResponseTrailers().Add("Grpc-Message", message)
		}
	}
	return nil
}
