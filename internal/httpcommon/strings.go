package httpcommon

import "unsafe"

// Moved returns s as a part of to, when it is a part of from, which has the same bytes; else s itself.
func Moved(s, from, to string) string {
	if s == "" {
		return s
	}
	at := uintptr(unsafe.Pointer(unsafe.StringData(s))) - uintptr(unsafe.Pointer(unsafe.StringData(from)))
	if at >= uintptr(len(from)) {
		return s
	}
	return to[at : at+uintptr(len(s))]
}

// InternMethod returns the common methods as constants, which need no copy when they are kept.
func InternMethod(s string) string {
	switch s {
	case "GET":
		return "GET"
	case "POST":
		return "POST"
	case "HEAD":
		return "HEAD"
	case "PUT":
		return "PUT"
	case "DELETE":
		return "DELETE"
	case "OPTIONS":
		return "OPTIONS"
	case "PATCH":
		return "PATCH"
	case "CONNECT":
		return "CONNECT"
	}
	return s
}
