package handover

import (
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// maxReason bounds [Failed.Reason]. JSON may write a byte as six.
const maxReason = 32 << 10

// appendFrame appends m as one frame. It checks everything that can be wrong
// with m, so that a frame that was begun is always completed.
func appendFrame(b []byte, m Message) ([]byte, error) {
	info := kinds[m.Kind()]
	held := descriptorOf(m)
	if held == nil && info.descriptor == always {
		return b, errors.New("it needs a descriptor and has none")
	}
	if c, ok := m.(checker); ok {
		if err := c.check(); err != nil {
			return b, err
		}
	}
	start := len(b)
	h := header{version: Current, kind: m.Kind()}
	if held != nil {
		h.flags |= flagDescriptor
	}
	b = h.append(b)
	b, err := appendPayload(b, m)
	if err != nil {
		return b[:start], err
	}
	length := len(b) - start - headerSize
	if length > MaxPayload {
		return b[:start], fmt.Errorf("its payload of %d bytes exceeds the limit of %d: %w", length, MaxPayload, ErrTooLarge)
	}
	putLength(b[start:], length)
	return b, nil
}

func descriptorOf(m Message) *Descriptor {
	if d := m.descriptor(); d != nil {
		return *d
	}
	return nil
}

func appendPayload(b []byte, m Message) ([]byte, error) {
	if p, ok := m.(payloadAppender); ok {
		return p.appendPayload(b)
	}
	return appendJSON(b, m)
}

func appendJSON(b []byte, v any) ([]byte, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return b, fmt.Errorf("it cannot be written as JSON: %w", err)
	}
	return append(b, text...), nil
}

// appendPayload writes the token that json.Marshal alone would hide.
func (m *Hello) appendPayload(b []byte) ([]byte, error) {
	told := *m
	if told.Version == (Version{}) {
		told.Version = Current
	}
	return appendJSON(b, struct {
		*Hello
		Token string `json:"token"`
	}{&told, string(m.Token)})
}

func (m *Ready) appendPayload(b []byte) ([]byte, error) {
	told := *m
	if told.Version == (Version{}) {
		told.Version = Current
	}
	return appendJSON(b, told)
}

func (m *Failed) appendPayload(b []byte) ([]byte, error) {
	return appendJSON(b, Failed{Reason: cut(m.Reason, maxReason)})
}

// cut shortens s to at most max bytes without splitting a character.
func cut(s string, max int) string {
	if len(s) <= max {
		return s
	}
	for max > 0 && !utf8.RuneStart(s[max]) {
		max--
	}
	return s[:max]
}
