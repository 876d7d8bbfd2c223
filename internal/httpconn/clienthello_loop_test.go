//go:build linux

package httpconn

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"testing"

	"github.com/lannerhq/lanner/server"
	"github.com/lannerhq/lanner/test/selfsigned"
)

func (s *secureLoop) dialTCP() net.Conn {
	nc, err := net.Dial("tcp", s.addr)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { nc.Close() })
	return nc
}

func TestHandlersSeeTheClientHelloAsItWasSentOnTheLoop(t *testing.T) {
	s := serveEndpointOnLoop(t, Config{}, &Endpoint{KeepClientHello: true}, tellHello)
	wantHellos(t, s.dialTCP)
}

// What the client sends in clear is cut into small records for crypto/tls, which must not notice.
func TestHandshakesOfAllKindsAreMadeOnTheLoop(t *testing.T) {
	names := make([]string, 60) // so that the certificate is large
	for i := range names {
		names[i] = fmt.Sprintf("client-%d.example.org", i)
	}
	theirs, err := selfsigned.New(names...)
	if err != nil {
		t.Fatal(err)
	}
	by := &tls.Config{Certificates: []tls.Certificate{certificate()}, ClientAuth: tls.RequestClientCert}
	s := serveEndpointOnLoop(t, Config{}, &Endpoint{TLS: by, KeepClientHello: true}, func(w http.ResponseWriter, r *http.Request) {
		hello, _ := server.From[server.TLSClientHelloFeature](r.Context())
		fmt.Fprintf(w, "%x %d %v", r.TLS.Version, len(r.TLS.PeerCertificates), len(hello.ClientHello()) > 100)
	})
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, curves := range [][]tls.CurveID{nil, {tls.CurveP384, tls.X25519}, {tls.X25519MLKEM768, tls.CurveP256}} {
			for certificates := range 2 {
				for how, say := range map[string]func(net.Conn, []byte) error{"whole": nil, "cut in the header": cutAt(3), "cut": cutAt(200), "in records": inRecordsOf(50)} {
					cfg := clientConfig()
					cfg.MaxVersion, cfg.CurvePreferences = version, curves
					if certificates > 0 {
						cfg.Certificates = []tls.Certificate{theirs}
					}
					got, err := askOver(&speaker{Conn: s.dialTCP(), say: say}, cfg)
					if want := fmt.Sprintf("%x %d true", version, certificates); err != nil || got != want {
						t.Errorf("%s, %v, %s: %q, %v, want %q", tls.VersionName(version), curves, how, got, err, want)
					}
				}
			}
		}
	}
}

// The client has no key of the curve that the server wants, and is asked for it (HelloRetryRequest, RFC 8446 §4.1.4).
func TestTheFirstOfTwoClientHellosIsKept(t *testing.T) {
	by := &tls.Config{Certificates: []tls.Certificate{certificate()}, CurvePreferences: []tls.CurveID{tls.CurveP384}}
	s := serveEndpointOnLoop(t, Config{}, &Endpoint{TLS: by, KeepClientHello: true}, tellHello)
	for how, say := range map[string]func(net.Conn, []byte) error{"whole": nil, "in records": inRecordsOf(50)} {
		cfg := clientConfig()
		cfg.NextProtos = []string{"http/1.1"}
		c := &speaker{Conn: s.dialTCP(), say: say}
		got, err := askOver(c, cfg)
		if want := fmt.Sprintf("1 %x", c.said); err != nil || got != want {
			t.Errorf("%s: %v, the handler sees %s, the client has sent %s", how, err, got, want)
		}
	}
}
