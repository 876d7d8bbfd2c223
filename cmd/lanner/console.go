package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"
)

// console is a log for people: time, level, message, and what belongs to it as key=value.
type console struct {
	level  slog.Level
	p      painter
	prefix string // of keys, from WithGroup: "a.b."
	attrs  string // from WithAttrs, written already

	mu *sync.Mutex // of out, shared by all that came from one
	w  io.Writer
}

func newConsole(w io.Writer, level slog.Level, p painter) *console {
	return &console{level: level, p: p, mu: new(sync.Mutex), w: w}
}

// Enabled reports whether records of a level are written.
func (c *console) Enabled(_ context.Context, level slog.Level) bool { return level >= c.level }

// Handle writes one line.
func (c *console) Handle(_ context.Context, r slog.Record) error {
	var b strings.Builder
	if !r.Time.IsZero() {
		b.WriteString(c.p.paint(dim, r.Time.Format(time.TimeOnly)) + " ")
	}
	fmt.Fprintf(&b, "%s %s", c.p.paint(levelColour(r.Level), fmt.Sprintf("%-5s", r.Level)), printable(r.Message, false))
	b.WriteString(c.attrs)
	r.Attrs(func(attr slog.Attr) bool {
		c.write(&b, c.prefix, attr)
		return true
	})
	b.WriteByte('\n')
	c.mu.Lock()
	defer c.mu.Unlock()
	_, err := io.WriteString(c.w, b.String())
	return err
}

// WithAttrs returns a log that writes attrs on every line.
func (c *console) WithAttrs(attrs []slog.Attr) slog.Handler {
	var b strings.Builder
	for _, attr := range attrs {
		c.write(&b, c.prefix, attr)
	}
	with := *c
	with.attrs += b.String()
	return &with
}

// WithGroup returns a log that puts name before every key.
func (c *console) WithGroup(name string) slog.Handler {
	if name == "" {
		return c
	}
	with := *c
	with.prefix += name + "."
	return &with
}

func (c *console) write(b *strings.Builder, prefix string, attr slog.Attr) {
	value := attr.Value.Resolve()
	if attr.Equal(slog.Attr{}) {
		return
	}
	if value.Kind() == slog.KindGroup {
		if attr.Key != "" {
			prefix += attr.Key + "."
		}
		for _, member := range value.Group() {
			c.write(b, prefix, member)
		}
		return
	}
	text := value.String()
	if value.Kind() == slog.KindTime {
		text = value.Time().Format(time.RFC3339)
	}
	if text == "" || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r == '"' || r == '=' || r == 0x7F }) {
		text = fmt.Sprintf("%q", text)
	}
	b.WriteString(" " + c.p.paint(dim, prefix+attr.Key+"=") + printable(text, false))
}

func levelColour(level slog.Level) colour {
	switch {
	case level >= slog.LevelError:
		return red
	case level >= slog.LevelWarn:
		return yellow
	case level >= slog.LevelInfo:
		return green
	}
	return dim
}
