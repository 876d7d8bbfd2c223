package accesslog

import (
	"strconv"
	"strings"
	"time"
)

// w3cFields are those of IIS in IIS's order, without the ones that only Windows can fill, and then ours: names of fields
// that the draft does not know begin with "x-".
const w3cFields = "date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs-version cs(User-Agent) " +
	"cs(Referer) cs-host sc-status sc-bytes cs-bytes time-taken x-endpoint x-connection x-request x-reason"

// appendDirectives appends the directives: "The directives Version and Fields are required and should precede all entries in
// the log" (WD-logfile-960323).
func appendDirectives(b []byte, now time.Time) []byte {
	m := newMoment(now)
	b = append(b, "#Software: Lanner\n#Version: 1.0\n#Date: "...)
	b = m.appendDate(b)
	b = append(b, ' ')
	b = m.appendClock(b)
	return append(b, "\n#Fields: "+w3cFields+"\n"...)
}

// appendW3C appends the entry. Its date and time are those "at which transaction completed" (WD-logfile-960323).
func appendW3C(b []byte, e *Entry) []byte {
	duration := max(e.Duration, 0)
	m := newMoment(e.Time.Add(duration))
	localHost, localPort := splitAddress(e.LocalAddr)
	remoteHost, _ := splitAddress(e.RemoteAddr)
	stem, query, _ := strings.Cut(e.Target, "?")

	b = m.appendDate(b)
	b = append(b, ' ')
	b = m.appendClock(b)
	b = appendW3CField(b, localHost)
	b = appendW3CField(b, e.Method)
	b = appendW3CField(b, stem)
	b = appendW3CField(b, query)
	b = appendW3CField(b, localPort)
	b = appendW3CField(b, e.User)
	b = appendW3CField(b, remoteHost)
	b = appendW3CField(b, e.Protocol)
	b = appendW3CField(b, e.UserAgent)
	b = appendW3CField(b, e.Referer)
	b = appendW3CField(b, e.Host)
	b = append(b, ' ')
	b = appendStatus(b, e.Status)
	b = append(b, ' ')
	b = strconv.AppendInt(b, sum(e.ResponseHeaderBytes, e.ResponseBytes), 10)
	b = append(b, ' ')
	b = strconv.AppendInt(b, sum(e.RequestHeaderBytes, e.RequestBytes), 10)
	b = append(b, ' ')
	b = strconv.AppendInt(b, duration.Milliseconds(), 10) // IIS's unit; the draft's is seconds
	b = appendW3CField(b, e.Endpoint)
	b = appendW3CField(b, e.ConnectionID)
	b = appendW3CField(b, e.RequestID)
	b = appendW3CField(b, e.Reason)
	return append(b, '\n')
}

// appendW3CField appends a field. A space becomes a plus sign, as in IIS; there is no escape for a plus sign.
func appendW3CField(b []byte, s string) []byte {
	b = append(b, ' ')
	if s == "" {
		return append(b, '-')
	}
	return appendEscaped(b, s, plainW3C, escapeW3C)
}
