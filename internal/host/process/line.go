package process

import (
	"bytes"
	"errors"
	"io"
	"os"
	"time"
	"unicode/utf8"
)

// Stream tells where a line came from.
type Stream string

// The two streams of a process, in the spelling of the log file.
const (
	Stdout Stream = "stdout"
	Stderr Stream = "stderr"
)

// MaxLine is the longest line, in bytes, that is kept in one piece. A longer one
// becomes several, each but the last marked Partial, so that a program that
// never ends its line costs no memory.
const MaxLine = 64 << 10

// Line is one line printed by a tree, without its line end.
type Line struct {
	Time    time.Time // when the host read it
	Process string    // the Spec's Name
	PID     int       // of the tree's root
	Stream  Stream
	Text    string
	Partial bool // the next line of the stream continues this one
}

// splitter cuts a stream into lines. Line ends are LF or CR LF.
type splitter struct {
	pending []byte
	emit    func(text string, partial bool)
}

func (s *splitter) feed(p []byte) {
	for len(p) > 0 {
		i := bytes.IndexByte(p, '\n')
		if i >= 0 && len(s.pending)+i <= MaxLine {
			s.end(p[:i])
			p = p[i+1:]
			continue
		}
		part := p
		if i >= 0 {
			part = p[:i]
		}
		n := min(len(part), MaxLine-len(s.pending))
		s.pending = append(s.pending, part[:n]...)
		p = p[n:]
		if len(s.pending) == MaxLine && len(p) > 0 && p[0] != '\n' {
			s.cut()
		}
	}
}

// end emits pending and rest as a complete line.
func (s *splitter) end(rest []byte) {
	line := rest
	if len(s.pending) > 0 {
		line = append(s.pending, rest...)
	}
	s.emit(string(bytes.TrimSuffix(line, []byte{'\r'})), false)
	s.pending = s.pending[:0]
}

// cut emits what is pending as a part of a line, whole UTF-8 sequences only.
func (s *splitter) cut() {
	n := len(s.pending)
	for i := 1; i < utf8.UTFMax; i++ {
		if c := s.pending[n-i]; utf8.RuneStart(c) {
			if !utf8.FullRune(s.pending[n-i:]) {
				n -= i
			}
			break
		}
	}
	s.emit(string(s.pending[:n]), true)
	s.pending = append(s.pending[:0], s.pending[n:]...)
}

// close emits a last line that was not ended.
func (s *splitter) close() {
	if len(s.pending) > 0 {
		s.end(nil)
	}
}

// read carries one pipe to the outputs until its end. Lines are passed on in
// batches, as many as one read brings.
func (p *Process) read(pipe *os.File, stream Stream) {
	defer p.readers.Done()
	defer pipe.Close()
	var batch []Line
	var now time.Time
	lines := splitter{emit: func(text string, partial bool) {
		batch = append(batch, Line{
			Time: now, Process: p.name, PID: p.tree.pid, Stream: stream, Text: text, Partial: partial,
		})
	}}
	buf := make([]byte, 32<<10)
	for {
		n, err := pipe.Read(buf)
		now = time.Now()
		lines.feed(buf[:n])
		if err != nil {
			lines.close()
		}
		p.tail.Write(batch)
		p.output.Write(batch)
		batch = batch[:0]
		if err != nil {
			if !errors.Is(err, io.EOF) && !errors.Is(err, os.ErrClosed) {
				p.log().Warn(eventOutputLost, "stream", string(stream), "error", err)
			}
			return
		}
	}
}
