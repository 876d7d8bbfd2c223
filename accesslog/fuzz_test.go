package accesslog

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"
)

var (
	word      = `(?:[!#-\[\]-~]|\\["\\bnrtv]|\\x[0-9a-f]{2})+`
	quoted    = `"(?:[ !#-\[\]-~]|\\["\\bnrtv]|\\x[0-9a-f]{2})*"`
	clfText   = `^` + word + ` - ` + word + ` \[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d \+0000\] "(?:-|` + word + ` ` + word + ` ` + word + `)" (?:\d+|-) (?:\d+|-)`
	clfLine   = regexp.MustCompile(clfText + `\n$`)
	combiLine = regexp.MustCompile(clfText + ` ` + quoted + ` ` + quoted + `\n$`)
	w3cLine   = regexp.MustCompile(`^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?: [!-~]+){19}\n$`)
)

func FuzzNoEntryForgesALine(f *testing.F) {
	for _, e := range examples {
		f.Add(e.Time.UnixNano(), int64(e.Duration), e.Status, e.RequestBytes, e.ResponseBytes, e.Upgraded, e.RemoteAddr, e.LocalAddr,
			e.Method, e.Target, e.Protocol, e.UserAgent, e.User, e.Reason)
	}
	f.Add(int64(1)<<62, int64(1)<<62, -1, int64(1)<<62, int64(1)<<62, true, "\n", "#", "\u2028", "\\", "\"", "\\\"", "\xf0\x9f", "\x80")
	f.Fuzz(func(t *testing.T, at, duration int64, status int, in, out int64, upgraded bool, remote, local, method, target, protocol, agent, user, reason string) {
		e := &Entry{
			Time: time.Unix(0, at), Duration: time.Duration(duration), Status: status, RequestBytes: in, ResponseBytes: out,
			RequestHeaderBytes: out, ResponseHeaderBytes: in, Upgraded: upgraded, RemoteAddr: remote, LocalAddr: local,
			Endpoint: reason, ConnectionID: user, RequestID: agent, Scheme: protocol, Method: method, Host: local, Target: target,
			Protocol: protocol, UserAgent: agent, Referer: target, User: user, Reason: reason,
		}
		for _, format := range allFormats {
			line := format.Append(nil, e)
			if bytes.IndexByte(line, '\n') != len(line)-1 || bytes.ContainsAny(line, "\r\v\f\u0085\u2028\u2029") {
				t.Errorf("%s: not one line: %q", format, line)
			}
			switch format {
			case JSON:
				sameAsJSON(t, line, e)
			case CLF:
				if !clfLine.Match(line) {
					t.Errorf("not a line of CLF: %q", line)
				}
			case Combined:
				if !combiLine.Match(line) {
					t.Errorf("not a line of Combined: %q", line)
				}
			case W3C:
				if !w3cLine.Match(line) || strings.Count(string(line), " ") != strings.Count(w3cFields, " ") {
					t.Errorf("not a line of W3C: %q", line)
				}
			}
		}
	})
}

// jsonLine has the members of docs/reference/access-log.md.
type jsonLine struct {
	Time                time.Time `json:"time"`
	Duration            json.Number
	Status              int
	Method              string
	Target              string
	Protocol            string
	Remote              string
	RequestBytes        int64 `json:"request_bytes"`
	ResponseBytes       int64 `json:"response_bytes"`
	RequestHeaderBytes  int64 `json:"request_header_bytes"`
	ResponseHeaderBytes int64 `json:"response_header_bytes"`
	Scheme              string
	Host                string
	User                string
	Referer             string
	UserAgent           string `json:"user_agent"`
	Local               string
	Endpoint            string
	Connection          string
	Request             string
	Reason              string
	Upgraded            bool
}

func sameAsJSON(t *testing.T, line []byte, e *Entry) {
	t.Helper()
	var got jsonLine
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&got); err != nil {
		t.Fatalf("%v: %s", err, line)
	}
	text := func(s string) string { return string([]rune(s)) } // each invalid byte becomes U+FFFD
	seconds := string(appendSeconds(nil, e.Duration))
	want := jsonLine{
		Time: e.Time.UTC().Truncate(time.Microsecond), Duration: json.Number(seconds), Status: e.Status, Method: text(e.Method),
		Target: text(e.Target), Protocol: text(e.Protocol), Remote: text(e.RemoteAddr), RequestBytes: max(e.RequestBytes, 0),
		ResponseBytes: max(e.ResponseBytes, 0), RequestHeaderBytes: max(e.RequestHeaderBytes, 0),
		ResponseHeaderBytes: max(e.ResponseHeaderBytes, 0), Scheme: text(e.Scheme), Host: text(e.Host), User: text(e.User),
		Referer: text(e.Referer), UserAgent: text(e.UserAgent), Local: text(e.LocalAddr), Endpoint: text(e.Endpoint),
		Connection: text(e.ConnectionID), Request: text(e.RequestID), Reason: text(e.Reason), Upgraded: e.Upgraded,
	}
	if got != want {
		t.Errorf("got  %+v\nwant %+v\nof %s", got, want, line)
	}
	parsed, err := time.ParseDuration(seconds + "s")
	if err != nil || parsed != max(e.Duration, 0).Truncate(time.Microsecond) {
		t.Errorf("the duration %v is written as %s (%v)", e.Duration, seconds, err)
	}
}
