package accesslog

import (
	"strconv"
	"time"
)

// appendJSON appends the object. The members that say what happened are always there; one that is not known is left out.
func appendJSON(b []byte, e *Entry) []byte {
	m := newMoment(e.Time)
	b = append(b, `{"time":"`...)
	b = m.appendDate(b)
	b = append(b, 'T')
	b = m.appendClock(b)
	b = append(b, '.')
	b = append6(b, m.micro)
	b = append(b, `Z","duration":`...)
	b = appendSeconds(b, e.Duration)
	b = append(b, `,"status":`...)
	b = strconv.AppendInt(b, int64(e.Status), 10)
	b = appendMember(b, `,"method":"`, e.Method)
	b = appendMember(b, `,"target":"`, e.Target)
	b = appendMember(b, `,"protocol":"`, e.Protocol)
	b = appendMember(b, `,"remote":"`, e.RemoteAddr)
	b = append(b, `,"request_bytes":`...)
	b = strconv.AppendInt(b, max(e.RequestBytes, 0), 10)
	b = append(b, `,"response_bytes":`...)
	b = strconv.AppendInt(b, max(e.ResponseBytes, 0), 10)

	b = appendKnownSize(b, `,"request_header_bytes":`, e.RequestHeaderBytes)
	b = appendKnownSize(b, `,"response_header_bytes":`, e.ResponseHeaderBytes)
	b = appendKnown(b, `,"scheme":"`, e.Scheme)
	b = appendKnown(b, `,"host":"`, e.Host)
	b = appendKnown(b, `,"user":"`, e.User)
	b = appendKnown(b, `,"referer":"`, e.Referer)
	b = appendKnown(b, `,"user_agent":"`, e.UserAgent)
	b = appendKnown(b, `,"local":"`, e.LocalAddr)
	b = appendKnown(b, `,"endpoint":"`, e.Endpoint)
	b = appendKnown(b, `,"connection":"`, e.ConnectionID)
	b = appendKnown(b, `,"request":"`, e.RequestID)
	b = appendKnown(b, `,"reason":"`, e.Reason)
	if e.Upgraded {
		b = append(b, `,"upgraded":true`...)
	}
	return append(b, '}', '\n')
}

// appendMember appends a member; opening is all of it before its value.
func appendMember(b []byte, opening, value string) []byte {
	b = append(b, opening...)
	b = appendEscaped(b, value, plainJSON, escapeJSON)
	return append(b, '"')
}

func appendKnown(b []byte, opening, value string) []byte {
	if value == "" {
		return b
	}
	return appendMember(b, opening, value)
}

func appendKnownSize(b []byte, opening string, size int64) []byte {
	if size <= 0 {
		return b
	}
	return strconv.AppendInt(append(b, opening...), size, 10)
}

// appendSeconds appends d in seconds with six decimals, which is a JSON number.
func appendSeconds(b []byte, d time.Duration) []byte {
	d = max(d, 0)
	b = strconv.AppendInt(b, int64(d/time.Second), 10)
	b = append(b, '.')
	return append6(b, int(d%time.Second/time.Microsecond))
}
