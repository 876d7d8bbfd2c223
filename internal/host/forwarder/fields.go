package forwarder

// field says what the forwarder does with a request field of that name.
type field uint8

const (
	fieldPlain      field = iota
	fieldHost             // written first, from the feature
	fieldLength           // framing is the forwarder's
	fieldHop              // concerns the client's connection only (RFC 9110 §7.6.1), or must not reach a program
	fieldConnection       // names further ones
	fieldUpgrade
	fieldTE
	fieldExpect
	fieldCookie    // one line of it in HTTP/1.1
	fieldForwarded // kept from trusted proxies only
	fieldModule    // MS-ASPNETCORE* and Client-Cert*: the forwarder's own, never taken from a client
)

// classify knows request fields by name. An underscore counts as a hyphen: programs that get fields as CGI variables
// (WSGI, PHP, Rack) cannot tell MS_ASPNETCORE_TOKEN or X_Forwarded_For from the real thing, so neither may pass.
func classify(name string) field {
	switch len(name) {
	case 2:
		return pick(name, "te", fieldTE)
	case 4:
		return pick(name, "host", fieldHost)
	case 5:
		// A CGI variable HTTP_PROXY configures the program's own HTTP client (CVE-2016-5385).
		return pick(name, "proxy", fieldHop)
	case 6:
		if same(name, "expect") {
			return fieldExpect
		}
		return pick(name, "cookie", fieldCookie)
	case 7:
		return pick(name, "upgrade", fieldUpgrade)
	case 9:
		return pick(name, "forwarded", fieldForwarded)
	case 10:
		if same(name, "connection") {
			return fieldConnection
		}
		return pick(name, "keep-alive", fieldHop)
	case 11:
		// RFC 9440 §2.4: whoever ends TLS must "sanitize" what a client sends.
		return pick(name, "client-cert", fieldModule)
	case 14:
		if same(name, "content-length") {
			return fieldLength
		}
	case 16:
		if same(name, "proxy-connection") {
			return fieldHop
		}
	case 17:
		if same(name, "transfer-encoding") {
			return fieldHop
		}
		if same(name, "client-cert-chain") {
			return fieldModule
		}
	case 19:
		if same(name, "proxy-authorization") { // for this hop (RFC 9110 §11.7.2), and nobody here asked for it
			return fieldHop
		}
	}
	switch {
	case len(name) >= len(modulePrefix) && same(name[:len(modulePrefix)], modulePrefix):
		return fieldModule
	case len(name) > len(forwardedPrefix) && same(name[:len(forwardedPrefix)], forwardedPrefix):
		return fieldForwarded
	case len(name) > len(originalPrefix) && same(name[:len(originalPrefix)], originalPrefix):
		return originalField(name[len(originalPrefix):])
	}
	return fieldPlain
}

const (
	modulePrefix    = "ms-aspnetcore"
	forwardedPrefix = "x-forwarded-"
	originalPrefix  = "x-original-"
)

// originalField knows what ASP.NET Core's forwarded headers middleware leaves for the application after it has used
// X-Forwarded-*. A client must not be able to forge that.
func originalField(rest string) field {
	for _, name := range [...]string{"for", "proto", "host", "prefix"} {
		if same(rest, name) {
			return fieldForwarded
		}
	}
	return fieldPlain
}

func pick(name, lower string, f field) field {
	if same(name, lower) {
		return f
	}
	return fieldPlain
}

// same compares name with lower, which is in lower case, without case and taking underscores for hyphens.
func same(name, lower string) bool {
	if len(name) != len(lower) {
		return false
	}
	for i := range len(lower) {
		c := name[i]
		switch {
		case 'A' <= c && c <= 'Z':
			c += 'a' - 'A'
		case c == '_':
			c = '-'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}
