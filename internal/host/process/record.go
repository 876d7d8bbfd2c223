package process

import "time"

// recordTime is RFC 3339 with nanoseconds, always of the same width.
const recordTime = "2006-01-02T15:04:05.000000000Z07:00"

// appendRecord writes a line in the format that Kubernetes' container runtimes
// use for the same job, so that existing log readers understand it:
//
//	2026-10-06T00:17:09.669794202Z stdout F:shop/3 text
//
// time, stream, F for a full line or P for one that the next record of the
// stream continues, and after the colon, as a further tag, the process's name.
func appendRecord(b []byte, l Line) []byte {
	b = l.Time.UTC().AppendFormat(b, recordTime)
	b = append(b, ' ')
	b = append(b, l.Stream...)
	if l.Partial {
		b = append(b, " P"...)
	} else {
		b = append(b, " F"...)
	}
	if l.Process != "" {
		b = append(b, ':')
		b = appendTag(b, l.Process)
	}
	b = append(b, ' ')
	b = append(b, l.Text...)
	return append(b, '\n')
}

// appendTag keeps the tag one word.
func appendTag(b []byte, name string) []byte {
	for i := range len(name) {
		c := name[i]
		if c <= ' ' || c == 0x7f {
			c = '_'
		}
		b = append(b, c)
	}
	return b
}

// String gives the line as people read it.
func (l Line) String() string {
	return l.Time.Format(time.TimeOnly+".000") + " " + string(l.Stream) + " " + l.Text
}
