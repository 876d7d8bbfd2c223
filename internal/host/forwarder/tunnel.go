package forwarder

import (
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/lannerhq/lanner/internal/httpcommon"
	"github.com/lannerhq/lanner/server"
)

// tunnel answers the client's upgrade and copies both ways until both sides have finished. It copies bytes, not frames:
// whatever the two ends agree on passes, so Sec-WebSocket-Extensions too. Nothing limits a tunnel but its ends, Close, and
// the time that a client is given after the worker has hung up.
func (x *exchange) tunnel() error {
	if x.upgrade == "" {
		return x.broken(invalid("it switches protocols without having been asked to"))
	}
	client, err := x.takeClient()
	if err != nil {
		return err
	}
	defer client.Close()
	if err := x.enterTunnel(); err != nil {
		return err
	}
	worker := x.c.nc
	rest := append([]byte(nil), x.c.unread()...)
	x.c.drop()

	sent := make(chan copied, 1)
	go func() { sent <- x.copyUp(worker, client) }()
	down := x.copyDown(client, worker, rest)
	up := <-sent
	x.c.wrote += up.n
	x.c.read += down.n - int64(len(rest))
	x.u.logTunnel(up.n, down.n, errors.Join(up.err, down.err))
	return nil
}

// takeClient takes the client's connection over, with the worker's fields in the answer.
func (x *exchange) takeClient() (net.Conn, error) {
	header := x.res.Header()
	if x.key != "" {
		return x.acceptStream(header)
	}
	x.copyFields(header)
	header.Add("Upgrade", x.head.upgrade)
	feature, ok := server.Get[server.UpgradeFeature](x.f)
	if !ok {
		return nil, x.broken(invalid("it switches protocols without having been asked to"))
	}
	client, err := feature.Upgrade()
	if err != nil {
		return nil, x.toClient(fmt.Errorf("the connection cannot be taken over: %w", err))
	}
	return client, nil
}

// acceptStream opens a WebSocket on a stream (RFC 8441 §5.1). What was a client's duty towards the worker is ours.
func (x *exchange) acceptStream(header *httpcommon.Headers) (net.Conn, error) {
	if x.head.fields.Get("Sec-WebSocket-Accept") != acceptKey(x.key) {
		return nil, x.broken(invalid("its Sec-WebSocket-Accept does not match (RFC 6455 §4.1)"))
	}
	x.head.fields.Del("Sec-WebSocket-Accept")
	x.copyFields(header)
	feature, ok := server.Get[server.ExtendedConnectFeature](x.f)
	if !ok {
		return nil, x.broken(invalid("it switches protocols without having been asked to"))
	}
	client, err := feature.AcceptConnect()
	if err != nil {
		return nil, x.toClient(fmt.Errorf("the stream cannot be accepted: %w", err))
	}
	return client, nil
}

func acceptKey(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// enterTunnel takes x out of the heartbeat's care.
func (x *exchange) enterTunnel() error {
	x.u.mu.Lock()
	x.tunneling = true
	x.u.tunnels++
	cause, closed := x.cause, x.u.state == Closed
	x.u.mu.Unlock()
	switch {
	case cause != nil:
		return x.abandoned(cause)
	case closed: // its poke may just have been taken for another one
		return x.closed()
	}
	x.c.clearDeadlines()
	if x.u.State() == Closed { // it was closed meanwhile, and its poke is gone
		return x.closed()
	}
	return nil
}

type copied struct {
	n   int64
	err error
}

// copyUp runs on a goroutine of its own, which tunnel waits for. When the client has finished, the worker is told, and may
// go on sending.
func (x *exchange) copyUp(worker, client net.Conn) copied {
	n, err := io.Copy(worker, client) // splice(2) where both are TCP
	if err != nil || !closeWrite(worker) {
		worker.Close()
		client.Close()
	}
	return copied{n, err}
}

// copyDown copies the worker's bytes, rest first. When the worker has finished, the client is told, and has the time of
// RequestTimeout to finish as well.
func (x *exchange) copyDown(client, worker net.Conn, rest []byte) copied {
	n, err := 0, error(nil)
	if len(rest) > 0 {
		n, err = client.Write(rest)
	}
	var m int64
	if err == nil {
		m, err = io.Copy(client, worker)
	}
	if err != nil || !closeWrite(client) {
		worker.Close()
		client.Close()
	} else if x.u.opts.RequestTimeout < noLimit {
		_ = client.SetReadDeadline(time.Now().Add(x.u.opts.RequestTimeout))
	}
	return copied{int64(n) + m, err}
}

// closeWrite ends one direction of c and reports whether that is possible.
func closeWrite(c net.Conn) bool {
	half, ok := c.(interface{ CloseWrite() error })
	return ok && half.CloseWrite() == nil
}
