package staticfiles

import (
	"strings"

	"github.com/lannerhq/lanner/internal/httpcommon"
)

// coding is a content coding (RFC 9110 §8.4.1), in the order in which they are preferred at equal size.
type coding uint8

const (
	identity coding = iota
	brotli
	zstd
	gzip
	codings
)

func (c coding) String() string { return [codings]string{"identity", "br", "zstd", "gzip"}[c] }

// suffix is what the name of a compressed file ends in.
func (c coding) suffix() string { return [codings]string{"", ".br", ".zst", ".gz"}[c] }

// unlisted is the weight of a coding that Accept-Encoding does not name.
const unlisted = -1

// weights are those of the codings, in thousandths.
type weights [codings]int

// parseAcceptEncoding reads the field's lines (RFC 9110 §12.5.3). An item that is not understood does not count.
func parseAcceptEncoding(lines []string) weights {
	w := weights{unlisted, unlisted, unlisted, unlisted}
	others := unlisted
	for _, line := range lines {
		for item := range strings.SplitSeq(line, ",") {
			name, params, _ := strings.Cut(item, ";")
			q, ok := parseWeight(params)
			if !ok {
				continue
			}
			switch name = httpcommon.TrimOWS(name); {
			case name == "*":
				others = q
			case httpcommon.EqualFold(name, "gzip"), httpcommon.EqualFold(name, "x-gzip"): // RFC 9110 §8.4.1.3
				w[gzip] = q
			case httpcommon.EqualFold(name, "br"):
				w[brotli] = q
			case httpcommon.EqualFold(name, "zstd"):
				w[zstd] = q
			case httpcommon.EqualFold(name, "identity"):
				w[identity] = q
			}
		}
	}
	for c := range w {
		if w[c] == unlisted && (coding(c) != identity || others == 0) {
			w[c] = others
		}
	}
	return w
}

// parseWeight reads ";q=0.5" without its semicolon (RFC 9110 §12.4.2).
func parseWeight(params string) (thousandths int, ok bool) {
	params = httpcommon.TrimOWS(params)
	if params == "" {
		return 1000, true
	}
	if len(params) < 3 || params[0]|0x20 != 'q' || params[1] != '=' {
		return 0, false
	}
	digits := params[2:]
	if digits[0] != '0' && digits[0] != '1' || len(digits) > 5 || len(digits) > 1 && digits[1] != '.' {
		return 0, false
	}
	q, scale := int(digits[0]-'0')*1000, 100
	for i := 2; i < len(digits); i++ {
		if digits[i] < '0' || digits[i] > '9' {
			return 0, false
		}
		q += int(digits[i]-'0') * scale
		scale /= 10
	}
	return q, q <= 1000
}

// choose picks the representation that the client prefers: the greatest weight, then the smallest. The file itself, which is
// always acceptable unless it is ruled out, is only preferred when the client says so; it is sent when nothing else is
// acceptable, since that serves a client better than 406 (RFC 9110 §12.5.3 leaves it open).
func (e *entry) choose(acceptEncoding []string) *representation {
	best := e.reps[0]
	if len(e.reps) == 1 || len(acceptEncoding) == 0 {
		return best
	}
	w := parseAcceptEncoding(acceptEncoding)
	weight := max(w[identity], 0)
	for _, rep := range e.reps[1:] {
		q := w[rep.coding]
		if q > weight || q == weight && q > 0 && rep.size() < best.size() {
			best, weight = rep, q
		}
	}
	return best
}
