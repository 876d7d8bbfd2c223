package hostfiltering

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

var errMapping = errors.New("it has characters that must be mapped before they can be part of a host name; write the xn-- form of the name")

// toASCII gives a host name the form in which requests carry it: lower case, labels outside ASCII in punycode
// (RFC 5891 §4.4). Unicode normalisation needs tables that the standard library does not have. Text is normalised (NFC)
// by every editor and keyboard; the characters that show that a name is not are refused.
func toASCII(host string) (string, error) {
	if !utf8.ValidString(host) {
		return "", errors.New("it is not valid UTF-8")
	}
	labels := strings.Split(strings.Map(asDot, host), ".")
	for i, label := range labels {
		label = strings.ToLower(label)
		if label == "" {
			return "", errors.New("it has a dot at the beginning, at the end, or next to another")
		}
		if strings.IndexFunc(label, needsMapping) >= 0 {
			return "", errMapping
		}
		if strings.IndexFunc(label, func(r rune) bool { return r >= utf8.RuneSelf }) >= 0 {
			label = "xn--" + punycode(label)
		}
		if len(label) > 63 { // RFC 1035 §2.3.4
			return "", fmt.Errorf("the label %q is longer than 63 bytes", label)
		}
		labels[i] = label
	}
	return strings.Join(labels, "."), nil
}

// asDot maps the full stops that separate labels to a dot (RFC 3490 §3.1).
func asDot(r rune) rune {
	switch r {
	case '\u3002', '\uff0e', '\uff61':
		return '.'
	}
	return r
}

// needsMapping reports characters that normalisation (NFKC) would change or join with the one before.
func needsMapping(r rune) bool {
	switch {
	case r >= 0x0300 && r <= 0x036f: // combining diacritical marks
	case r >= 0x1100 && r <= 0x11ff: // conjoining Hangul
	case r == 0x3099 || r == 0x309a: // combining kana sound marks
	case r >= 0xfb00 && r <= 0xfb4f: // ligatures
	case r >= 0xff00 && r <= 0xffef: // half width and full width forms
	case r >= 0x200b && r <= 0x200f || r == 0xfeff || r == 0x00ad: // invisible
	default:
		return false
	}
	return true
}

// Parameters of punycode (RFC 3492 §5).
const (
	base        = 36
	tMin        = 1
	tMax        = 26
	skew        = 38
	damp        = 700
	initialBias = 72
	initialN    = 128
)

// punycode encodes one label that has at least one character outside ASCII (RFC 3492 §6.3).
func punycode(label string) string {
	runes := []rune(label)
	var out []byte
	for _, r := range runes {
		if r < initialN {
			out = append(out, byte(r))
		}
	}
	basic := len(out)
	if basic > 0 {
		out = append(out, '-')
	}
	n, delta, bias := rune(initialN), 0, initialBias
	for handled := basic; handled < len(runes); n++ {
		next := rune(utf8.MaxRune)
		for _, r := range runes {
			if r >= n {
				next = min(next, r)
			}
		}
		delta += int(next-n) * (handled + 1)
		n = next
		for _, r := range runes {
			if r < n {
				delta++
			}
			if r != n {
				continue
			}
			out = appendVariable(out, delta, bias)
			bias = adapt(delta, handled+1, handled == basic)
			delta = 0
			handled++
		}
		delta++
	}
	return string(out)
}

// appendVariable appends delta as a variable-length integer.
func appendVariable(out []byte, delta, bias int) []byte {
	for k := base; ; k += base {
		t := min(max(k-bias, tMin), tMax)
		if delta < t {
			return append(out, digit(delta))
		}
		out = append(out, digit(t+(delta-t)%(base-t)))
		delta = (delta - t) / (base - t)
	}
}

func digit(d int) byte {
	if d < 26 {
		return byte('a' + d)
	}
	return byte('0' + d - 26)
}

func adapt(delta, points int, first bool) int {
	if first {
		delta /= damp
	} else {
		delta /= 2
	}
	delta += delta / points
	k := 0
	for delta > (base-tMin)*tMax/2 {
		delta /= base - tMin
		k += base
	}
	return k + (base-tMin+1)*delta/(delta+skew)
}
