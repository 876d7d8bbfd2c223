package kestrel

import (
	"fmt"
	"os"
	"runtime"
	"strings"

	"github.com/lannerhq/lanner/internal/httpconn"
)

// Transport says what carries connections.
type Transport uint8

const (
	// TransportAuto is the event loop where the system has one (Linux) and the listener is a socket of package net, and
	// the portable transport elsewhere. The environment variable LANNER_TRANSPORT=portable turns the event loop off
	// without a new build.
	TransportAuto Transport = iota
	// TransportEventLoop is the event loop. Where the system has none, Start fails.
	TransportEventLoop
	// TransportPortable gives each connection a goroutine of its own, as net/http does.
	TransportPortable
)

// TransportVariable overrides TransportAuto when it is set: "portable" or "eventloop".
const TransportVariable = "LANNER_TRANSPORT"

var transportNames = []string{"auto", "eventloop", "portable"}

// String returns the name that UnmarshalText takes.
func (t Transport) String() string { return name(transportNames, t) }

// MarshalText and UnmarshalText make a Transport readable in configuration files.
func (t Transport) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText takes "auto", "eventloop" or "portable".
func (t *Transport) UnmarshalText(text []byte) error { return unmarshal(transportNames, t, text) }

// eventLoop reports whether connections may be on the event loop.
func (t Transport) eventLoop() bool {
	if t == TransportAuto && os.Getenv(TransportVariable) == transportNames[TransportPortable] {
		return false
	}
	return t != TransportPortable
}

func (t Transport) validate() error {
	if t > TransportPortable {
		return fmt.Errorf("Transport is %v: it must be one of %q", t, transportNames)
	}
	if t == TransportAuto {
		if v := os.Getenv(TransportVariable); v != "" {
			if err := unmarshal(transportNames, &t, []byte(v)); err != nil {
				return fmt.Errorf("environment variable %s: %w", TransportVariable, err)
			}
		}
	}
	if t == TransportEventLoop && runtime.GOOS != "linux" {
		return fmt.Errorf("Transport is eventloop, which %s does not have: use auto or portable", runtime.GOOS)
	}
	return nil
}

// Exec says where handlers run while the event loop carries the connection. The portable transport runs each on its
// connection's goroutine.
type Exec uint8

const (
	// ExecAuto runs handlers on the loop; one that blocks or computes for more than a millisecond loses the loop to another
	// goroutine and goes on alone, and its kind runs on goroutines for a while.
	ExecAuto Exec = iota
	// ExecInline runs all handlers on the loop. One that blocks still loses the loop.
	ExecInline
	// ExecGoroutine runs every handler off the loop.
	ExecGoroutine
)

var execNames = []string{"auto", "inline", "goroutine"}

// String returns the name that UnmarshalText takes.
func (e Exec) String() string { return name(execNames, e) }

// MarshalText and UnmarshalText make an Exec readable in configuration files.
func (e Exec) MarshalText() ([]byte, error) { return []byte(e.String()), nil }

// UnmarshalText takes "auto", "inline" or "goroutine".
func (e *Exec) UnmarshalText(text []byte) error { return unmarshal(execNames, e, text) }

func (e Exec) httpconn() httpconn.Exec {
	switch e {
	case ExecInline:
		return httpconn.Inline
	case ExecGoroutine:
		return httpconn.Goroutine
	}
	return httpconn.Auto
}

// name and unmarshal are those of small enumerations.
func name[T ~uint8](names []string, value T) string {
	if int(value) < len(names) {
		return names[value]
	}
	return fmt.Sprintf("invalid(%d)", value)
}

func unmarshal[T ~uint8](names []string, value *T, text []byte) error {
	for i, name := range names {
		if strings.EqualFold(name, string(text)) {
			*value = T(i)
			return nil
		}
	}
	return fmt.Errorf("%q is none of %q", text, names)
}
