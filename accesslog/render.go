package accesslog

import (
	"math"
	"strings"
	"time"
)

const months = "JanFebMarAprMayJunJulAugSepOctNovDec"

// moment is an instant in UTC, taken apart.
type moment struct {
	year, month, day, hour, minute, second, micro int
}

// newMoment takes t apart. Years that do not have four digits become the nearest that does, so that a field has its width.
func newMoment(t time.Time) moment {
	t = t.UTC()
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	return moment{min(max(year, 0), 9999), int(month), day, hour, minute, second, t.Nanosecond() / 1000}
}

// appendDate appends 2006-01-02.
func (m *moment) appendDate(b []byte) []byte {
	b = append4(b, m.year)
	b = append(b, '-')
	b = append2(b, m.month)
	b = append(b, '-')
	return append2(b, m.day)
}

// appendClock appends 15:04:05.
func (m *moment) appendClock(b []byte) []byte {
	b = append2(b, m.hour)
	b = append(b, ':')
	b = append2(b, m.minute)
	b = append(b, ':')
	return append2(b, m.second)
}

func append2(b []byte, n int) []byte { return append(b, byte('0'+n/10), byte('0'+n%10)) }
func append4(b []byte, n int) []byte { return append2(append2(b, n/100), n%100) }
func append6(b []byte, n int) []byte { return append2(append4(b, n/100), n%100) }

// sum adds sizes, which are not negative, and stays at the largest number there is.
func sum(a, b int64) int64 {
	a, b = max(a, 0), max(b, 0)
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}

// splitAddress returns the host without brackets, and the port, of host:port. Anything else, such as the path of a unix
// socket, is a host.
func splitAddress(addr string) (host, port string) {
	i := strings.LastIndexByte(addr, ':')
	if i < 0 || addr[0] == '/' || addr[0] == '@' || !digits(addr[i+1:]) {
		return addr, ""
	}
	host, port = addr[:i], addr[i+1:]
	if n := len(host); n >= 2 && host[0] == '[' && host[n-1] == ']' {
		return host[1 : n-1], port
	}
	if strings.IndexByte(host, ':') >= 0 {
		return addr, "" // IPv6 without brackets, so without a port
	}
	return host, port
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
