package h2

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

const (
	initialWindow    = 65535 // RFC 9113 §6.9.2
	defaultFrameSize = 16384 // RFC 9113 §6.5.2
	maxWindow        = 1<<31 - 1
)

// patience is how long a test waits for what must come. It is long because a slow machine must not fail a test.
var patience = 40 * time.Second

// wire is an HTTP/2 client that keeps to no rule but those of the test. One goroutine uses it.
type wire struct {
	t         testing.TB
	nc        net.Conn
	framer    *http2.Framer // reads; frames are written as bytes
	encoder   *hpack.Encoder
	encoded   bytes.Buffer
	decoder   *hpack.Decoder
	tableSize uint32 // the most that the server's header blocks may use of it

	kept     []event // read and not yet expected
	ended    bool
	acks     int               // of our SETTINGS
	settings []http2.Setting   // the server's first
	updates  map[uint32]uint64 // increments received for the connection (0) and streams
	manual   bool              // the test acknowledges SETTINGS and PING itself, or does not
	next     uint32            // the stream of the next probe

	send, recv windows
	sendFrame  int     // what the server takes in a frame
	recvFrame  int     // what the server may put into one
	shrink     []int64 // initial windows that hold once the server has acknowledged them
	pings      byte
}

// windows are the flow-control windows of one direction.
type windows struct {
	initial, conn int64
	streams       map[uint32]int64
}

func newWindows() windows {
	return windows{initial: initialWindow, conn: initialWindow, streams: map[uint32]int64{}}
}

func (w *windows) stream(id uint32) int64 {
	if n, ok := w.streams[id]; ok {
		return n
	}
	return w.initial
}

// add changes the window of a stream, or of the connection when id is 0.
func (w *windows) add(id uint32, n int64) {
	if id == 0 {
		w.conn += n
		return
	}
	w.streams[id] = w.stream(id) + n
}

// begin changes the initial window, and by the same amount that of every stream (RFC 9113 §6.9.2).
func (w *windows) begin(n int64) {
	for id := range w.streams {
		w.streams[id] += n - w.initial
	}
	w.initial = n
}

func newWire(t testing.TB, nc net.Conn) *wire {
	w := &wire{t: t, nc: nc, framer: http2.NewFramer(io.Discard, nc), updates: map[uint32]uint64{}, next: 1001,
		send: newWindows(), recv: newWindows(), sendFrame: defaultFrameSize, recvFrame: defaultFrameSize}
	w.framer.AllowIllegalReads = true
	w.framer.SetMaxReadFrameSize(1<<24 - 1)
	w.encoder = hpack.NewEncoder(&w.encoded)
	w.tableSize = 4096 // RFC 9113 §6.5.2
	w.decoder = hpack.NewDecoder(w.tableSize, nil)
	t.Cleanup(func() { nc.Close() })
	return w
}

// handshake sends the preface with these settings and waits until both sides have acknowledged.
func (w *wire) handshake(settings ...http2.Setting) {
	w.t.Helper()
	w.raw([]byte(http2.ClientPreface))
	w.sendSettings(settings...)
	w.settings = w.expectSettings()
	for _, s := range w.settings {
		switch s.ID {
		case http2.SettingInitialWindowSize:
			w.send.begin(int64(s.Val))
		case http2.SettingMaxFrameSize:
			w.sendFrame = int(s.Val)
		case http2.SettingHeaderTableSize:
			w.encoder.SetMaxDynamicTableSizeLimit(s.Val)
		}
	}
	w.frame(http2.FrameSettings, http2.FlagSettingsAck, 0, nil)
	w.until("the acknowledgement of SETTINGS", func() bool { return w.acks > 0 })
}

// raw sends bytes. An error is not one of the test: the server may have ended the connection, which reading tells.
func (w *wire) raw(b []byte) {
	w.nc.SetWriteDeadline(time.Now().Add(patience))
	if _, err := w.nc.Write(b); errors.Is(err, os.ErrDeadlineExceeded) {
		w.t.Fatalf("the server takes no bytes: %v", err)
	}
}

// frame sends a frame with the length that its payload has.
func (w *wire) frame(kind http2.FrameType, flags http2.Flags, stream uint32, payload []byte) {
	w.raw(rawFrame(kind, flags, stream, payload))
}

func rawFrame(kind http2.FrameType, flags http2.Flags, stream uint32, payload []byte) []byte {
	n := len(payload)
	head := []byte{byte(n >> 16), byte(n >> 8), byte(n), byte(kind), byte(flags),
		byte(stream >> 24), byte(stream >> 16), byte(stream >> 8), byte(stream)}
	return append(head, payload...)
}

// sendSettings sends SETTINGS; what they allow the server holds from now, what they forbid it from its acknowledgement.
func (w *wire) sendSettings(settings ...http2.Setting) {
	var payload []byte
	wanted := int64(-1)
	for _, s := range settings {
		payload = append(payload, byte(s.ID>>8), byte(s.ID), byte(s.Val>>24), byte(s.Val>>16), byte(s.Val>>8), byte(s.Val))
		switch s.ID {
		case http2.SettingInitialWindowSize:
			wanted = int64(s.Val)
			if wanted > w.recv.initial {
				w.recv.begin(wanted)
			}
		case http2.SettingHeaderTableSize:
			w.tableSize = max(w.tableSize, s.Val)
			w.decoder.SetAllowedMaxDynamicTableSize(w.tableSize)
		case http2.SettingMaxFrameSize:
			w.recvFrame = max(w.recvFrame, int(s.Val))
		}
	}
	w.shrink = append(w.shrink, wanted)
	w.frame(http2.FrameSettings, 0, 0, payload)
}

// grant gives the server window: on the connection when stream is 0.
func (w *wire) grant(stream uint32, n uint32) {
	w.recv.add(stream, int64(n))
	w.frame(http2.FrameWindowUpdate, 0, stream, u32(n))
}

func u32(n uint32) []byte { return []byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)} }

// block encodes a header block.
func (w *wire) block(f fields) []byte {
	w.encoded.Reset()
	for _, field := range f {
		w.encoder.WriteField(field)
	}
	return bytes.Clone(w.encoded.Bytes())
}

// headers sends a header block in one HEADERS frame with END_HEADERS, and END_STREAM when end.
func (w *wire) headers(stream uint32, end bool, f fields) {
	w.frame(http2.FrameHeaders, http2.FlagHeadersEndHeaders|endFlag(end), stream, w.block(f))
}

func endFlag(end bool) http2.Flags {
	if end {
		return http2.FlagDataEndStream // the same bit on HEADERS
	}
	return 0
}

// data sends one DATA frame, whatever the windows say, and keeps count of them.
func (w *wire) data(stream uint32, b string, end bool) {
	w.send.add(0, -int64(len(b)))
	w.send.add(stream, -int64(len(b)))
	w.frame(http2.FrameData, endFlag(end), stream, []byte(b))
}

// padded sends one DATA frame with that much padding.
func (w *wire) padded(stream uint32, b string, padding byte, end bool) {
	payload := append([]byte{padding}, b...)
	payload = append(payload, make([]byte, padding)...)
	w.send.add(0, -int64(len(payload)))
	w.send.add(stream, -int64(len(payload)))
	w.frame(http2.FrameData, http2.FlagDataPadded|endFlag(end), stream, payload)
}

// upload sends n bytes in DATA frames as the windows allow, with END_STREAM on the last.
func (w *wire) upload(stream uint32, n int) {
	w.t.Helper()
	for n > 0 {
		w.until("a window for the upload", func() bool { return w.send.conn > 0 && w.send.stream(stream) > 0 })
		size := min(n, w.sendFrame, int(w.send.conn), int(w.send.stream(stream)))
		n -= size
		w.data(stream, strings.Repeat("x", size), n == 0)
	}
}

// reset sends RST_STREAM.
func (w *wire) reset(stream uint32, code http2.ErrCode) {
	w.frame(http2.FrameRSTStream, 0, stream, u32(uint32(code)))
}

// goAway sends GOAWAY with NO_ERROR: the client opens no more streams.
func (w *wire) goAway() {
	w.frame(http2.FrameGoAway, 0, 0, make([]byte, 8))
}

// barrier returns when the server has answered a PING: what it had decided to send before, has been read.
func (w *wire) barrier() {
	w.t.Helper()
	w.pings++
	data := [8]byte{'b', 'a', 'r', 'r', 'i', 'e', 'r', w.pings}
	w.frame(http2.FramePing, 0, 0, data[:])
	w.await("the answer to PING", func(e event) bool { return e.kind == http2.FramePing && e.ack() && e.ping == data })
}

// closeWrite ends the client's side of the connection.
func (w *wire) closeWrite() {
	if err := w.nc.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		w.t.Fatal(err)
	}
}

// read reads one frame, keeps the books, and returns what it says. A header block is one event.
func (w *wire) read(what string) event {
	w.t.Helper()
	if w.ended {
		return event{ended: true}
	}
	w.nc.SetReadDeadline(time.Now().Add(patience))
	f, err := w.framer.ReadFrame()
	var bad http2.ConnectionError
	switch timeout, isTimeout := err.(net.Error); {
	case isTimeout && timeout.Timeout():
		w.t.Fatalf("%s did not come; received before: %v", what, w.kept)
	case errors.As(err, &bad):
		w.t.Fatalf("waiting for %s: the server sent a malformed frame: %v (%v)", what, err, w.framer.ErrorDetail())
	case err != nil:
		w.ended = true // an end in the middle of a frame is for the test to expect: what it waits for does not come
		return event{ended: true, err: err}
	}
	return w.received(what, f)
}

func (w *wire) received(what string, f http2.Frame) event {
	w.t.Helper()
	h := f.Header()
	e := event{kind: h.Type, flags: h.Flags, stream: h.StreamID}
	if int(h.Length) > w.recvFrame {
		w.t.Fatalf("the server sent %v, larger than SETTINGS_MAX_FRAME_SIZE (%d) allows", h, w.recvFrame)
	}
	switch f := f.(type) {
	case *http2.SettingsFrame:
		w.receivedSettings(f, &e)
	case *http2.HeadersFrame:
		e.block = bytes.Clone(f.HeaderBlockFragment())
		for ended := f.HeadersEnded(); !ended; {
			next, err := w.framer.ReadFrame()
			c, ok := next.(*http2.ContinuationFrame)
			if err != nil || !ok || c.StreamID != e.stream {
				w.t.Fatalf("waiting for %s: a header block of stream %d is not continued but followed by %v, %v", what, e.stream, next, err)
			}
			e.block = append(e.block, c.HeaderBlockFragment()...)
			e.continued, ended = e.continued+1, c.HeadersEnded()
		}
		var err error
		if e.fields, err = w.decoder.DecodeFull(e.block); err != nil {
			w.t.Fatalf("the header block %x of stream %d: %v", e.block, e.stream, err)
		}
	case *http2.DataFrame:
		e.data, e.length = string(f.Data()), int(h.Length)
		w.recv.add(0, -int64(h.Length))
		w.recv.add(e.stream, -int64(h.Length))
		if h.Length > 0 && (w.recv.conn < 0 || w.recv.stream(e.stream) < 0) {
			w.t.Fatalf("%v exceeds the client's windows: connection %d, stream %d", h, w.recv.conn, w.recv.stream(e.stream))
		}
	case *http2.RSTStreamFrame:
		e.code = f.ErrCode
	case *http2.GoAwayFrame:
		e.code, e.last = f.ErrCode, f.LastStreamID
	case *http2.WindowUpdateFrame:
		e.increment = f.Increment
		w.updates[e.stream] += uint64(f.Increment)
		w.send.add(e.stream, int64(f.Increment))
		if w.send.conn > maxWindow || w.send.stream(e.stream) > math.MaxInt32 && e.stream > 0 {
			w.t.Fatalf("WINDOW_UPDATE of %d on stream %d makes the window larger than 2^31-1", f.Increment, e.stream)
		}
	case *http2.PingFrame:
		e.ping = f.Data
		if !f.IsAck() && !w.manual {
			w.frame(http2.FramePing, http2.FlagPingAck, 0, f.Data[:])
		}
	default:
		w.t.Fatalf("waiting for %s: the server sent %v, which servers do not send", what, h)
	}
	return e
}

func (w *wire) receivedSettings(f *http2.SettingsFrame, e *event) {
	if !f.IsAck() {
		f.ForeachSetting(func(s http2.Setting) error { e.settings = append(e.settings, s); return nil })
		return
	}
	w.acks++
	if w.acks > len(w.shrink) {
		w.t.Fatalf("the server acknowledged SETTINGS %d times, which were sent %d times", w.acks, len(w.shrink))
	}
	if n := w.shrink[w.acks-1]; n >= 0 {
		w.recv.begin(n)
	}
}

// event is what the server did.
type event struct {
	kind      http2.FrameType
	flags     http2.Flags
	stream    uint32
	fields    fields
	block     []byte // of HEADERS, as received
	continued int    // the number of CONTINUATION frames
	data      string
	length    int // of DATA, with padding
	code      http2.ErrCode
	last      uint32
	settings  []http2.Setting
	increment uint32
	ping      [8]byte
	ended     bool // the connection has ended
	err       error
}

func (e event) ack() bool       { return e.flags&1 != 0 }
func (e event) endStream() bool { return e.flags&http2.FlagDataEndStream != 0 }

func (e event) String() string {
	switch {
	case e.ended:
		return fmt.Sprintf("end of the connection (%v)", e.err)
	case e.kind == http2.FrameHeaders:
		return fmt.Sprintf("HEADERS[%d %v end=%v]", e.stream, e.fields, e.endStream())
	case e.kind == http2.FrameData:
		return fmt.Sprintf("DATA[%d %.40q(%d) end=%v]", e.stream, e.data, len(e.data), e.endStream())
	case e.kind == http2.FrameRSTStream, e.kind == http2.FrameGoAway:
		return fmt.Sprintf("%v[%d %v last=%d]", e.kind, e.stream, e.code, e.last)
	}
	return fmt.Sprintf("%v[%d flags=%x]", e.kind, e.stream, e.flags)
}
