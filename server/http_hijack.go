package server

import (
	"bufio"
	"net"
	"net/http"
	"strconv"

	"github.com/lannerhq/lanner/internal/httpcommon"
)

// hijackWriter is the responseWriter of a request that has an UpgradeFeature. On others the handler finds no
// http.Hijacker, as on net/http's HTTP/2: libraries look for it before they answer 101.
type hijackWriter struct{ responseWriter }

// Hijack implements http.Hijacker. As with net/http, a status written before goes out first: that is how WebSocket
// libraries answer 101 and how forwarding proxies answer CONNECT.
func (w *hijackWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	if w.closed.Load() {
		return nil, nil, errHandlerReturned
	}
	if w.hijacked {
		return nil, nil, http.ErrHijacked
	}
	upgrade, ok := Get[UpgradeFeature](w.features)
	if !ok {
		return nil, nil, http.ErrNotSupported
	}
	conn, buffered, err := w.takeOver(upgrade)
	if err != nil {
		return nil, nil, err
	}
	w.hijacked = true
	r := bufio.NewReader(conn)
	if len(buffered) > 0 {
		r = bufio.NewReaderSize(&prefixReader{buffered, conn}, max(len(buffered), 4096))
		if _, err := r.Peek(len(buffered)); err != nil {
			conn.Close()
			return nil, nil, err
		}
	}
	return conn, bufio.NewReadWriter(r, bufio.NewWriter(conn)), nil
}

// takeOver takes the connection, after sending the status that the handler has written. Like net/http it sends a 101 that
// the client has not asked for, too: the handler knows its client.
func (w *hijackWriter) takeOver(upgrade UpgradeFeature) (net.Conn, []byte, error) {
	if !w.wrote {
		return upgrade.Hijack()
	}
	status, fields := w.res.Status(), w.res.Header()
	if status == http.StatusSwitchingProtocols && upgrade.Upgradable() {
		conn, err := upgrade.Upgrade()
		return conn, nil, err
	}
	started := w.res.Started()
	conn, buffered, err := upgrade.Hijack()
	if err != nil || started {
		return conn, buffered, err
	}
	head := []byte("HTTP/1.1 " + strconv.Itoa(status) + " " + httpcommon.StatusText(status) + "\r\n")
	for name, value := range fields.All() {
		head = httpcommon.AppendField(head, name, value)
	}
	if _, err := conn.Write(append(head, "\r\n"...)); err != nil {
		conn.Close()
		return nil, nil, err
	}
	return conn, buffered, nil
}

// prefixReader yields the bytes that were already read, then the connection's.
type prefixReader struct {
	prefix []byte
	conn   net.Conn
}

func (r *prefixReader) Read(p []byte) (int, error) {
	if len(r.prefix) == 0 {
		return r.conn.Read(p)
	}
	n := copy(p, r.prefix)
	r.prefix = r.prefix[n:]
	return n, nil
}
