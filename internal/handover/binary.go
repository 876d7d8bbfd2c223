package handover

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// The messages that travel once or more for every connection are binary, all
// numbers big-endian. DESIGN.md draws them.

var be = binary.BigEndian

func (m *Conn) appendPayload(b []byte) ([]byte, error) {
	b = be.AppendUint64(b, m.ID)
	b = be.AppendUint32(b, m.Slot)
	b = be.AppendUint64(b, uint64(nanoseconds(m.Arrival)))
	b = append(b, byte(len(m.LocalScheme)))
	b = append(b, m.LocalScheme...)
	b = be.AppendUint32(b, uint32(len(m.Prefix)))
	b = append(b, m.Prefix...)
	var client []byte
	if m.Client != nil {
		var err error
		if client, err = json.Marshal(m.Client); err != nil {
			return b, fmt.Errorf("its client cannot be written as JSON: %w", err)
		}
	}
	b = be.AppendUint32(b, uint32(len(client)))
	b = append(b, client...)
	return be.AppendUint32(b, m.Credential), nil
}

func (m *Conn) parsePayload(p []byte, newer bool) error {
	c := cursor{rest: p}
	m.ID = c.uint64()
	m.Slot = c.uint32()
	m.Arrival = instant(int64(c.uint64()))
	m.LocalScheme = string(c.bytes(int(c.byte())))
	m.Prefix = c.bytes(int(c.uint32()))
	if client := c.bytes(int(c.uint32())); client != nil {
		m.Client = new(Client)
		if err := json.Unmarshal(client, m.Client); err != nil {
			return fmt.Errorf("its client cannot be read: %w", err)
		}
	}
	m.Credential = c.uint32()
	return c.end(newer)
}

// MaxCertificates bounds the certificates of a client, in bytes.
const MaxCertificates = 64 << 10

func (m *Conn) check() error {
	if m.Client != nil && m.Client.TLS != nil {
		size := 0
		for _, der := range m.Client.TLS.Certificates {
			size += len(der)
		}
		if size > MaxCertificates {
			return fmt.Errorf("client certificates of %d bytes exceed the limit of %d: %w", size, MaxCertificates, ErrTooLarge)
		}
	}
	if m.ID == 0 || m.ID&LocalID != 0 {
		return fmt.Errorf("connection number %#x is not one the host gives out", m.ID)
	}
	if m.Credential != 0 && (m.Client != nil || len(m.Prefix) > 0) {
		return errors.New("a connection whose handshake is to come has no client that is known, and nothing that was read")
	}
	if len(m.LocalScheme) > 255 {
		return fmt.Errorf("a scheme of %d bytes: %w", len(m.LocalScheme), ErrTooLarge)
	}
	return checkPrefix(m.Prefix)
}

// noClient and noCredential stand at the end of a CONN without a client and a
// credential. Versions 1.0 and 1.1 did not send them.
var noClient, noCredential = make([]byte, 4), make([]byte, 4)

func (m *Return) appendPayload(b []byte) ([]byte, error) {
	b = be.AppendUint64(b, m.ID)
	b = be.AppendUint32(b, m.ListenID)
	b = be.AppendUint32(b, m.Requests)
	b = be.AppendUint32(b, uint32(len(m.Unread)))
	return append(b, m.Unread...), nil
}

func (m *Return) parsePayload(p []byte, newer bool) error {
	c := cursor{rest: p}
	m.ID = c.uint64()
	m.ListenID = c.uint32()
	m.Requests = c.uint32()
	m.Unread = c.bytes(int(c.uint32()))
	return c.end(newer)
}

func (m *Return) check() error { return checkPrefix(m.Unread) }

func (m *Accepted) appendPayload(b []byte) ([]byte, error) {
	return be.AppendUint64(b, m.ID), nil
}

func (m *Accepted) parsePayload(p []byte, newer bool) error {
	c := cursor{rest: p}
	m.ID = c.uint64()
	return c.end(newer)
}

func (m *Accepted) check() error {
	if m.ID == 0 || m.ID&LocalID != 0 {
		return fmt.Errorf("connection number %#x is not one the host gives out", m.ID)
	}
	return nil
}

func (m *Done) appendPayload(b []byte) ([]byte, error) {
	b = be.AppendUint64(b, m.ID)
	return be.AppendUint32(b, m.Requests), nil
}

func (m *Done) parsePayload(p []byte, newer bool) error {
	c := cursor{rest: p}
	m.ID = c.uint64()
	m.Requests = c.uint32()
	return c.end(newer)
}

func (m *Done) check() error {
	if m.ID == 0 {
		return errors.New("a connection without a number cannot be done")
	}
	return nil
}

func (m *Register) appendPayload(b []byte) ([]byte, error) {
	b = be.AppendUint64(b, m.LocalID)
	b = be.AppendUint32(b, m.Slot)
	return be.AppendUint32(b, m.ListenID), nil
}

func (m *Register) parsePayload(p []byte, newer bool) error {
	c := cursor{rest: p}
	m.LocalID = c.uint64()
	m.Slot = c.uint32()
	m.ListenID = c.uint32()
	return c.end(newer)
}

func (m *Register) check() error {
	if m.LocalID&LocalID == 0 {
		return fmt.Errorf("connection number %#x is not one a worker gives out", m.LocalID)
	}
	return nil
}

func checkPrefix(b []byte) error {
	if len(b) > MaxPrefix {
		return fmt.Errorf("%d bytes read ahead exceed the limit of %d: %w", len(b), MaxPrefix, ErrTooLarge)
	}
	return nil
}

// nanoseconds and instant turn a time into a number and back. Zero stands for
// the zero time, which has no number of its own.
func nanoseconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

func instant(ns int64) time.Time {
	if ns == 0 {
		return time.Time{}
	}
	return time.Unix(0, ns)
}
