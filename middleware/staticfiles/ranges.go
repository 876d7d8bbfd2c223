package staticfiles

import (
	"math"
	"net/http"
	"strconv"
	"strings"

	"github.com/lannerhq/lanner/internal/httpcommon"
)

// byteRange is a part of a representation. Its length is not 0.
type byteRange struct{ start, length int64 }

// maxRanges is how many parts a response has. More are taken for an attack: each costs a hundred bytes of framing
// (RFC 9110 §17.15).
const maxRanges = 64

func (r byteRange) contentRange(size int64) string {
	return "bytes " + strconv.FormatInt(r.start, 10) + "-" + strconv.FormatInt(r.start+r.length-1, 10) + "/" + strconv.FormatInt(size, 10)
}

// parseRanges reads a Range field (RFC 9110 §14.1.2 and §14.2). The status is 206, 416, or 200 when the field is to be
// ignored.
func parseRanges(lines []string, size int64) (ranges []byteRange, status int) {
	if len(lines) != 1 || size == 0 { // like net/http: an empty file is sent whole, which some clients need
		return nil, http.StatusOK
	}
	unit, set, found := strings.Cut(lines[0], "=")
	if !found || !httpcommon.EqualFold(httpcommon.TrimOWS(unit), "bytes") {
		return nil, http.StatusOK // "MUST ignore a Range header field that contains a range unit it does not understand"
	}
	items, total := 0, int64(0)
	for item := range strings.SplitSeq(set, ",") {
		if item = httpcommon.TrimOWS(item); item == "" {
			continue
		}
		if items++; items > maxRanges {
			return nil, http.StatusOK
		}
		r, ok := parseRange(item, size)
		if !ok {
			return nil, http.StatusRequestedRangeNotSatisfiable
		}
		if r.length > 0 {
			ranges = append(ranges, r)
			total += r.length
		}
	}
	switch {
	case items == 0 || total > size: // overlapping: the whole is less
		return nil, http.StatusOK
	case len(ranges) == 0:
		return nil, http.StatusRequestedRangeNotSatisfiable
	}
	return ranges, http.StatusPartialContent
}

// parseRange reads one range; its length is 0 when it is beyond the end.
func parseRange(item string, size int64) (byteRange, bool) {
	first, last, found := strings.Cut(item, "-")
	if !found {
		return byteRange{}, false
	}
	first, last = httpcommon.TrimOWS(first), httpcommon.TrimOWS(last)
	if first == "" { // the last n bytes
		n, ok := parseDigits(last)
		n = min(n, size)
		return byteRange{size - n, n}, ok
	}
	start, ok := parseDigits(first)
	if !ok {
		return byteRange{}, false
	}
	end := size - 1
	if last != "" {
		given, ok := parseDigits(last)
		if !ok || given < start {
			return byteRange{}, false
		}
		end = min(end, given)
	}
	if start >= size {
		return byteRange{}, true
	}
	return byteRange{start, end - start + 1}, true
}

// parseDigits reads a decimal number; one that is too large is as good as the largest.
func parseDigits(s string) (int64, bool) {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil && s != "" {
		n = math.MaxInt64
	}
	return n, s != ""
}
