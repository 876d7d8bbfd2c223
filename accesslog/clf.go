package accesslog

import "strconv"

// appendCommon appends Apache's "%h %l %u %t \"%r\" %>s %b". The time is that of the request, in UTC.
func appendCommon(b []byte, e *Entry) []byte {
	host, _ := splitAddress(e.RemoteAddr)
	b = appendBare(b, host)
	b = append(b, " - "...) // the identd name, which nobody asks for any more
	b = appendBare(b, e.User)
	m := newMoment(e.Time)
	b = append(b, " ["...)
	b = append2(b, m.day)
	b = append(b, '/')
	b = append(b, months[m.month*3-3:m.month*3]...)
	b = append(b, '/')
	b = append4(b, m.year)
	b = append(b, ':')
	b = m.appendClock(b)
	b = append(b, ` +0000] "`...)
	b = appendRequestLine(b, e)
	b = append(b, '"', ' ')
	b = appendStatus(b, e.Status)
	b = append(b, ' ')
	if e.ResponseBytes <= 0 {
		return append(b, '-') // %b, not %B: "in CLF format, i.e. a '-' rather than a 0"
	}
	return strconv.AppendInt(b, e.ResponseBytes, 10)
}

func appendCombined(b []byte, e *Entry) []byte {
	b = appendCommon(b, e)
	b = append(b, ' ', '"')
	b = appendQuoted(b, e.Referer)
	b = append(b, `" "`...)
	b = appendQuoted(b, e.UserAgent)
	return append(b, '"', '\n')
}

// appendRequestLine appends three words, or a dash when nothing of the request line is known.
func appendRequestLine(b []byte, e *Entry) []byte {
	if e.Method == "" && e.Target == "" && e.Protocol == "" {
		return append(b, '-')
	}
	b = appendBare(b, e.Method)
	b = append(b, ' ')
	b = appendBare(b, e.Target)
	b = append(b, ' ')
	return appendBare(b, e.Protocol)
}

// appendBare appends a word: a space would end it, so it is escaped too.
func appendBare(b []byte, s string) []byte {
	if s == "" {
		return append(b, '-')
	}
	return appendEscaped(b, s, plainBare, escapeCLF)
}

func appendQuoted(b []byte, s string) []byte {
	if s == "" {
		return append(b, '-')
	}
	return appendEscaped(b, s, plainQuoted, escapeCLF)
}

// appendStatus appends a dash when there was no answer, as Apache does.
func appendStatus(b []byte, status int) []byte {
	if status <= 0 {
		return append(b, '-')
	}
	return strconv.AppendInt(b, int64(status), 10)
}
