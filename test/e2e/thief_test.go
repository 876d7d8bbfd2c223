package e2e

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"crypto/ecdsa"

	"github.com/lannerhq/lanner/internal/handover"
)

// verifyContent is what a server signs in TLS 1.3, for some transcript (RFC 8446 §4.4.3).
func verifyContent() []byte {
	return append([]byte(strings.Repeat(" ", 64)+"TLS 1.3, server CertificateVerify\x00"), make([]byte, 32)...)
}

// theft is what the thief has tried.
type theft struct {
	Own        uint64   // the number of its key
	Chain      [][]byte // and its certificates
	Signature  []byte   // of verifyContent, by its own key
	Signed     []uint64 // numbers of other keys by which the host has signed
	Reasons    []string
	Misuse     []string // what else the host has signed by its own key
	OtherNames []handover.Name
}

// steal is a worker that speaks the hand-over protocol by itself. It has one connection handed over, asks for signatures by every key that there may be,
// and for others than those of handshakes by its own, and writes down what it got.
func steal() error {
	channel, err := handover.FromEnvironment()
	if err != nil {
		return err
	}
	var loot theft
	var conn *handover.Conn
	for conn == nil {
		m, err := channel.Receive()
		if err != nil {
			return err
		}
		switch m := m.(type) {
		case *handover.Hello:
			if err := channel.Send(&handover.Ready{PID: os.Getpid()}); err != nil {
				return err
			}
		case *handover.Credential:
			loot.Own, loot.Chain, loot.OtherNames = m.Certificates[0].Key, m.Certificates[0].Chain, m.Names
		case *handover.Ping:
			channel.Send(&handover.Pong{Seq: m.Seq})
		case *handover.Conn:
			if m.Credential != 0 {
				conn = m
				break
			}
			m.Descriptor.Close() // a request that the host read before we were ready
			channel.Send(&handover.Accepted{ID: m.ID})
			channel.Send(&handover.Done{ID: m.ID})
		default:
			handover.Discard(m)
		}
	}
	channel.Send(&handover.Accepted{ID: conn.ID})
	last := uint64(0)
	ask := func(key uint64, scheme tls.SignatureScheme, content []byte) *handover.SignResult {
		last++
		if err := channel.Send(&handover.Sign{ID: last, Key: key, Scheme: scheme, Content: content}); err != nil {
			return &handover.SignResult{Reason: err.Error()}
		}
		for {
			m, err := channel.Receive()
			if err != nil {
				return &handover.SignResult{Reason: err.Error()}
			}
			if r, ok := m.(*handover.SignResult); ok {
				return r
			}
			handover.Discard(m)
		}
	}
	const scheme = tls.ECDSAWithP256AndSHA256
	loot.Signature = ask(loot.Own, scheme, verifyContent()).Signature
	for key := uint64(1); key <= loot.Own+8; key++ {
		if key == loot.Own {
			continue
		}
		r := ask(key, scheme, verifyContent())
		if r.Signature != nil {
			loot.Signed = append(loot.Signed, key)
		}
		loot.Reasons = append(loot.Reasons, r.Reason)
	}
	digest := sha256.Sum256([]byte("a token"))
	for name, try := range map[string]func() *handover.SignResult{
		"a digest": func() *handover.SignResult { return ask(loot.Own, scheme, digest[:]) },
		"a token":  func() *handover.SignResult { return ask(loot.Own, scheme, []byte("eyJhbGciOiJFUzI1NiJ9.e30")) },
		"as a client": func() *handover.SignResult {
			return ask(loot.Own, scheme, bytes.Replace(verifyContent(), []byte("server"), []byte("client"), 1))
		},
		"more":                func() *handover.SignResult { return ask(loot.Own, scheme, append(verifyContent(), 1)) },
		"by RSA":              func() *handover.SignResult { return ask(loot.Own, tls.PSSWithSHA256, verifyContent()) },
		"by SHA-1":            func() *handover.SignResult { return ask(loot.Own, tls.ECDSAWithSHA1, verifyContent()) },
		"with no such scheme": func() *handover.SignResult { return ask(loot.Own, 0xffff, verifyContent()) },
	} {
		if try().Signature != nil {
			loot.Misuse = append(loot.Misuse, name)
		}
	}
	text, err := json.Marshal(loot)
	if err != nil {
		return err
	}
	if err := os.WriteFile("loot.new", text, 0o600); err != nil {
		return err
	}
	if err := os.Rename("loot.new", "loot"); err != nil {
		return err
	}
	conn.Descriptor.Close()
	for {
		m, err := channel.Receive()
		if err != nil {
			return nil
		}
		if _, drain := m.(*handover.Drain); drain {
			return nil
		}
		handover.Discard(m)
	}
}

func TestAWorkerCannotSignForAnotherSite(t *testing.T) {
	n := startNamed(t, "thief", nil)
	n.awaitWorker("a.example")
	if status, _, err := ask(n.speak("a.example", true), "a.example", "/"); err != nil || status != 200 { // now a's key has its number
		t.Fatalf("%d, %v", status, err)
	}
	ask(n.speak("b.example", false), "b.example", "/") // starts the thief, which does not answer
	nc, err := net.Dial("tcp", n.address())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	nc.SetDeadline(time.Now().Add(20 * time.Second))
	tls.Client(nc, n.trustFor("b.example")).Handshake() // is handed over; the thief does not go on with it
	var loot theft
	eventually(t, "the thief has tried", func() bool {
		text, err := os.ReadFile(filepath.Join(n.dir, "loot"))
		if errors.Is(err, os.ErrNotExist) {
			return false
		}
		return err == nil && json.Unmarshal(text, &loot) == nil
	})
	leaf, err := x509.ParseCertificate(loot.Chain[0])
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256(verifyContent())
	if !slices.Equal(leaf.DNSNames, []string{"b.example"}) || !ecdsa.VerifyASN1(leaf.PublicKey.(*ecdsa.PublicKey), digest[:], loot.Signature) {
		t.Errorf("for its own name %q it has got the signature %x: the others are worth nothing if this is not one", leaf.DNSNames, loot.Signature)
	}
	if loot.Own < 2 {
		t.Errorf("its key has the number %d: that of the other site is not among those that it has tried", loot.Own)
	}
	if len(loot.Signed) > 0 {
		t.Errorf("the host has signed for it by the keys %d of others", loot.Signed)
	}
	for _, reason := range loot.Reasons {
		if !strings.Contains(reason, "not one of this worker's names") {
			t.Errorf("a key of others was refused with %q", reason)
		}
	}
	if len(loot.Misuse) > 0 {
		t.Errorf("the host has signed by its key, but not for a handshake: %q", loot.Misuse)
	}
	if !strings.Contains(n.log.String(), "event.name=SignatureRefused") {
		t.Error("the log does not tell of it")
	}
	if status, body, err := ask(n.speak("a.example", true), "a.example", "/"); err != nil || status != 200 {
		t.Errorf("the other site: %d %q, %v", status, body, err)
	}
}
