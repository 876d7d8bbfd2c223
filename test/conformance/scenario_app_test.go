package conformance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"strconv"
	"strings"

	"github.com/lannerhq/lanner/server"
)

// issue tells the application to carry out its next command.
func (s *stage) issue() {
	s.issued++
	s.hand(s.issued - 1)
}

// issueAhead issues the next command before its step, which then does nothing.
func (s *stage) issueAhead() {
	s.hand(s.issued)
}

func (s *stage) hand(n int) {
	for _, r := range s.requests {
		if n < len(r.commands) {
			if r.commands[n] != "" {
				r.issue <- r.commands[n]
				r.commands[n] = "" // carried out
			}
			return
		}
		n -= len(r.commands)
	}
	s.t.Fatalf("there is no command %d", n)
}

// play is what the application does with one request.
type play struct {
	s      *stage
	c      *server.Context
	ctx    context.Context
	stream net.Conn // of an upgraded connection
}

// errStop ends a request without an error.
var errStop = errors.New("stop")

// serve is the application of all scenarios.
func (s *stage) serve(c *server.Context) error {
	r := s.next()
	p := &play{s: s, c: c}
	defer func() {
		if p.stream != nil {
			p.stream.Close()
		}
	}()
	if err := p.prepare(); err != nil {
		return err
	}
	waits := len(r.commands) > 0 || s.row.Group == "backpressure"
	if c.Path() == "/consume" {
		_, err := io.Copy(io.Discard, c.Body())
		return err
	}
	if p.stream != nil && !waits {
		io.Copy(io.Discard, p.stream) // until the client closes
		return nil
	}
	for range max(len(r.commands), 1) {
		if !waits {
			return nil
		}
		command, ok := <-r.issue
		if !ok {
			return nil
		}
		for one := range strings.SplitSeq(command, "; ") {
			if err := p.do(one); err == errStop {
				return nil
			} else if err != nil {
				return err
			}
		}
	}
	return nil
}

// prepare sets what the row sets for each request, and upgrades a connection that asks for it.
func (p *play) prepare() error {
	if value, ok := p.s.row.Config["per_request_MinRequestBodyDataRate"]; ok {
		rates, _ := server.Get[server.MinDataRateFeature](p.c.Features())
		if err := rates.SetMinRequestBodyDataRate(rate(value)); err != nil {
			return err
		}
	}
	upgrade, _ := server.Get[server.UpgradeFeature](p.c.Features())
	if !upgrade.Upgradable() {
		return nil
	}
	stream, err := upgrade.Upgrade()
	if err == nil {
		p.stream = stream
	}
	return nil // an application may swallow the error: then it answers
}

var (
	writeChunks = regexp.MustCompile(`^write (\d+) MiB in (\d+) KiB chunks$`)
	writeBlocks = regexp.MustCompile(`^write (\d+) chunks of (\d+) MiB$`)
	readBytes   = regexp.MustCompile(`^read (\d+)`)
)

// do carries out one command. Commands are words of Kestrel's tests.
func (p *play) do(command string) error {
	c := p.c
	switch {
	case command == "finish", command == "return without reading":
		return errStop
	case command == "reading":
		_, err := io.Copy(io.Discard, c.Body())
		return err
	case command == "read -> ConnectionReset":
		_, err := io.Copy(io.Discard, c.Body())
		if err == nil {
			p.s.t.Error("reading a body whose client has reset the connection went well")
		}
		return err
	case readBytes.MatchString(command):
		n, _ := strconv.Atoi(readBytes.FindStringSubmatch(command)[1])
		if _, err := io.ReadFull(p.input(), make([]byte, n)); err != nil {
			return err
		}
		if strings.HasSuffix(command, "then return") {
			return errStop
		}
		return nil
	case command == "stream read returns 0, no error":
		if n, err := p.stream.Read(make([]byte, 1)); n != 0 || err != io.EOF {
			p.s.t.Errorf("reading an upgraded connection after FIN gives %d and %v, want io.EOF, which is Go's word for it", n, err)
		}
		return nil
	case strings.HasPrefix(command, "second UpgradeAsync"):
		upgrade, _ := server.Get[server.UpgradeFeature](c.Features())
		_, err := upgrade.Upgrade()
		if err == nil {
			p.s.t.Error("a second upgrade went well")
		}
		return err
	case strings.HasPrefix(command, "UpgradeAsync ->"):
		if p.stream != nil {
			p.s.t.Error("an upgrade beyond the limit went well")
		}
		return nil
	case command == "swallowed":
		return errStop
	case command == "waits on RequestAborted":
		p.ctx = c.Context()
		_ = p.ctx.Done()
		return nil
	case command == "RequestAborted fired":
		if err := context.Cause(p.ctx); err == nil {
			p.s.t.Error("the context has not ended although the client has left")
		}
		return nil
	case command == "HttpContext.Abort()":
		life, _ := server.Get[server.RequestLifetimeFeature](c.Features())
		life.Abort(nil)
		return nil
	case writeChunks.MatchString(command):
		m := writeChunks.FindStringSubmatch(command)
		return p.writeMany(number(m[1])<<20, number(m[2])<<10)
	case writeBlocks.MatchString(command):
		m := writeBlocks.FindStringSubmatch(command)
		return p.writeMany(number(m[1])*number(m[2])<<20, number(m[2])<<20)
	case command == "write empty":
		return c.Flush()
	case strings.HasPrefix(command, "write "):
		return p.write(strings.Trim(strings.TrimPrefix(command, "write "), `"`))
	}
	p.s.t.Errorf("the application is to %q, which the runner does not know", command)
	return fmt.Errorf("unknown command %q", command)
}

func number(text string) int {
	n, _ := strconv.Atoi(text)
	return n
}

func (p *play) input() io.Reader {
	if p.stream != nil {
		return p.stream
	}
	return p.c.Body()
}

// write writes and sends: what Kestrel does at each write, Lanner does when it is told to.
func (p *play) write(text string) error {
	if p.stream != nil {
		_, err := io.WriteString(p.stream, text)
		return err
	}
	if _, err := p.c.WriteString(text); err != nil {
		return err
	}
	return p.c.Flush()
}

func (p *play) writeMany(total, block int) error {
	ctx := p.c.Context()
	_ = ctx.Done()
	b := make([]byte, block)
	for range total / block {
		if _, err := p.c.Write(b); err != nil {
			if context.Cause(ctx) == nil {
				p.s.t.Error("a write failed and the context has not ended")
			}
			return err
		}
	}
	return nil
}
