package handover

import (
	"encoding/json"
	"slices"
)

// decode turns a frame into its message, which then owns the frame's payload
// and descriptor. It returns nil for a kind that a newer minor version added.
// On every other outcome than a message the descriptor is the caller's still.
func decode(f frame) (Message, *ProtocolError) {
	newer := f.version.Minor > Current.Minor
	info, known := kinds[f.kind]
	if !known && newer {
		return nil, nil
	}
	if !known {
		return nil, broken("it sent a message of the unknown %s", f.kind)
	}
	switch {
	case info.descriptor == always && f.descriptor == nil:
		return nil, broken("%s came without its descriptor", info.name)
	case info.descriptor == never && f.descriptor != nil:
		return nil, broken("%s came with a descriptor", info.name)
	}
	if f.kind == KindConn && f.version.Minor == 0 {
		f.payload = slices.Concat(f.payload, noClient)
	}
	if f.kind == KindConn && f.version.Minor < 2 {
		f.payload = slices.Concat(f.payload, noCredential)
	}
	m := info.make()
	if err := parse(m, f.payload, newer); err != nil {
		return nil, broken("%s cannot be read: %v", info.name, err)
	}
	if f.descriptor != nil {
		*m.descriptor() = f.descriptor
	}
	return m, nil
}

func parse(m Message, payload []byte, newer bool) error {
	if err := parsePayload(m, payload, newer); err != nil {
		return err
	}
	if c, ok := m.(checker); ok {
		return c.check()
	}
	return nil
}

func parsePayload(m Message, payload []byte, newer bool) error {
	if p, ok := m.(payloadParser); ok {
		return p.parsePayload(payload, newer)
	}
	return json.Unmarshal(payload, m)
}
