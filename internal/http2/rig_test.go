package http2

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lannerhq/lanner/internal/httpcommon"
	framing "golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// rig is an engine on a connection in memory, which works as an event loop does: whoever is the reader processes what has come,
// and gives the role back when nothing has. It is the engine's Wire and Handler.
type rig struct {
	t    testing.TB
	conn *Conn
	cfg  *Config

	// app runs a request. elsewhere says that requests run on goroutines of their own, left that the reader was left.
	app       func(*Stream) error
	elsewhere bool
	left      bool

	mu       sync.Mutex
	inbox    []byte
	eof      error
	reading  bool // there is a reader
	woken    bool
	expired  uint8
	ended    bool // no reader any more
	next     Next // its last
	room     int  // what the wire takes at a time; negative: everything
	broken   error
	notified int
	out      bytes.Buffer
	armed    []string // the timeouts, in order
	pool     []*Stream
	events   []string // rejections and the failure of the connection, in order
	reports  []Report
	failures []error
	last     int // calls of LastReturned
	goOns    int

	// The client's side, used by the test alone.
	framer  *framing.Framer
	encoder *hpack.Encoder
	block   bytes.Buffer
	decoder *hpack.Decoder
}

func limits() Limits {
	return Limits{
		MaxStreams: 100, HeaderTableSize: 4096, MaxFrameSize: 16384, MaxFieldSize: 32768, ConnectionWindow: 1 << 20, StreamWindow: 768 << 10,
		KeepAlivePingTimeout: 20 * time.Second, MaxRequestLineSize: 8192, MaxRequestHeadersTotalSize: 32768, MaxRequestHeaderCount: 100,
		MaxRequestBodySize: 30_000_000, MaxResponseBufferSize: 64 << 10, KeepAliveTimeout: 130 * time.Second, RequestHeadersTimeout: 30 * time.Second,
	}
}

// newRig makes a connection whose client has not sent anything. change, if any, alters the configuration.
func newRig(t testing.TB, app func(*Stream) error, change func(*Config)) *rig {
	cfg := &Config{Limits: limits(), Scheme: "http"}
	if change != nil {
		change(cfg)
	}
	r := &rig{t: t, cfg: cfg, app: app, room: -1}
	r.framer = framing.NewFramer(io.Discard, &r.out)
	r.framer.AllowIllegalReads = true
	r.encoder = hpack.NewEncoder(&r.block)
	r.decoder = hpack.NewDecoder(4096, nil)
	r.conn = NewConn(cfg, r, r, 0, false)
	return r
}

// connect makes a connection that has shaken hands.
func connect(t testing.TB, app func(*Stream) error, change func(*Config)) *rig {
	r := newRig(t, app, change)
	r.send([]byte(Preface), settings())
	r.drop()
	return r
}

// Write implements Wire.
func (r *rig) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.broken != nil {
		return 0, r.broken
	}
	n := len(p)
	if r.room >= 0 {
		n = min(n, r.room)
		r.room -= n
	}
	r.out.Write(p[:n])
	return n, nil
}

func (r *rig) Writev(bufs [][]byte) (n int, err error) {
	for _, b := range bufs {
		k, err := r.Write(b)
		if n += k; err != nil || k < len(b) {
			return n, err
		}
	}
	return n, nil
}

func (r *rig) NotifyWritable() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.notified++
}

func (r *rig) SetTimeout(reason uint8, d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.armed = append(r.armed, fmt.Sprint(reason, " ", d))
}

// Broken implements Handler: the engine does not panic.
func (r *rig) Broken(v any) { panic(v) }

// NewStream implements Handler, with the others that follow.
func (r *rig) NewStream() *Stream {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := len(r.pool); n > 0 {
		s := r.pool[n-1]
		r.pool = r.pool[:n-1]
		return s
	}
	return new(Stream)
}

func (r *rig) Recycle(s *Stream) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pool = append(r.pool, s)
}

func (r *rig) Elsewhere(*Stream) bool { return r.elsewhere }
func (r *rig) Left(*Stream) bool      { return r.left }

func (r *rig) Serve(s *Stream) error { return r.app(s) }

func (r *rig) GoOn() {
	r.mu.Lock()
	r.goOns++
	r.mu.Unlock()
	go r.read(r.conn.Resume)
}

func (r *rig) Wake() {
	r.mu.Lock()
	r.woken = true
	r.mu.Unlock()
	r.begin()
}

func (r *rig) Rejected(s *Stream, bad *httpcommon.BadRequestError) *Answer {
	r.note("rejected %d: %d %s", s.ID(), bad.Status, bad.Detail)
	return nil
}

func (r *rig) Failed(s *Stream, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failures = append(r.failures, err)
}

func (r *rig) Ended(s *Stream) {
	report := s.Report()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reports = append(r.reports, report)
}

func (r *rig) ConnectionFailed(e *ConnectionError) { r.note("failed: %v (%s)", e, e.Reason) }

func (r *rig) LastReturned() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last++
}

func (r *rig) note(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, fmt.Sprintf(format, args...))
}

// begin makes a goroutine the reader, unless there is one.
func (r *rig) begin() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.reading && !r.ended {
		r.reading = true
		go r.read(nil)
	}
}

// read is the reader until nothing is left to read. first is what it does before it reads, if anything.
func (r *rig) read(first func() Next) {
	for {
		next := More
		if first != nil {
			next, first = first(), nil
		} else {
			next = r.step()
		}
		r.mu.Lock()
		switch {
		case next == Gone:
			r.mu.Unlock()
			return
		case next != More:
			r.ended, r.next, r.reading = true, next, false
			r.broken = io.ErrClosedPipe
			r.mu.Unlock()
			if r.conn.Finished() {
				r.LastReturned()
			}
			return
		case len(r.inbox) == 0 && r.eof == nil && !r.woken && r.expired == 0:
			r.reading = false
			r.mu.Unlock()
			return
		}
		r.mu.Unlock()
	}
}

func (r *rig) step() Next {
	r.mu.Lock()
	r.woken = false
	if expired := r.expired; expired != 0 {
		r.mu.Unlock()
		return r.conn.Expired(expired)
	}
	if len(r.inbox) == 0 && r.eof != nil {
		r.mu.Unlock()
		return r.conn.ReadFailed(r.eof)
	}
	n := copy(r.conn.Input(), r.inbox)
	r.inbox = r.inbox[n:]
	r.mu.Unlock()
	r.conn.Received(n)
	return r.conn.Process()
}

// send gives the connection bytes, and waits until nothing happens any more. It is for bubbles.
func (r *rig) send(parts ...[]byte) {
	r.mu.Lock()
	for _, p := range parts {
		r.inbox = append(r.inbox, p...)
	}
	r.mu.Unlock()
	r.begin()
	synctest.Wait()
}

// leave is the end of what the client sends.
func (r *rig) leave(err error) {
	r.mu.Lock()
	r.eof = err
	r.mu.Unlock()
	r.begin()
	synctest.Wait()
}

// expire has a deadline pass.
func (r *rig) expire(reason uint8) {
	r.mu.Lock()
	r.expired = reason
	r.mu.Unlock()
	r.begin()
	synctest.Wait()
}

// take lets the wire take n more bytes, all from then on when n is negative.
func (r *rig) take(n int) {
	r.mu.Lock()
	r.room = n
	asked := r.notified > 0
	r.notified = 0
	r.mu.Unlock()
	if asked {
		r.conn.Writable()
	}
	synctest.Wait()
}

// drop forgets what was written so far.
func (r *rig) drop() {
	r.frames()
}

// frames returns what was written, one text a frame, without the server's window updates if quiet.
func (r *rig) frames() (all []string) {
	r.t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	for {
		if r.out.Len() < frameHeaderSize || r.out.Len() < frameHeaderSize+frameHead2(r.out.Bytes()) {
			return all
		}
		f, err := r.framer.ReadFrame()
		if err != nil {
			r.t.Fatalf("the server wrote a malformed frame: %v, after %q", err, all)
		}
		all = append(all, r.text(f))
	}
}

func frameHead2(b []byte) int { f := frameHead(b); return f.length }

func (r *rig) text(f framing.Frame) string {
	h := f.Header()
	end := ""
	if h.Flags&flagEndStream != 0 && (h.Type == framing.FrameData || h.Type == framing.FrameHeaders) {
		end = " end"
	}
	switch f := f.(type) {
	case *framing.HeadersFrame:
		fragment := bytes.Clone(f.HeaderBlockFragment())
		for more := !f.HeadersEnded(); more; {
			next, err := r.framer.ReadFrame()
			c, ok := next.(*framing.ContinuationFrame)
			if err != nil || !ok {
				r.t.Fatalf("a header block is followed by %v, %v", next, err)
			}
			fragment = append(fragment, c.HeaderBlockFragment()...)
			more = !c.HeadersEnded()
		}
		fields, err := r.decoder.DecodeFull(fragment)
		if err != nil {
			r.t.Fatalf("the header block %x: %v", fragment, err)
		}
		text := fmt.Sprintf("HEADERS %d", h.StreamID)
		for _, x := range fields {
			text += fmt.Sprintf(" %s=%s", x.Name, x.Value)
		}
		return text + end
	case *framing.DataFrame:
		if len(f.Data()) > 40 {
			return fmt.Sprintf("DATA %d (%d bytes)%s", h.StreamID, len(f.Data()), end)
		}
		return fmt.Sprintf("DATA %d %q%s", h.StreamID, f.Data(), end)
	case *framing.RSTStreamFrame:
		return fmt.Sprintf("RST_STREAM %d %v", h.StreamID, f.ErrCode)
	case *framing.GoAwayFrame:
		return fmt.Sprintf("GOAWAY %d %v", f.LastStreamID, f.ErrCode)
	case *framing.WindowUpdateFrame:
		return fmt.Sprintf("WINDOW_UPDATE %d %d", h.StreamID, f.Increment)
	case *framing.PingFrame:
		return fmt.Sprintf("PING %q ack=%v", f.Data[:], f.IsAck())
	case *framing.SettingsFrame:
		if f.IsAck() {
			return "SETTINGS ack"
		}
		text := "SETTINGS"
		f.ForeachSetting(func(s framing.Setting) error { text += fmt.Sprintf(" %d=%d", s.ID, s.Val); return nil })
		return text
	}
	return fmt.Sprint(h)
}

// want compares what was written since the last time.
func (r *rig) want(why string, frames ...string) {
	r.t.Helper()
	got := r.frames()
	if strings.Join(got, "\n") != strings.Join(frames, "\n") {
		r.t.Fatalf("want %s:\n%s\ngot:\n%s", why, strings.Join(frames, "\n"), strings.Join(got, "\n"))
	}
}

// wantEvents compares the rejections and the connection's failure so far.
func (r *rig) wantEvents(why string, events ...string) {
	r.t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if strings.Join(r.events, "\n") != strings.Join(events, "\n") {
		r.t.Fatalf("want %s: %q, got %q", why, events, r.events)
	}
}

// wantOver checks that the connection has ended in this way and that nothing of it is left.
func (r *rig) wantOver(next Next) {
	r.t.Helper()
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.ended || r.next != next || r.last != 1 {
		r.t.Fatalf("ended %v with %d, and %d times the last handler has returned; want %d, and once", r.ended, r.next, r.last, next)
	}
	c := r.conn
	if c.streams.len != 0 || c.running != 0 || c.active != 0 || c.queued != 0 || c.meter.uploads != 0 || c.meter.writes != 0 && !c.stalled || c.meter.waiting != 0 {
		r.t.Errorf("left behind: %d streams, %d handlers, %d active, queues %b, meter %+v", c.streams.len, c.running, c.active, c.queued, c.meter)
	}
}

// end ends the connection as a client that leaves does.
func (r *rig) end() {
	r.t.Helper()
	r.leave(io.EOF)
	synctest.Wait()
	r.mu.Lock()
	next := r.next
	r.mu.Unlock()
	r.wantOver(next)
}

// What the client sends.

func aFrame(kind, flags uint8, stream uint32, payload []byte) []byte {
	return append(appendFrameHead(nil, len(payload), kind, flags, stream), payload...)
}

func settings(pairs ...uint32) []byte {
	var p []byte
	for i := 0; i < len(pairs); i += 2 {
		p = appendSetting(p, uint16(pairs[i]), pairs[i+1])
	}
	return aFrame(frameSettings, 0, 0, p)
}

func data(stream uint32, flags uint8, text string) []byte {
	return aFrame(frameData, flags, stream, []byte(text))
}

// encode makes a header block of names and values.
func (r *rig) encode(fields ...string) []byte {
	r.block.Reset()
	for i := 0; i < len(fields); i += 2 {
		r.encoder.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]})
	}
	return bytes.Clone(r.block.Bytes())
}

// request makes HEADERS of a request with these fields besides.
func (r *rig) request(stream uint32, flags uint8, method, path string, fields ...string) []byte {
	all := append([]string{":method", method, ":scheme", r.cfg.Scheme, ":path", path, ":authority", "a"}, fields...)
	return aFrame(frameHeaders, flagEndHeaders|flags, stream, r.encode(all...))
}

func (r *rig) get(stream uint32, path string, fields ...string) []byte {
	return r.request(stream, flagEndStream, "GET", path, fields...)
}

func bubble(t *testing.T, f func(t *testing.T)) { t.Helper(); synctest.Test(t, f) }

// Applications.

func answer(text string) func(*Stream) error {
	return func(s *Stream) error {
		_, err := s.Response().Write([]byte(text))
		return err
	}
}

// paths serves each request by the function of its path.
type paths map[string]func(*Stream) error

func (p paths) serve(s *Stream) error {
	if f := p[s.Request().Path()]; f != nil {
		return f(s)
	}
	return answer("ok")(s)
}

func echo(s *Stream) error {
	b, err := io.ReadAll(s.Request().Body())
	if err != nil {
		return err
	}
	_, err = s.Response().Write(b)
	return err
}

// pause lets time pass, and what is due then happen.
func pause(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}
