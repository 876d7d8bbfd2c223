package accesslog

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lannerhq/lanner/internal/editdistance"
)

// Format is how an entry is written. The zero value is JSON.
type Format uint8

const (
	// JSON is one object per line (RFC 8259), all ASCII but printable letters.
	JSON Format = iota
	// CLF is the Common Log Format of the first web servers: client, user, time, request line, status, size.
	CLF
	// Combined is CLF and then the Referer and User-Agent fields, as Apache and nginx write it.
	Combined
	// W3C is the extended log file format (W3C WD-logfile-960323) with the fields that IIS writes.
	W3C
)

var formatNames = [...]string{JSON: "json", CLF: "clf", Combined: "combined", W3C: "w3c"}

// ParseFormat returns the format of that name: json, clf, combined or w3c. The error for any other names the nearest one.
func ParseFormat(name string) (Format, error) {
	if i := slices.Index(formatNames[:], name); i >= 0 {
		return Format(i), nil
	}
	hint := "there is " + strings.Join(formatNames[:], ", ")
	if near := nearestFormat(name); near != "" {
		hint = fmt.Sprintf("did you mean %q? %s", near, hint)
	}
	return 0, fmt.Errorf("unknown access log format %q: %s", name, hint)
}

// nearestFormat returns the name that was most likely meant, or "". Case does not count as a mistake.
func nearestFormat(name string) string {
	if name == "common" || name == "ncsa" { // what Apache and IIS call it
		return formatNames[CLF]
	}
	const longest = 16 // a longer word is none of ours with a few letters wrong
	if len(name) > longest {
		return ""
	}
	given := []rune(strings.ToLower(name))
	best, bestDistance := "", 1+(len(given)+1)/3
	for _, candidate := range formatNames {
		if d := editdistance.Between(given, []rune(candidate)); d < bestDistance {
			best, bestDistance = candidate, d
		}
	}
	return best
}

// String returns the name that ParseFormat takes.
func (f Format) String() string {
	if int(f) >= len(formatNames) {
		return fmt.Sprintf("Format(%d)", uint8(f))
	}
	return formatNames[f]
}

// MarshalText implements encoding.TextMarshaler. It fails for a value that is none of the constants.
func (f Format) MarshalText() ([]byte, error) {
	if int(f) >= len(formatNames) {
		return nil, fmt.Errorf("there is no access log format %d", uint8(f))
	}
	return []byte(formatNames[f]), nil
}

// UnmarshalText implements encoding.TextUnmarshaler, by ParseFormat.
func (f *Format) UnmarshalText(text []byte) error {
	parsed, err := ParseFormat(string(text))
	if err == nil {
		*f = parsed
	}
	return err
}

// Append appends e as one line with its line end. It allocates nothing but what b needs to grow. A value that is none of
// the constants counts as JSON.
func (f Format) Append(b []byte, e *Entry) []byte {
	switch f {
	case CLF:
		return append(appendCommon(b, e), '\n')
	case Combined:
		return appendCombined(b, e)
	case W3C:
		return appendW3C(b, e)
	}
	return appendJSON(b, e)
}

// AppendHeader appends what a file of the format begins with: the directives of W3C, nothing for the others. now is the
// time at which the file is begun. A [Log] does this by itself.
func (f Format) AppendHeader(b []byte, now time.Time) []byte {
	if f == W3C {
		return appendDirectives(b, now)
	}
	return b
}
