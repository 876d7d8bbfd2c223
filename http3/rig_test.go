package http3_test

import (
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	peer "github.com/quic-go/quic-go/http3"

	"github.com/lannerhq/lanner/http3"
	"github.com/lannerhq/lanner/kestrel"
	"github.com/lannerhq/lanner/server"
	"github.com/lannerhq/lanner/test/selfsigned"
)

// rig is a server with an endpoint on a loopback port, and what its clients need.
type rig struct {
	t      *testing.T
	server *kestrel.Server
	url    string // https://127.0.0.1:port
	host   string
	tls    *tls.Config // a client's
}

// patience bounds what is waited for; nothing takes as long unless it hangs.
const patience = 20 * time.Second

func serve(t *testing.T, h http.Handler, change ...func(*kestrel.Options)) *rig {
	t.Helper()
	cert, err := selfsigned.New("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	opts := kestrel.Options{
		HTTP3:  http3.New(http3.Options{}),
		Logger: slog.New(slog.DiscardHandler),
		Endpoints: []kestrel.Endpoint{{
			URL: "https://127.0.0.1:0", Protocols: kestrel.HTTP1AndHTTP2AndHTTP3, TLS: &tls.Config{Certificates: []tls.Certificate{cert}},
		}},
	}
	for _, f := range change {
		f(&opts)
	}
	r := &rig{t: t, server: kestrel.New(opts), tls: &tls.Config{RootCAs: selfsigned.Pool(cert)}}
	if err := r.server.Start(t.Context(), server.HTTP(h)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		r.server.Stop(ctx)
	})
	r.url = r.server.Addresses()[0]
	u, _ := url.Parse(r.url)
	r.host = u.Host
	return r
}

// client returns quic-go's, which has a connection of its own.
func (r *rig) client() *http.Client {
	transport := &peer.Transport{TLSClientConfig: r.tls.Clone(), QUICConfig: &quic.Config{MaxIdleTimeout: patience}}
	r.t.Cleanup(func() { transport.Close() })
	return &http.Client{Transport: transport, Timeout: patience}
}

// get expects an answer with a body.
func (r *rig) get(c *http.Client, path, want string) *http.Response {
	r.t.Helper()
	resp, err := c.Get(r.url + path)
	if err != nil {
		r.t.Fatal(err)
	}
	return r.want(resp, want)
}

func (r *rig) want(resp *http.Response, want string) *http.Response {
	r.t.Helper()
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	if string(body) != want {
		r.t.Errorf("the body is %.100q, want %.100q", body, want)
	}
	return resp
}

func text(s string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, s) })
}

func body(s string) io.Reader { return strings.NewReader(s) }
