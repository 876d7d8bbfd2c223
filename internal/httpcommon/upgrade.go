package httpcommon

// AppendUpgrade appends a 101 response: Connection: Upgrade, then the given fields (RFC 9110 §15.2.2). Fields of framing
// and Connection are left out.
func AppendUpgrade(b []byte, h *Headers) []byte {
	b = append(b, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"...)
	for name, value := range h.All() {
		switch {
		case EqualFold(name, "Connection"), EqualFold(name, "Content-Length"), EqualFold(name, "Transfer-Encoding"):
			continue
		case !IsToken(name), !IsFieldValue(value):
			continue
		}
		b = AppendField(b, name, value)
	}
	return append(b, "\r\n"...)
}

// AppendField appends one field line.
func AppendField(b []byte, name, value string) []byte {
	b = append(b, name...)
	b = append(b, ": "...)
	b = append(b, value...)
	return append(b, "\r\n"...)
}
