package kestrel

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/lannerhq/lanner/server"
	"github.com/lannerhq/lanner/test/selfsigned"
)

func TestTheClientHelloIsKeptWhereTheOptionsSaySo(t *testing.T) {
	cert := newCertificate(t, hosts...)
	path, keyPath, err := selfsigned.Write(t.TempDir(), cert)
	if err != nil {
		t.Fatal(err)
	}
	opts := mustParse(t, fmt.Sprintf(`{"Kestrel": {"Endpoints": {"web": {"Url": "https://localhost:0", "KeepClientHello": true, "Certificate": {"Path": %q, "KeyPath": %q}}}}}`, path, keyPath))
	s := start(t, opts, server.HTTP(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f, ok := server.From[server.TLSClientHelloFeature](r.Context())
		fmt.Fprint(w, ok && bytes.Contains(f.ClientHello(), []byte("localhost"))) // the name that it asks for
	})))
	ask := func(why string, client *http.Client, want bool) {
		t.Helper()
		res, err := client.Get(s.Addresses()[0])
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if got, err := io.ReadAll(res.Body); err != nil || string(got) != fmt.Sprint(want) {
			t.Errorf("%s: the handler sees the ClientHello: %s, %v, want %v", why, got, err, want)
		}
	}
	kept := secureClient(t, cert, nil)
	ask("by the file", kept, true)
	if err := opts.BindEnvironment([]string{"Kestrel__Endpoints__web__KeepClientHello=false"}); err != nil {
		t.Fatal(err)
	}
	if err := s.Reload(t.Context(), opts); err != nil {
		t.Fatal(err)
	}
	ask("a connection that was open", kept, true)
	ask("a new one after the reload", secureClient(t, cert, nil), false)
}

func TestAClientMayBeRefusedByItsClientHello(t *testing.T) {
	cert := newCertificate(t, hosts...)
	s := start(t, Options{Endpoints: []Endpoint{{URL: "https://localhost:0", TLS: &tls.Config{Certificates: []tls.Certificate{cert}},
		OnClientHello: func(connection *server.Features, message []byte) error {
			if bytes.Contains(message, []byte("\x08http/1.1")) { // ALPN, RFC 7301 §3.1
				return errors.New("too old")
			}
			return nil
		}}}}, hello)
	for proto, ok := range map[string]bool{"h2": true, "http/1.1": false} {
		c, err := tls.Dial("tcp", s.Addresses()[0][len("https://"):], &tls.Config{RootCAs: selfsigned.Pool(cert), NextProtos: []string{proto}})
		if (err == nil) != ok {
			t.Errorf("%s: %v, want it served: %v", proto, err, ok)
		}
		if err == nil {
			c.Close()
		}
	}
}
