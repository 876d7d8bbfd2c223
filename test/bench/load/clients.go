package load

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"
)

// beginning is how each slow client's request begins. What follows, byte by byte, is a field name without end.
const beginning = "GET / HTTP/1.1\r\nHost: a\r\nX-"

// client is a slow client. Its goroutine, watch, owns after and answered until done is closed.
type client struct {
	conn     net.Conn
	since    time.Time     // when it had connected
	after    time.Duration // from then on until the server closed the connection; 0 when it did not
	answered bool
	done     chan struct{}
}

// run opens the clients, feeds them and watches what becomes of them.
func (o slowOptions) run(ctx context.Context) (Clients, error) {
	ctx, cancel := context.WithTimeout(ctx, o.time)
	defer cancel()
	var clients []*client
	var watching sync.WaitGroup
	defer watching.Wait()
	defer func() {
		for _, c := range clients {
			c.conn.Close()
		}
	}()
	for range o.conns {
		c, err := o.open(ctx)
		if err != nil {
			return Clients{}, fmt.Errorf("opening slow client %d: %w", len(clients)+1, err)
		}
		clients = append(clients, c)
		watching.Go(c.watch)
	}
	all := make(chan struct{})
	watching.Go(func() {
		defer close(all)
		for _, c := range clients {
			<-c.done
		}
	})
	o.feed(ctx, clients, all)
	for _, c := range clients { // whoever is still open ends now, by us
		_ = c.conn.SetReadDeadline(time.Unix(1, 0))
	}
	<-all
	return summary(clients), nil
}

// open dials and begins a request. Closing resets the connection, so that thousands do not linger in TIME_WAIT.
func (o slowOptions) open(ctx context.Context) (*client, error) {
	conn, err := (&net.Dialer{Timeout: dialTime, KeepAlive: -1}).DialContext(ctx, "tcp", o.addr)
	if err != nil {
		return nil, err
	}
	c := &client{conn: conn, since: time.Now(), done: make(chan struct{})}
	if err := conn.(*net.TCPConn).SetLinger(0); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	if _, err := conn.Write([]byte(beginning)); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return c, nil
}

// watch reads until the connection ends.
func (c *client) watch() {
	defer close(c.done)
	buf := make([]byte, 512)
	for {
		n, err := c.conn.Read(buf)
		c.answered = c.answered || n > 0
		var timeout net.Error
		switch {
		case err == nil:
		case errors.As(err, &timeout) && timeout.Timeout():
			return // given up by run
		default:
			c.after = max(1, time.Since(c.since))
			c.conn.Close()
			return
		}
	}
}

// feed writes a byte to each client once in every interval, one client after the other, until all are closed or ctx ends.
func (o slowOptions) feed(ctx context.Context, clients []*client, all <-chan struct{}) {
	ticks := time.NewTicker(max(time.Microsecond, o.every/time.Duration(len(clients))))
	defer ticks.Stop()
	for i := 0; ; i++ {
		select {
		case <-all:
			return
		case <-ctx.Done():
			return
		case <-ticks.C:
			_, _ = clients[i%len(clients)].conn.Write([]byte("a")) // that it was closed is seen by watch
		}
	}
}

// summary counts what has become of the clients.
func summary(clients []*client) Clients {
	result := Clients{Opened: len(clients)}
	var times []time.Duration
	for _, c := range clients {
		if c.after > 0 {
			times = append(times, c.after)
			if c.answered {
				result.Answered++
			}
		}
	}
	if result.Closed = len(times); result.Closed > 0 {
		slices.Sort(times)
		result.First, result.Median, result.Last = times[0].Seconds(), times[len(times)/2].Seconds(), times[len(times)-1].Seconds()
	}
	return result
}
