package inprocess

import (
	"bufio"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lannerhq/lanner/internal/handover"
	"github.com/lannerhq/lanner/server"
	"github.com/lannerhq/lanner/test/selfsigned"
)

// keeper is a host that hands connections with TLS over and keeps the key.
type keeper struct {
	*hosted
	t      *testing.T
	root   *selfsigned.Authority
	cert   tls.Certificate
	signed atomic.Int32
	badly  atomic.Pointer[func(*handover.Sign) *handover.SignResult] // answers in place of the key
	last   uint64
}

func newKeeper(t *testing.T, app http.HandlerFunc) *keeper {
	t.Helper()
	root, err := selfsigned.NewAuthority("keeper")
	if err != nil {
		t.Fatal(err)
	}
	k := &keeper{hosted: newHosted(false), t: t, root: root, last: 1000}
	if k.cert, err = root.Issue(selfsigned.Spec{Names: []string{"a.example", "b.example"}}); err != nil {
		t.Fatal(err)
	}
	key := k.cert.PrivateKey.(*ecdsa.PrivateKey)
	k.sign = func(m *handover.Sign) *handover.SignResult {
		if badly := k.badly.Load(); badly != nil {
			return (*badly)(m)
		}
		if m.Key != 7 || m.Scheme != tls.ECDSAWithP256AndSHA256 {
			return &handover.SignResult{ID: m.ID, Reason: fmt.Sprintf("key %d, %v", m.Key, m.Scheme)}
		}
		k.signed.Add(1)
		digest := sha256.Sum256(m.Content)
		signature, err := ecdsa.SignASN1(rand.Reader, key, digest[:])
		if err != nil {
			return &handover.SignResult{ID: m.ID, Reason: err.Error()}
		}
		return &handover.SignResult{ID: m.ID, Signature: signature}
	}
	if err := k.Start(t.Context(), server.HTTP(app)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := k.hosted.Stop(t.Context()); err != nil && !errors.Is(err, t.Context().Err()) {
			t.Error(err)
		}
	})
	k.tell(nil)
	k.must(&handover.TicketKeys{Credential: 1, Keys: [][32]byte{{1}}})
	return k
}

func (k *keeper) must(m handover.Message) {
	k.t.Helper()
	if err := k.channel.Send(m); err != nil {
		k.t.Fatal(err)
	}
}

// tell sends the credential, changed.
func (k *keeper) tell(change func(*handover.Credential)) {
	k.t.Helper()
	m := &handover.Credential{ID: 1, Names: []handover.Name{{Host: "a.example", Own: true}}, Protocols: []string{"h2", "http/1.1"}, MinVersion: tls.VersionTLS12,
		Suites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}, Certificates: []handover.Certificate{{Key: 7, Chain: k.cert.Certificate}}}
	if change != nil {
		change(m)
	}
	k.must(m)
}

// dial is a client's connection that the worker is handed.
func (k *keeper) dial() net.Conn {
	k.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		k.t.Fatal(err)
	}
	defer l.Close()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		k.t.Fatal(err)
	}
	k.t.Cleanup(func() { c.Close() })
	nc, err := l.Accept()
	if err != nil {
		k.t.Fatal(err)
	}
	d, err := handover.Detach(nc)
	if err != nil {
		k.t.Fatal(err)
	}
	k.last++
	k.hosted.mu.Lock()
	k.secure[k.last] = d
	k.hosted.mu.Unlock()
	k.must(&handover.Conn{ID: k.last, Slot: handover.NoSlot, LocalScheme: "https", Credential: 1, Descriptor: d})
	c.SetDeadline(time.Now().Add(time.Minute))
	return c
}

func (k *keeper) trust() *tls.Config {
	return &tls.Config{RootCAs: k.root.Pool(), ServerName: "a.example", ClientSessionCache: tls.NewLRUClientSessionCache(1)}
}

func (k *keeper) shake(cfg *tls.Config) (*tls.Conn, error) {
	k.t.Helper()
	c := tls.Client(k.dial(), cfg)
	return c, c.Handshake()
}

// get asks for a path of a host, over the version of HTTP that was agreed on for each connection.
func (k *keeper) client(cfg *tls.Config, http2 bool) *http.Client {
	transport := &http.Transport{TLSClientConfig: cfg, Protocols: new(http.Protocols), DialContext: func(context.Context, string, string) (net.Conn, error) { return k.dial(), nil }}
	transport.Protocols.SetHTTP1(!http2)
	transport.Protocols.SetHTTP2(http2)
	k.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: time.Minute}
}

func (k *keeper) get(c *http.Client, host, path string) (int, string) {
	k.t.Helper()
	req, err := http.NewRequest("GET", "https://a.example"+path, nil)
	if err != nil {
		k.t.Fatal(err)
	}
	req.Host = host
	res, err := c.Do(req)
	if err != nil {
		k.t.Fatalf("%s%s: %v", host, path, err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		k.t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

func describe(w http.ResponseWriter, r *http.Request) {
	fmt.Fprint(w, r.Proto, " ", r.TLS.ServerName, " ", tls.VersionName(r.TLS.Version), " ", r.TLS.DidResume)
}

func TestTheWorkerEndsTLSByAKeyThatItDoesNotHave(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, http2 := range []bool{false, true} {
			k := newKeeper(t, describe)
			cfg := k.trust()
			cfg.MaxVersion = version
			proto := map[bool]string{false: "HTTP/1.1", true: "HTTP/2.0"}[http2]
			for i, resumed := range []bool{false, true, true} {
				c := k.client(cfg, http2)
				want := fmt.Sprint(proto, " a.example ", tls.VersionName(version), " ", resumed)
				if status, body := k.get(c, "a.example", "/"); status != 200 || body != want {
					t.Errorf("connection %d: %d %q, want %q", i, status, body, want)
				}
				c.CloseIdleConnections()
			}
			if n := k.signed.Load(); n != 1 {
				t.Errorf("the host has signed %d times, want once: a client that comes back needs no signature", n)
			}
		}
	}
}

func TestARequestForAnotherNameIsMisdirected(t *testing.T) {
	for _, http2 := range []bool{false, true} {
		k := newKeeper(t, describe)
		k.tell(func(m *handover.Credential) {
			m.Names = []handover.Name{{Host: "b.a.example"}, {Host: "a.example", Own: true}, {Host: "*.a.example", Own: true}}
		})
		c := k.client(k.trust(), http2)
		for host, want := range map[string]int{"a.example": 200, "A.EXAMPLE:443": 200, "c.a.example": 200, "b.a.example": 421, "b.example": 421} {
			if status, body := k.get(c, host, "/"); status != want {
				t.Errorf("HTTP/2 %v: %s is answered %d %q, want %d", http2, host, status, body, want)
			}
		}
	}
}

func TestWhatTheHostSaysLaterHoldsForLaterConnections(t *testing.T) {
	k := newKeeper(t, describe)
	first, err := k.shake(k.trust())
	if err != nil {
		t.Fatal(err)
	}
	if k.cert, err = k.root.Issue(selfsigned.Spec{Names: []string{"a.example"}, Key: k.cert.PrivateKey.(crypto.Signer)}); err != nil {
		t.Fatal(err)
	}
	k.tell(nil)
	second, err := k.shake(k.trust())
	if err != nil {
		t.Fatal(err)
	}
	if got := second.ConnectionState().PeerCertificates[0]; !got.Equal(k.cert.Leaf) {
		t.Errorf("%v is shown, want the new certificate", got.Subject)
	}
	fmt.Fprint(first, "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")
	if res, err := http.ReadResponse(bufio.NewReader(first), nil); err != nil || res.StatusCode != 200 {
		t.Errorf("the connection from before: %v, %v", res, err)
	}
}

func TestAnEndedCredentialEndsItsConnections(t *testing.T) {
	k := newKeeper(t, describe)
	idle, err := k.shake(k.trust())
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(idle, "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")
	r := bufio.NewReader(idle)
	if res, err := http.ReadResponse(r, nil); err != nil || res.Close {
		t.Fatalf("%v, %v", res, err)
	} else {
		io.Copy(io.Discard, res.Body)
	}
	k.must(&handover.Credential{ID: 1, Ended: true})
	if b, err := r.ReadByte(); err != io.EOF {
		t.Errorf("%v, %v, want the end of the connection", b, err)
	}
}

func TestAConnectionForNoCredentialIsClosed(t *testing.T) {
	k := newKeeper(t, describe)
	k.must(&handover.Credential{ID: 1, Ended: true})
	if _, err := k.shake(k.trust()); err == nil {
		t.Error("a handshake was made by nothing")
	}
}

func TestAHandshakeFailsWhenTheHostDoesNotSign(t *testing.T) {
	for why, answer := range map[string]func(*handover.Sign) *handover.SignResult{
		"it refuses": func(m *handover.Sign) *handover.SignResult {
			return &handover.SignResult{ID: m.ID, Reason: "the key is another site's"}
		},
		"it signs something else": func(m *handover.Sign) *handover.SignResult {
			return &handover.SignResult{ID: m.ID, Signature: []byte{1}}
		},
	} {
		k := newKeeper(t, describe)
		k.badly.Store(&answer)
		if _, err := k.shake(k.trust()); err == nil {
			t.Errorf("%s: the handshake was made", why)
		}
		k.badly.Store(nil)
		if _, err := k.shake(k.trust()); err != nil {
			t.Errorf("after %s: %v", why, err)
		}
	}
}

func TestTheDrainWaitsForTheFirstRequestOfAConnection(t *testing.T) {
	k := newKeeper(t, describe)
	c, err := k.shake(k.trust())
	if err != nil {
		t.Fatal(err)
	}
	k.must(&handover.Drain{})
	k.must(&handover.Ping{Seq: 1})
	fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n") // within the second that is waited
	r := bufio.NewReader(c)
	res, err := http.ReadResponse(r, nil)
	if err != nil || res.StatusCode != 200 {
		t.Fatalf("the request of a connection that had just been made: %v, %v", res, err)
	}
	io.Copy(io.Discard, res.Body)
	if _, err := r.ReadByte(); err != io.EOF {
		t.Errorf("after it: %v, want the end of the connection", err)
	}
	<-k.Drained()
}

func TestADistantKeySignsNoDigest(t *testing.T) {
	k := newKeeper(t, describe)
	cert, err := k.certificate(handover.Certificate{Key: 7, Chain: k.cert.Certificate})
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256([]byte("a token"))
	if _, err := cert.PrivateKey.(crypto.Signer).Sign(rand.Reader, digest[:], crypto.SHA256); err == nil || !strings.Contains(err.Error(), "not digests") {
		t.Errorf("signing a digest: %v, want a refusal", err)
	}
	if _, ok := cert.PrivateKey.(crypto.Decrypter); ok {
		t.Error("the key can decrypt")
	}
}
