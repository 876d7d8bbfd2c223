package shim

import (
	"bytes"
	"log"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/lannerhq/lanner/kestrel"
	"github.com/lannerhq/lanner/server"
)

// options says in Kestrel's words what srv's fields say. Where net/http has no limit, there is none here.
func options(srv *http.Server, l net.Listener) kestrel.Options {
	header := srv.MaxHeaderBytes
	if header == 0 {
		header = http.DefaultMaxHeaderBytes
	}
	header += 4096 // the slack of net/http
	none := server.DataRate{BytesPerSecond: kestrel.None}
	return kestrel.Options{
		Endpoints: []kestrel.Endpoint{{Listener: l, Protocols: protocols(srv.Protocols)}},
		Limits: kestrel.Limits{
			MaxRequestLineSize:         header,
			MaxRequestHeadersTotalSize: header,
			MaxRequestHeaderCount:      kestrel.None,
			MaxRequestBodySize:         kestrel.None,
			MaxRequestBufferSize:       kestrel.None,
			KeepAliveTimeout:           first(srv.IdleTimeout, srv.ReadTimeout),
			RequestHeadersTimeout:      first(srv.ReadHeaderTimeout, srv.ReadTimeout),
			MinRequestBodyDataRate:     none,
			MinResponseDataRate:        none,
		},
		Compat: kestrel.Compat{HostHeaderOverride: true},       // net/http lets the target's authority win
		Logger: slog.New(slog.NewTextHandler(lines{srv}, nil)), // without debug events, such as a client's mistakes
	}
}

// protocols are those of a server without TLS. net/http speaks HTTP/2 there only when it is told to.
func protocols(p *http.Protocols) kestrel.Protocols {
	switch {
	case p == nil || !p.UnencryptedHTTP2():
		return kestrel.HTTP1
	case p.HTTP1():
		return kestrel.HTTP1AndHTTP2
	}
	return kestrel.HTTP2
}

// first returns the first duration that is set, or no limit.
func first(durations ...time.Duration) time.Duration {
	for _, d := range durations {
		if d > 0 {
			return d
		}
	}
	return kestrel.None
}

// lines writes to an http.Server's ErrorLog. Like net/http it looks at the field only when there is something to write.
type lines struct{ srv *http.Server }

func (w lines) Write(line []byte) (int, error) {
	to := w.srv.ErrorLog
	if to == nil {
		to = log.Default()
	}
	to.Print(string(bytes.TrimSuffix(line, []byte("\n"))))
	return len(line), nil
}
