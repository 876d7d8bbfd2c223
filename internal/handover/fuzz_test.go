package handover

import (
	"bytes"
	"crypto/tls"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// roundTrip reads payload as a message of kind k. Whatever can be read must be
// the same after it has been written and read again, and its encoding stable.
func roundTrip(t *testing.T, k Kind, payload []byte) {
	first := kinds[k].make()
	if parse(first, payload, false) != nil {
		return
	}
	written, err := appendPayload(nil, first)
	if err != nil {
		t.Fatalf("%s was read and cannot be written: %v", k, err)
	}
	second := kinds[k].make()
	if err := parse(second, written, false); err != nil {
		t.Fatalf("%s cannot be read back from %q: %v", k, written, err)
	}
	rewritten, err := appendPayload(nil, second)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(written, rewritten) {
		t.Fatalf("%s was written as\n%q\nand then as\n%q", k, written, rewritten)
	}
	if _, binary := first.(payloadParser); !binary {
		return // JSON has several ways to write the same
	}
	if diff := cmp.Diff(first, second); diff != "" {
		t.Fatalf("%s changed (-first +second):\n%s", k, diff)
	}
	if c, ok := first.(*Conn); !bytes.Equal(payload, written) && (!ok || c.Client == nil) { // a client is JSON
		t.Fatalf("%s was read from\n%q\nand is written as\n%q", k, payload, written)
	}
	if parse(kinds[k].make(), append(written, 1), false) == nil {
		t.Fatalf("%s with a byte too many was read", k)
	}
	if parse(kinds[k].make(), append(written, 1), true) != nil {
		t.Fatalf("%s with a byte that a newer version added was not read", k)
	}
	for n := range written {
		if n > 64 && n < len(written)-1 {
			continue
		}
		if parse(kinds[k].make(), written[:n], true) == nil {
			t.Fatalf("%s cut off after %d of %d bytes was read", k, n, len(written))
		}
	}
}

func fuzzBinary(f *testing.F, k Kind, seeds ...Message) {
	for _, m := range seeds {
		p, err := appendPayload(nil, m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, payload []byte) { roundTrip(t, k, payload) })
}

func FuzzConn(f *testing.F) {
	fuzzBinary(f, KindConn, &Conn{ID: 1}, &Conn{ID: 2, Slot: NoSlot, LocalScheme: "https", Prefix: []byte("GET / HTTP/1.1\r\n\r\n")},
		&Conn{ID: 4, LocalScheme: "https", Slot: NoSlot, Credential: 9},
		&Conn{ID: 3, Client: &Client{Remote: "192.0.2.1:4000", TLS: &ClientTLS{Version: 0x304, Certificates: [][]byte{{1}}}}})
}

func FuzzReturn(f *testing.F) {
	fuzzBinary(f, KindReturn, &Return{}, &Return{ID: LocalID | 5, ListenID: 1, Requests: 3, Unread: []byte("GET")})
}

func FuzzAccepted(f *testing.F) { fuzzBinary(f, KindAccepted, &Accepted{ID: 1}) }

func FuzzDone(f *testing.F) { fuzzBinary(f, KindDone, &Done{ID: 1, Requests: 2}) }

func FuzzRegister(f *testing.F) {
	fuzzBinary(f, KindRegister, &Register{LocalID: LocalID | 1, Slot: 40000, ListenID: 2})
}

func FuzzTicketKeys(f *testing.F) {
	fuzzBinary(f, KindTicketKeys, &TicketKeys{Credential: 1, Keys: [][32]byte{{1}, {2}, {3}}})
}

func FuzzSign(f *testing.F) {
	fuzzBinary(f, KindSign, &Sign{ID: 1, Key: 2, Scheme: tls.ECDSAWithP256AndSHA256, Content: make([]byte, 32)}, &Sign{ID: 1, Key: 2, Scheme: tls.Ed25519, Content: make([]byte, 130)})
}

func FuzzSignResult(f *testing.F) {
	fuzzBinary(f, KindSignResult, &SignResult{ID: 1, Signature: []byte{1}}, &SignResult{ID: 2, Reason: "no"})
}

func FuzzJSONMessages(f *testing.F) {
	for k, info := range kinds {
		m := info.make()
		if _, binary := m.(payloadParser); binary {
			continue
		}
		p, err := appendPayload(nil, m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint8(k), p)
	}
	f.Fuzz(func(t *testing.T, k uint8, payload []byte) {
		info, ok := kinds[Kind(k)]
		if !ok || len(payload) > MaxPayload {
			return
		}
		if _, binary := info.make().(payloadParser); binary {
			return
		}
		roundTrip(t, Kind(k), payload)
	})
}
