package acme

import (
	"bytes"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
)

func TestCertmagicsLogGoesToSlogOneLevelLower(t *testing.T) {
	var out bytes.Buffer
	log := newZap(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}), nil).Named("obtain").With(zap.String("ca", "x"))
	log.Error("failed", zap.Int("attempt", 2))
	log.Warn("odd")
	log.Info("step")
	log.Debug("detail")
	want := "level=WARN msg=failed logger=obtain attempt=2 ca=x\nlevel=INFO msg=odd logger=obtain ca=x\nlevel=DEBUG msg=step logger=obtain ca=x\n"
	if out.String() != want {
		t.Errorf("%s\nwant\n%s", &out, want)
	}
}

func TestNoSecretIsLogged(t *testing.T) {
	var out bytes.Buffer
	log := newZap(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: levelTrace}), nil)
	log.Info("it", zap.String("pem", "-----BEGIN EC PRIVATE KEY-----\nhidden"), zap.String("private_key", "hidden"), zap.String("mac_key", "hidden"),
		zap.Any("headers", http.Header{"Replay-Nonce": {"hidden"}, "Link": {"seen-1"}}), zap.Dict("inner", zap.String("password", "hidden"), zap.String("name", "seen-2")),
		zap.String("private_key_path", "seen-3"))
	if text := out.String(); strings.Contains(text, "hidden") || strings.Count(text, "seen-") != 3 {
		t.Errorf("%s, want what is seen, and nothing that is hidden", text)
	}
}

func TestPatienceThatIsAskedForIsSeenInTheLog(t *testing.T) {
	now := time.Now()
	patience := &retryAfter{now: func() time.Time { return now }}
	log := newZap(slog.DiscardHandler, patience)
	answer := func(status int, after string) {
		log.Debug(answerMessage, zap.Int("status_code", status), zap.Any("response_headers", http.Header{"Retry-After": {after}}))
	}
	answer(200, "7") // a poll
	answer(429, "soon")
	if got := patience.since(now); !got.IsZero() {
		t.Errorf("until %v, want nothing from answers that do not ask for patience", got)
	}
	answer(429, "60")
	if got := patience.since(now); got != now.Add(time.Minute) {
		t.Errorf("until %v, want in a minute", got)
	}
	if got := patience.since(now.Add(time.Second)); !got.IsZero() {
		t.Errorf("until %v, want nothing for an order that began afterwards", got)
	}
}

func FuzzRetryAfter(f *testing.F) {
	for _, seed := range []string{"0", "120", "4294967295", "-1", "Wed, 21 Oct 2026 07:28:00 GMT", "soon", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		wait, ok := parseRetryAfter(text, time.Date(2026, 10, 21, 7, 0, 0, 0, time.UTC))
		if wait < 0 || wait > longestWait || !ok && wait != 0 {
			t.Errorf("%q is %v, %v", text, wait, ok)
		}
	})
}
