package main

import (
	"bytes"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// http2Link speaks HTTP/2. It has no goroutine: between two requests the server's frames wait in the kernel.
type http2Link struct {
	net.Conn
	framer *http2.Framer
	stream uint32 // of the next request
}

const (
	http2Window = 64 << 20 // in bytes, of each stream and of the connection: more than the answers of a link
	http2Frame  = 16384    // bytes of a frame that every server takes
)

// newHTTP2Link sends the preface. The server's SETTINGS are answered with the first request.
func newHTTP2Link(conn net.Conn) (link, error) {
	l := &http2Link{Conn: conn, framer: http2.NewFramer(conn, conn), stream: 1}
	l.framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	if _, err := conn.Write([]byte(http2.ClientPreface)); err != nil {
		return nil, err
	}
	if err := l.framer.WriteSettings(http2.Setting{ID: http2.SettingEnablePush, Val: 0}, http2.Setting{ID: http2.SettingInitialWindowSize, Val: http2Window}); err != nil {
		return nil, err
	}
	return l, l.framer.WriteWindowUpdate(0, http2Window)
}

func (l *http2Link) exchange(q request) error {
	if err := l.SetDeadline(time.Now().Add(answerTime)); err != nil {
		return err
	}
	id := l.stream
	l.stream += 2
	if err := l.ask(id, q); err != nil {
		return err
	}
	var got answer
	for {
		frame, err := l.framer.ReadFrame()
		if err != nil {
			return fmt.Errorf("reading the answer: %w", err)
		}
		ended, err := l.take(frame, id, &got)
		if err == nil && len(got.body) > len(q.want)+4096 {
			err = fmt.Errorf("the body is longer than %d bytes, want %d", len(got.body), len(q.want))
		}
		if err != nil {
			return err
		}
		if ended {
			return q.compare(got)
		}
	}
}

// ask sends a request. Fields are never indexed: the server has no table to keep for what is asked once.
func (l *http2Link) ask(id uint32, q request) error {
	if len(q.body) > http2Frame {
		return fmt.Errorf("a body of %d bytes is longer than the frame of %d that every server takes", len(q.body), http2Frame)
	}
	var block bytes.Buffer
	e := hpack.NewEncoder(&block)
	e.SetMaxDynamicTableSize(0)
	fields := append([][2]string{{":method", q.method}, {":scheme", q.over.scheme()}, {":authority", q.authority(l.RemoteAddr().String())}, {":path", q.path}}, q.fields...)
	for _, f := range fields {
		if err := e.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]}); err != nil {
			return err
		}
	}
	err := l.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: block.Bytes(), EndHeaders: true, EndStream: q.body == nil})
	if err != nil || q.body == nil {
		return err
	}
	return l.framer.WriteData(id, true, q.body)
}

// take handles a frame. It reports whether the answer on the stream has ended.
func (l *http2Link) take(frame http2.Frame, id uint32, got *answer) (ended bool, err error) {
	switch f := frame.(type) {
	case *http2.SettingsFrame:
		if !f.IsAck() {
			err = l.framer.WriteSettingsAck()
		}
	case *http2.PingFrame:
		if !f.IsAck() {
			err = l.framer.WritePing(true, f.Data)
		}
	case *http2.GoAwayFrame:
		err = fmt.Errorf("the server ends the connection: GOAWAY with %v %q", f.ErrCode, f.DebugData())
	case *http2.RSTStreamFrame:
		if f.StreamID == id {
			err = fmt.Errorf("the server gave the stream up: RST_STREAM with %v", f.ErrCode)
		}
	case *http2.MetaHeadersFrame:
		if f.StreamID == id {
			got.headers(f)
			ended = f.StreamEnded()
		}
	case *http2.DataFrame:
		if f.StreamID == id {
			got.body = append(got.body, f.Data()...)
			ended = f.StreamEnded()
		}
	}
	return ended, err
}

// answer is a response.
type answer struct {
	status   string // three digits, and the reason in HTTP/1.1
	body     []byte
	trailers [][2]string
}

// headers takes a block of header fields: the second one that is no informational response are the trailers.
func (a *answer) headers(f *http2.MetaHeadersFrame) {
	if status := f.PseudoValue("status"); status != "" {
		a.status = status
		return
	}
	for _, field := range f.RegularFields() {
		a.trailers = append(a.trailers, [2]string{field.Name, field.Value})
	}
	slices.SortFunc(a.trailers, func(x, y [2]string) int { return strings.Compare(x[0], y[0]) })
}
