package forwardedheaders

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"testing"

	"github.com/lannerhq/lanner/server"
)

func TestPeersOnUnixSocketsAreBelievedOnlyOnDemand(t *testing.T) {
	s := loopback("X-Forwarded-For", "192.0.2.1", "X-Forwarded-Proto", "https")
	s.remote, s.unix = "@", true
	everywhere(t, s, func(t *testing.T, got seen) {
		if got.remote != "@" || got.scheme != "http" {
			t.Errorf("remote %q, scheme %q: nothing vouches for a peer without an address", got.remote, got.scheme)
		}
	}, Options{Headers: For | Proto})
	everywhere(t, s, func(t *testing.T, got seen) {
		if got.remote != "192.0.2.1:0" || got.scheme != "https" {
			t.Errorf("remote %q, scheme %q: the socket's permissions vouch for the peer", got.remote, got.scheme)
		}
		if got.header.Get("X-Original-For") != "" {
			t.Error("there is an X-Original-For although the peer had no address")
		}
	}, Options{Headers: For | Proto, TrustUnixPeers: true})
}

func TestTheSecondForwarderSeesTheAddressThatTheFirstTookOnAUnixSocket(t *testing.T) {
	s := loopback("X-Forwarded-For", "192.0.2.1, 127.0.0.1")
	s.remote, s.unix = "@", true
	everywhere(t, s, func(t *testing.T, got seen) {
		if got.remote != "192.0.2.1:0" {
			t.Errorf("remote is %q, want 192.0.2.1:0: 127.0.0.1 is known to the second, which does not trust the socket", got.remote)
		}
	}, Options{Headers: For, TrustUnixPeers: true}, Options{Headers: For})
}

func TestTrustInUnixPeersIsForNobodyElse(t *testing.T) {
	s := loopback("X-Forwarded-For", "192.0.2.1")
	s.remote = "pipe"
	everywhere(t, s, func(t *testing.T, got seen) {
		if got.remote != "pipe" {
			t.Errorf("remote is %q: a peer of unknown kind is no unix peer", got.remote)
		}
	}, Options{Headers: For, TrustUnixPeers: true})
}

// A client may bind its end of a unix socket to a file of any name, and the server sees that name as the remote address.
func TestAUnixPeerNamedLikeTheLoopbackAddressIsNotKnown(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a colon cannot be part of a file name here")
	}
	t.Chdir(t.TempDir())
	ln, err := net.Listen("unix", "server.sock")
	if err != nil {
		t.Fatal(err)
	}
	var got seen
	srv := &http.Server{Handler: New(quiet(Options{Headers: For}))(observe(&got, nil))}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(ln) }()
	defer func() {
		srv.Close()
		<-done
	}()

	conn, err := net.DialUnix("unix", &net.UnixAddr{Name: "127.0.0.1:80", Net: "unix"}, &net.UnixAddr{Name: "server.sock", Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n")
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if got.remote != "127.0.0.1:80" {
		t.Errorf("remote is %q, want the socket's name as net/http gives it: the name is the client's choice and proves nothing", got.remote)
	}
}

// retained is a request whose strings last only after Retain.
type retained struct {
	server.RequestFeature
	called *bool
}

func (r retained) Retain() { *r.called = true }

func TestRetainReachesTheRequestBelow(t *testing.T) {
	called := false
	var got seen
	app := NewApplication(quiet(Options{Headers: Proto}))(server.HTTP(observe(&got, nil)))
	onFeatures(loopback("X-Forwarded-Proto", "https"), server.ApplicationFunc(func(f *server.Features) error {
		below, _ := server.Get[server.RequestFeature](f)
		server.Set[server.RequestFeature](f, retained{below, &called})
		return app.Process(f)
	}))
	if !called || got.scheme != "https" {
		t.Errorf("Retain was called: %v, scheme %q: http.Handlers keep strings, so Retain must get through", called, got.scheme)
	}
}

// bare is a server with the two features that every server has.
func bare(s sent, app server.Application) error {
	var err error
	onFeatures(s, server.ApplicationFunc(func(f *server.Features) error {
		req, _ := server.Get[server.RequestFeature](f)
		res, _ := server.Get[server.ResponseFeature](f)
		own := server.NewFeatures(nil)
		own.Init(req, res, nil, nil)
		err = app.Process(own)
		return err
	}))
	return err
}

func TestAServerWithoutConnectionsCanBeTrustedAsAWhole(t *testing.T) {
	var remote, id string
	app := server.ApplicationFunc(func(f *server.Features) error {
		if conn, ok := server.Get[server.ConnectionFeature](f); ok {
			remote, id = conn.RemoteAddr().String(), conn.ConnectionID()+conn.EndpointName()
			if conn.LocalAddr() != nil {
				t.Error("there is a local address that nobody gave")
			}
		}
		return nil
	})
	s := loopback("X-Forwarded-For", "192.0.2.1:7")
	if err := bare(s, NewApplication(quiet(Options{Headers: For}))(app)); err != nil || remote != "" {
		t.Errorf("remote %q, err %v: a server that does not say who its peer is has no known peers", remote, err)
	}
	o := quiet(Options{Headers: For, DangerouslyTrustEveryPeer: true})
	if err := bare(s, NewApplication(o)(app)); err != nil || remote != "192.0.2.1:7" || id != "" {
		t.Errorf("remote %q, id %q, err %v, want the client's address", remote, id, err)
	}
}
