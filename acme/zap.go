package acme

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// bridge is a zap core that writes to slog. Levels are lowered by one step, because what an operator must see are this package's own
// events: certmagic's errors are warnings here, and its steps are for whoever looks for a mistake.
type bridge struct {
	to     slog.Handler
	fields []zapcore.Field
	heeds  *retryAfter // sees the answers of the authority; nil in the loggers of all but issuers
}

// levelTrace is below Debug, as in the events of connections.
const levelTrace = slog.LevelDebug - 4

// newZap is a logger of certmagic's that writes to slog.
func newZap(to slog.Handler, heeds *retryAfter) *zap.Logger {
	return zap.New(&bridge{to: to, heeds: heeds})
}

func (b *bridge) level(l zapcore.Level) slog.Level {
	switch {
	case l >= zapcore.ErrorLevel:
		return slog.LevelWarn
	case l == zapcore.WarnLevel:
		return slog.LevelInfo
	case l == zapcore.InfoLevel:
		return slog.LevelDebug
	}
	return levelTrace
}

func (b *bridge) Enabled(l zapcore.Level) bool {
	return b.heeds != nil && l == zapcore.DebugLevel || b.to.Enabled(context.Background(), b.level(l))
}

func (b *bridge) With(fields []zapcore.Field) zapcore.Core {
	clone := *b
	clone.fields = slices.Concat(b.fields, fields)
	return &clone
}

func (b *bridge) Check(e zapcore.Entry, ce *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if b.Enabled(e.Level) {
		return ce.AddCore(e, b)
	}
	return ce
}

func (b *bridge) Sync() error { return nil }

func (b *bridge) Write(e zapcore.Entry, fields []zapcore.Field) error {
	if b.heeds != nil && e.Message == answerMessage {
		b.heeds.see(fields)
	}
	level := b.level(e.Level)
	if !b.to.Enabled(context.Background(), level) {
		return nil
	}
	r := slog.NewRecord(e.Time, level, e.Message, 0)
	if e.LoggerName != "" {
		r.AddAttrs(slog.String("logger", e.LoggerName))
	}
	enc := zapcore.NewMapObjectEncoder()
	for _, f := range b.fields {
		f.AddTo(enc)
	}
	for _, f := range fields {
		f.AddTo(enc)
	}
	keys := make([]string, 0, len(enc.Fields))
	for key := range enc.Fields {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		r.AddAttrs(slog.Any(key, withoutSecrets(key, enc.Fields[key])))
	}
	return b.to.Handle(context.Background(), r)
}

// secrets are parts of the names of fields that no log may have. None of certmagic's is known to have a secret today.
var secrets = []string{"private", "secret", "password", "mac_key", "key_auth", "authorization", "token", "nonce"}

const redacted = "[redacted]"

// withoutSecrets is a value as a log may have it.
func withoutSecrets(key string, value any) any {
	key = strings.ToLower(key)
	for _, s := range secrets {
		if strings.Contains(key, s) && !strings.HasSuffix(key, "_path") && !strings.HasSuffix(key, "_location") {
			return redacted
		}
	}
	switch v := value.(type) {
	case string:
		if strings.Contains(v, "PRIVATE KEY-----") {
			return redacted
		}
	case map[string]any:
		clean := make(map[string]any, len(v))
		for k, inner := range v {
			clean[k] = withoutSecrets(k, inner)
		}
		return clean
	case http.Header:
		clean := v.Clone()
		clean.Del("Replay-Nonce")
		return clean
	}
	return value
}

// retryAfter remembers when the authority last asked for patience. Its errors have not the header field (RFC 8555 §6.6), but each of its
// answers is logged.
type retryAfter struct {
	now func() time.Time

	mu    sync.Mutex
	seen  time.Time // when
	until time.Time
}

// answerMessage is how acmez logs an answer, with the fields status_code and response_headers. TestARateLimitIsHeeded in test/acme
// fails when that changes.
const answerMessage = "http request"

func (r *retryAfter) see(fields []zapcore.Field) {
	var status int64
	var header http.Header
	for _, f := range fields {
		switch f.Key {
		case "status_code":
			status = f.Integer
		case "response_headers":
			header, _ = f.Interface.(http.Header)
		}
	}
	if status != http.StatusTooManyRequests && status != http.StatusServiceUnavailable {
		return
	}
	wait, ok := parseRetryAfter(header.Get("Retry-After"), time.Now())
	if !ok {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen = r.now()
	r.until = r.seen.Add(wait)
}

// since returns until when patience was asked for at that time or later; zero if it was not.
func (r *retryAfter) since(t time.Time) time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.seen.Before(t) {
		return time.Time{}
	}
	return r.until
}

// longestWait bounds what an authority may ask for: Let's Encrypt's longest period is a week.
const longestWait = 8 * 24 * time.Hour

// parseRetryAfter reads the field Retry-After, seconds or a date (RFC 9110 §10.2.3), as the time from now.
func parseRetryAfter(text string, now time.Time) (time.Duration, bool) {
	var wait time.Duration
	if seconds, err := strconv.ParseUint(text, 10, 32); err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if date, err := http.ParseTime(text); err == nil {
		wait = date.Sub(now)
	} else {
		return 0, false
	}
	return min(max(wait, 0), longestWait), true
}
