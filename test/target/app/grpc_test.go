package app_test

import (
	"bytes"
	"io"
	"net/http"
	"testing"
)

func TestUnaryCallsEndWithAStatusInTheTrailers(t *testing.T) {
	onAll(t, func(t *testing.T, addr string) {
		client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}
		for _, tt := range []struct {
			contentType, body string
			status            int
			want              string
			code, message     string
			why               string
		}{
			{"application/grpc", "\x00\x00\x00\x00\x03abc", 200, "\x00\x00\x00\x00\x03abc", "0", "", "the message comes back"},
			{"application/grpc;x=y", "\x00\x00\x00\x00\x00", 200, "\x00\x00\x00\x00\x00", "0", "", "one without content too"},
			{"application/grpc+proto", "\x00\x00\x00\x00\x04abc", 200, "", "13", "3 bytes follow the prefix of a message of 4", "it is cut"},
			{"application/grpc", "\x00\x00\x00\x00", 200, "", "13", "the body has 4 bytes, less than the 5 before a message", "there is no message"},
			{"application/grpc", "\x01\x00\x00\x00\x00", 200, "", "13", "the message is compressed", "no compression was agreed on"},
			{"application/json", "{}", 415, "Unsupported Media Type\n", "", "", "that is no gRPC"},
		} {
			res, err := client.Post("http://"+addr+"/test.Echo/Unary", tt.contentType, bytes.NewReader([]byte(tt.body)))
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(res.Body)
			res.Body.Close()
			code, message := res.Trailer.Get("Grpc-Status"), res.Trailer.Get("Grpc-Message")
			if err != nil || res.StatusCode != tt.status || string(body) != tt.want || code != tt.code || message != tt.message {
				t.Errorf("%q: %s %q, %v, status %q %q, want %d %q, %q %q: %s",
					tt.body, res.Status, body, err, code, message, tt.status, tt.want, tt.code, tt.message, tt.why)
			}
		}
	})
}
