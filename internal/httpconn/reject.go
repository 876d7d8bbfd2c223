package httpconn

import (
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"

	"github.com/lannerhq/lanner/internal/http1"
	"github.com/lannerhq/lanner/internal/httpcommon"
	"github.com/lannerhq/lanner/server"
)

// Rejection is a request that was refused, and the answer to it. The function that gets one may change Status, Header and
// Body, and keep what it read; it must not keep the Rejection.
type Rejection struct {
	// Status of the answer: the rule's at first. It must stay within 400 to 599.
	Status int
	// Header is empty at first and takes at most MaxRejectionFields fields of together MaxRejectionHeader bytes. The server
	// itself sends Content-Length, Connection, Date and Server, and Allow with a 405.
	Header *server.Headers
	// Body is the content of the answer, at most MaxRejectionBody bytes; empty at first.
	Body []byte

	// Reason is the stable name of the rule, such as "invalid_request_line"; Detail is text for logs, which may quote what the
	// client sent and is not for the client.
	Reason, Detail string
	// Method, Target and Protocol are the request line as it was sent, without any check; empty when it was not read.
	Method, Target, Protocol string
	// RemoteAddr and ConnectionID are those of server.ConnectionFeature, Endpoint is the endpoint's name.
	RemoteAddr, ConnectionID, Endpoint string
}

// What a Rejection may have.
const (
	MaxRejectionFields = 20
	MaxRejectionHeader = 8 << 10
	MaxRejectionBody   = 16 << 10
)

// answer asks the owner for the answer to a rejected request; nil is the standard one. log takes what is wrong with it.
func (c *conn) answer(bad *httpcommon.BadRequestError, r *http1.Report, log func(slog.Level, event, ...slog.Attr)) (answer *http1.Answer) {
	if c.m.cfg.Rejected == nil || bad.Status < 400 || bad.Status > 599 { // a status of the application's that is no rejection
		return nil
	}
	defer func() {
		if v := recover(); v != nil {
			answer = nil
			log(slog.LevelError, eventApplicationError, slog.Any("error", v), slog.String("stack", string(debug.Stack())))
		}
	}()
	rejection := &Rejection{
		Status: bad.Status, Reason: bad.Reason, Detail: bad.Detail, Header: new(server.Headers),
		Method: strings.Clone(r.Method), Target: strings.Clone(r.Target), Protocol: r.Protocol,
		RemoteAddr: c.RemoteAddrText(), ConnectionID: c.ConnectionID(), Endpoint: c.endpoint.Name,
	}
	c.m.cfg.Rejected(rejection)
	if err := rejection.check(); err != nil {
		log(slog.LevelError, eventRejectionInvalid, slog.Any("error", err))
		return nil
	}
	return &http1.Answer{Status: rejection.Status, Header: rejection.Header, Body: rejection.Body}
}

// check says why the answer cannot be sent.
func (r *Rejection) check() error {
	switch {
	case r.Status < 400 || r.Status > 599:
		return fmt.Errorf("the status of a rejection must be 400 to 599, not %d", r.Status)
	case len(r.Body) > MaxRejectionBody:
		return fmt.Errorf("the body of a rejection has %d bytes: at most %d may be", len(r.Body), MaxRejectionBody)
	case r.Header == nil:
		r.Header = new(server.Headers)
	case r.Header.Len() > MaxRejectionFields:
		return fmt.Errorf("a rejection has %d header fields: at most %d may be", r.Header.Len(), MaxRejectionFields)
	}
	size := 0
	for name, value := range r.Header.All() {
		size += len(name) + len(value) + len(": \r\n")
		switch {
		case !httpcommon.IsToken(name) || !httpcommon.IsFieldValue(value):
			return fmt.Errorf("the header field %q of a rejection cannot be sent: names are tokens, values have no control characters", name)
		case serverOwn(name):
			return fmt.Errorf("the header field %s of a rejection is the server's: leave it out", name)
		}
	}
	if size > MaxRejectionHeader {
		return fmt.Errorf("the header fields of a rejection have %d bytes: at most %d may be", size, MaxRejectionHeader)
	}
	return nil
}

// serverOwn names the fields that say how the answer is framed and what becomes of the connection.
func serverOwn(name string) bool {
	for _, own := range [...]string{"Content-Length", "Transfer-Encoding", "Connection", "Keep-Alive", "Upgrade", "Trailer", "Date", "Server"} {
		if httpcommon.EqualFold(name, own) {
			return true
		}
	}
	return false
}
