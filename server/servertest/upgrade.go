package servertest

import (
	"errors"
	"io"
	"net"
	"net/http"
	"testing"

	"github.com/lannerhq/lanner/server"
)

// upgradeLines are the header lines of a request to upgrade.
var upgradeLines = []string{"Connection: Upgrade", "Upgrade: echo"}

var upgradeChecks = []check{
	{"AnUpgradeHandsTheConnectionOver", func(t *testing.T, s suite) {
		skipUnless[server.UpgradeFeature](t, s, upgradeLines...)
		r := s.start(t, func(f *server.Features) error {
			upgrade, res := need[server.UpgradeFeature](t, f), need[server.ResponseFeature](t, f)
			if !upgrade.Upgradable() {
				t.Error("Upgradable() is false for a request that asks for it and has no body")
			}
			res.Header().Set("Upgrade", "echo")
			conn, err := upgrade.Upgrade()
			if err != nil {
				return err
			}
			if _, err := upgrade.Upgrade(); err == nil {
				t.Error("a second Upgrade returned nil: there is only one connection to hand over")
			}
			if life, ok := server.Get[server.RequestLifetimeFeature](f); ok {
				life.OnAborted(func(error) {}) // libraries watch the context: that must not take bytes away
			}
			return echoConn(conn)
		})
		c := r.dial()
		c.send("GET / HTTP/1.1", "Host: a", upgradeLines[0], upgradeLines[1], "", "early")
		res := c.head("the switch", http.MethodGet, 101)
		if !headerHasUpgrade(res.Header) || res.Header.Get("Upgrade") != "echo" {
			t.Errorf("the 101 has header %v, want Connection: Upgrade and Upgrade: echo (RFC 9110 §7.8)", res.Header)
		}
		c.wantNext("what was sent right after the request", c.r, "early\r\n")
		c.write("later")
		c.wantNext("what was sent after the switch", c.r, "later")
		if err := c.conn.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		c.wantClosed("the connection closed once the application saw its end")
	}},
	{"AnUpgradedConnectionOutlivesItsRequest", func(t *testing.T, s suite) {
		skipUnless[server.UpgradeFeature](t, s, upgradeLines...)
		handed := make(chan net.Conn, 1)
		r := s.start(t, func(f *server.Features) error {
			need[server.ResponseFeature](t, f).Header().Set("Upgrade", "echo")
			conn, err := need[server.UpgradeFeature](t, f).Upgrade()
			if err != nil {
				return err
			}
			handed <- conn
			return nil
		})
		c := r.dial()
		c.send("GET / HTTP/1.1", "Host: a", upgradeLines[0], upgradeLines[1], "")
		c.head("the switch", http.MethodGet, 101)
		conn := receive(t, handed, "the application gets the connection")
		done := make(chan error, 1)
		go func() { done <- echoConn(conn) }()
		c.write("after")
		c.wantNext("an echo although the application has returned: the connection is its own", c.r, "after")
		c.conn.Close()
		receive(t, done, "the connection ends with the client")
	}},
	{"OtherRequestsAreNotUpgradable", func(t *testing.T, s suite) {
		skipUnless[server.UpgradeFeature](t, s, upgradeLines...)
		upgradable := make(chan bool, 1)
		r := s.start(t, func(f *server.Features) error {
			upgrade, ok := server.Get[server.UpgradeFeature](f)
			upgradable <- ok && upgrade.Upgradable()
			return hello(f)
		})
		c := r.dial()
		for _, tt := range []struct{ head, why string }{
			{"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "a request that does not ask"},
			{"POST / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\nContent-Length: 1\r\n\r\nx", "a request with a body"},
		} {
			c.write(tt.head)
			c.wantBody("an ordinary answer", 200, "hello")
			if receive(t, upgradable, "the application is called") {
				t.Errorf("Upgradable() is true for %s", tt.why)
			}
		}
	}},
	{"AnUpgradeAfterTheStartIsTooLate", func(t *testing.T, s suite) {
		skipUnless[server.UpgradeFeature](t, s, upgradeLines...)
		r := s.start(t, func(f *server.Features) error {
			if err := need[server.ResponseFeature](t, f).Flush(); err != nil {
				return err
			}
			if _, err := need[server.UpgradeFeature](t, f).Upgrade(); !errors.Is(err, server.ErrTooLate) {
				t.Errorf("Upgrade after the response started returned %v, want server.ErrTooLate", err)
			}
			return hello(f)
		})
		c := r.dial()
		c.send("GET / HTTP/1.1", "Host: a", upgradeLines[0], upgradeLines[1], "")
		c.wantBody("the response that had started", 200, "hello")
	}},
	{"AHandlerHijacksTheConnection", func(t *testing.T, s suite) {
		skipUnless[server.UpgradeFeature](t, s, upgradeLines...)
		r := s.startHTTP(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/101" { // what WebSocket libraries do
				w.Header().Set("Connection", "Upgrade")
				w.Header().Set("Upgrade", "echo")
				w.WriteHeader(http.StatusSwitchingProtocols)
			}
			conn, buf, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Errorf("Hijack: %v", err)
				return
			}
			defer conn.Close()
			if _, err := w.Write([]byte("x")); !errors.Is(err, http.ErrHijacked) {
				t.Errorf("Write after Hijack: %v, want http.ErrHijacked", err)
			}
			if r.URL.Path == "/raw" {
				io.WriteString(conn, "HTTP/1.1 418 by hand\r\nContent-Length: 0\r\n\r\n")
			}
			io.Copy(struct{ io.Writer }{conn}, buf)
		})
		for _, tt := range []struct {
			path   string
			status int
			why    string
		}{{"/101", 101, "the status written before Hijack"}, {"/raw", 418, "the bytes that the handler wrote"}} {
			c := r.dial()
			c.send("GET "+tt.path+" HTTP/1.1", "Host: a", upgradeLines[0], upgradeLines[1], "", "early")
			c.head(tt.why, http.MethodGet, tt.status)
			c.wantNext("what was sent right after the request, from the buffered reader", c.r, "early\r\n")
			c.write("later")
			c.wantNext("what was sent later", c.r, "later")
			if err := c.conn.CloseWrite(); err != nil {
				t.Fatal(err)
			}
			c.wantClosed("the connection closed by the handler")
		}
	}},
}

// echoConn sends back what it reads until the client ends, then closes.
func echoConn(conn net.Conn) error {
	defer conn.Close()
	_, err := io.Copy(struct{ io.Writer }{conn}, struct{ io.Reader }{conn})
	return err
}

func headerHasUpgrade(h http.Header) bool {
	for _, value := range h.Values("Connection") {
		if http.CanonicalHeaderKey(value) == "Upgrade" {
			return true
		}
	}
	return false
}
