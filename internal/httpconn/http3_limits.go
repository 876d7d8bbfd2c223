package httpconn

// HTTP3Limits bounds what a client may do on an HTTP/3 connection, beside the limits of QUIC. The defaults are Kestrel's (Http3Limits). In
// each field zero means the default, which Effective fills in.
type HTTP3Limits struct {
	// MaxRequestHeaderFieldSize is the largest size in bytes of a name or a value of a field of a request: 32,768.
	MaxRequestHeaderFieldSize int
}

// Effective returns l with the defaults filled in.
func (l HTTP3Limits) Effective() HTTP3Limits {
	return HTTP3Limits{MaxRequestHeaderFieldSize: orDefault(l.MaxRequestHeaderFieldSize, DefaultMaxRequestHeaderFieldSize)}
}
