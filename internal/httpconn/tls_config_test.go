package httpconn

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/lannerhq/lanner/connection"
	"github.com/lannerhq/lanner/internal/memnet"
	"github.com/lannerhq/lanner/server"
	"github.com/lannerhq/lanner/test/selfsigned"
)

func TestNothingBelowTLS12IsSpoken(t *testing.T) {
	old := &tls.Config{Certificates: []tls.Certificate{certificate()}, MinVersion: tls.VersionTLS10}
	choosing := &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return old, nil }}
	for name, by := range map[string]*tls.Config{"by default": nil, "by a configuration that has less": old, "by one chosen for the client": choosing} {
		bubble(t, func(t *testing.T) {
			s := serveTLS(t, Config{}, httpApp(hello), by)
			for version, want := range map[uint16]bool{tls.VersionTLS10: false, tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true} {
				cfg := clientConfig()
				cfg.MinVersion, cfg.MaxVersion = version, version
				c, err := s.shake(cfg)
				if got := err == nil; got != want {
					t.Errorf("%s: a client of %s: %v, want it served: %v", name, tls.VersionName(version), err, want)
				}
				if c != nil {
					if got := c.get("/"); got != "ok" {
						t.Errorf("%s: %s: %q", name, tls.VersionName(version), got)
					}
				}
			}
		})
	}
}

func TestProtocolsAreNegotiatedAsTheEndpointSays(t *testing.T) {
	const refused = "refused"
	for _, tt := range []struct {
		protocols Protocols
		own       string // the configuration's NextProtos
		client    string
		want      string
	}{
		{HTTP1AndHTTP2, "", "h2 http/1.1", "h2"},
		{HTTP1AndHTTP2, "", "http/1.1", "http/1.1"},
		{HTTP1AndHTTP2, "", "", ""},
		{HTTP1AndHTTP2, "http/1.1 h2", "h2 http/1.1", "http/1.1"}, // the server's order counts
		{HTTP1, "", "h2 http/1.1", "http/1.1"},
		{HTTP1, "h2 http/1.1", "h2 http/1.1", "http/1.1"},
		{HTTP1, "", "h2", refused},
		{HTTP2, "", "h2 http/1.1", "h2"},
		{HTTP2, "h2 http/1.1", "http/1.1 h2", "h2"},
		{HTTP1AndHTTP2, "", "spdy/3", refused},
	} {
		bubble(t, func(t *testing.T) {
			by := &tls.Config{Certificates: []tls.Certificate{certificate()}, NextProtos: strings.Fields(tt.own)}
			for _, cfg := range []*tls.Config{by, {GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return by, nil }}} {
				s := serveTLS(t, Config{}, httpApp(hello), cfg)
				s.ep.Protocols = tt.protocols
				mine := clientConfig()
				mine.NextProtos = strings.Fields(tt.client)
				c, err := s.shake(mine)
				got := refused
				if err == nil {
					got = c.ConnectionState().NegotiatedProtocol
					c.Close()
				}
				if got != tt.want {
					t.Errorf("%+v: %q, %v, want %q", tt, got, err, tt.want)
				}
			}
			if len(by.NextProtos) != len(strings.Fields(tt.own)) {
				t.Errorf("%+v: the configuration that was given has become %q", tt, by.NextProtos)
			}
		})
	}
}

func TestAnEndpointForHTTP2AloneClosesOthers(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := serveTLS(t, Config{}, httpApp(hello), nil)
		s.ep.Protocols = HTTP2
		for _, protos := range [][]string{nil, {"http/1.1"}} {
			cfg := clientConfig()
			cfg.NextProtos = protos
			s.mustShake(cfg).wantEnd("nothing that both speak")
		}
		synctest.Wait()
		if told := s.told(eventHTTP2NotNegotiated); len(told) != 2 {
			t.Errorf("the log has %d errors of it, want one for each client", len(told))
		}
		if told := s.told(eventMiddlewareRefused); len(told) > 0 {
			t.Error("it is logged twice")
		}
	})
}

func TestAProtocolThatIsNotHTTPIsNotServed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := serveTLS(t, Config{}, httpApp(hello), &tls.Config{Certificates: []tls.Certificate{certificate()}, NextProtos: []string{"http/1.1", "acme-tls/1"}})
		cfg := clientConfig()
		cfg.NextProtos = []string{"acme-tls/1"}
		c := s.mustShake(cfg)
		c.wantEnd("the handshake was all that was wanted")
	})
}

func TestClientCertificatesAreAskedForAsTheConfigurationSays(t *testing.T) {
	bubble(t, func(t *testing.T) {
		theirs, err := selfsigned.ForClients("ada")
		if err != nil {
			t.Fatal(err)
		}
		s := serveTLS(t, Config{}, httpApp(func(w http.ResponseWriter, r *http.Request) {
			encrypted, _ := server.From[server.TLSConnectionFeature](r.Context())
			cert := encrypted.ClientCertificate()
			if cert == nil {
				io.WriteString(w, "nobody")
				return
			}
			fmt.Fprint(w, cert.Subject.CommonName, " ", r.TLS.PeerCertificates[0] == cert, len(r.TLS.VerifiedChains))
		}), &tls.Config{Certificates: []tls.Certificate{certificate()}, ClientAuth: tls.VerifyClientCertIfGiven, ClientCAs: selfsigned.Pool(theirs)})
		if got := s.mustShake(nil).get("/"); got != "nobody" {
			t.Errorf("without a certificate: %q", got)
		}
		cfg := clientConfig()
		cfg.Certificates = []tls.Certificate{theirs}
		if got := s.mustShake(cfg).get("/"); got != "ada true 1" {
			t.Errorf("with one: %q", got)
		}
		stranger, err := selfsigned.ForClients("eve")
		if err != nil {
			t.Fatal(err)
		}
		cfg.Certificates, cfg.GetClientCertificate = nil, func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &stranger, nil }
		c, err := s.shake(cfg)
		if err == nil { // by TLS 1.3 the client hears of it with the first answer
			_, err = c.r.Peek(1)
		}
		if err == nil || errors.Is(err, io.EOF) {
			t.Errorf("with one of somebody else: %v, want an alert", err)
		}
		synctest.Wait()
		if told := s.told(eventAuthenticationFailed); len(told) != 1 {
			t.Errorf("the log has %d failures, want one", len(told))
		}
	})
}

func TestCertificatesAreChosenByName(t *testing.T) {
	bubble(t, func(t *testing.T) {
		other, err := selfsigned.New("other.example")
		if err != nil {
			t.Fatal(err)
		}
		s := serveTLS(t, Config{}, httpApp(hello), &tls.Config{GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			switch hello.ServerName {
			case "other.example":
				return &other, nil
			case "panic.example":
				panic("a mistake in GetCertificate")
			case "":
				return nil, errors.New("no name")
			}
			cert := certificate()
			return &cert, nil
		}})
		for name, cert := range map[string]tls.Certificate{"other.example": other, "shop.example": certificate()} {
			c := s.mustShake(&tls.Config{RootCAs: selfsigned.Pool(cert), ServerName: name})
			if got := c.get("/"); got != "ok" {
				t.Errorf("%s: %q", name, got)
			}
		}
		for _, cfg := range []*tls.Config{{InsecureSkipVerify: true}, {ServerName: "panic.example"}} {
			if _, err := s.shake(cfg); err == nil {
				t.Errorf("the handshake for %q succeeded", cfg.ServerName)
			}
		}
		if got := s.mustShake(nil).get("/"); got != "ok" {
			t.Errorf("after a panic in another handshake: %q", got)
		}
		if told := s.told(eventMiddlewarePanicked); len(told) != 1 {
			t.Errorf("the log has %d panics, want the one of GetCertificate", len(told))
		}
	})
}

func TestOnlySuitesThatHTTP2AllowsAreAdequate(t *testing.T) {
	good := map[uint16]bool{
		tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256: true, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384: true,
		tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: true, tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384: true,
		tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256: true, tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256: true,
	}
	for _, suite := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		for _, version := range suite.SupportedVersions {
			want := version == tls.VersionTLS13 || version == tls.VersionTLS12 && good[suite.ID]
			if got := adequate(version, suite.ID); got != want {
				t.Errorf("%s over %s is adequate: %v, want %v", suite.Name, tls.VersionName(version), got, want)
			}
		}
	}
	for suite, want := range map[uint16]bool{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA: true, tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: false} {
		bubble(t, func(t *testing.T) {
			by := &tls.Config{Certificates: []tls.Certificate{certificate()}, MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{suite}}
			s := serveTLS(t, Config{}, httpApp(hello), by)
			near, far := memnet.Pipe(1 << 16)
			ch := &chain{m: s.m, endpoint: s.ep, raw: far}
			go func() {
				cfg := clientConfig()
				cfg.NextProtos, cfg.CipherSuites = []string{"h2"}, []uint16{suite}
				tls.Client(near, cfg).Handshake()
			}()
			if _, err := ch.handshake(t.Context(), far, nil); err != nil {
				t.Fatal(err)
			}
			var opts Options
			ch.secured.describe(connection.New(far, nil).Features(), &opts)
			if opts.Protocol != "h2" || opts.Inadequate != want {
				t.Errorf("%s: %q, inadequate: %v, want h2 and %v", tls.CipherSuiteName(suite), opts.Protocol, opts.Inadequate, want)
			}
			near.Close()
			far.Close()
		})
	}
}
