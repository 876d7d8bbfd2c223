package httpconn

import (
	"crypto/tls"
	"io"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lannerhq/lanner/metrics"
)

func TestHandshakesAreMeasured(t *testing.T) {
	bubble(t, func(t *testing.T) {
		registry := metrics.NewRegistry(metrics.RegistryOptions{})
		s := serveTLS(t, Config{Meter: registry}, httpApp(hello), nil)
		shown := func() string {
			synctest.Wait()
			w := httptest.NewRecorder()
			registry.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
			return w.Body.String()
		}
		cfg := clientConfig()
		cfg.MaxVersion = tls.VersionTLS12
		c := s.mustShake(cfg)
		c.get("/")
		silent := s.dial()
		if text := shown(); !strings.Contains(text, "kestrel_active_tls_handshakes 1\n") {
			t.Errorf("want the one handshake that is under way in\n%s", text)
		}
		silent.Close()
		c.Close()
		s.dial().write("nonsense")
		text := shown()
		for _, want := range []string{
			"kestrel_active_tls_handshakes 0\n", "kestrel_active_connections 0\n",
			`kestrel_tls_handshake_duration_seconds_count{tls_protocol_version="1.2"} 1` + "\n",
			`kestrel_tls_handshake_duration_seconds_count{error_type="tls_handshake_failed"} 2` + "\n",
			`kestrel_connection_duration_seconds_count{network_protocol_name="http",network_protocol_version="1.1",tls_protocol_version="1.2"} 1` + "\n",
			`kestrel_connection_duration_seconds_count{error_type="tls_handshake_failed"} 2` + "\n",
		} {
			if !strings.Contains(text, want) {
				t.Errorf("want %s in\n%s", want, text)
			}
		}
	})
}

func TestFailedHandshakesAreInTheAccessLog(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l := newLines(t)
		s := serveTLS(t, Config{AccessLog: l.log}, httpApp(hello), nil)
		s.dial().Close()
		synctest.Wait()
		if got := l.read(); len(got) != 0 {
			t.Errorf("a connection without a byte has the lines %v, want none: it is a check whether the port is open", got)
		}
		s.dial().write("nonsense")
		failed := map[string]any{"status": 0, "scheme": "https", "endpoint": "test", "remote": "client", "reason": "tls_handshake_failed"}
		l.want("no handshake", failed)
		slow := s.dial()
		slow.SetReadDeadline(time.Now().Add(time.Hour))
		io.Copy(io.Discard, slow)
		failed["duration"] = 10
		l.want("a handshake that took too long", failed)
		s.mustShake(nil).get("/")
		l.want("a request", map[string]any{"status": 200, "scheme": "https", "reason": nil})
	})
}

func TestEstablishedConnectionsAreLoggedAtDebug(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := serveTLS(t, Config{}, httpApp(hello), nil)
		time.Sleep(2 * time.Second) // a beat, after which the server knows that the log takes Debug
		s.mustShake(nil)
		synctest.Wait()
		told := s.told(eventHTTPSEstablished)
		if len(told) != 1 || attr(told[0], "version").String() != "TLS 1.3" || attr(told[0], "host").String() != "shop.example" {
			t.Errorf("the log has %v, want what was negotiated", told)
		}
	})
}
