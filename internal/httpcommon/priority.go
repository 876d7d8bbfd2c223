package httpcommon

import "strings"

// Urgencies are the levels of RFC 9218 §4.1; 0 is served first.
const (
	Urgencies      = 8
	DefaultUrgency = 3
)

// Priority is that of a response (RFC 9218 §4).
type Priority struct {
	Urgency     uint8
	Incremental bool // it is of use in parts, and takes turns with others
}

// ParsePriority reads a priority field value, a structured-field dictionary. What is not understood is the default: it is only a wish.
func ParsePriority(value string) Priority {
	p := Priority{Urgency: DefaultUrgency}
	for item := range strings.SplitSeq(value, ",") {
		item = TrimOWS(item)
		item, _, _ = strings.Cut(item, ";")
		switch {
		case len(item) == 3 && item[:2] == "u=" && item[2] >= '0' && item[2] < '0'+Urgencies:
			p.Urgency = item[2] - '0'
		case item == "i" || item == "i=?1":
			p.Incremental = true
		case item == "i=?0":
			p.Incremental = false
		}
	}
	return p
}
