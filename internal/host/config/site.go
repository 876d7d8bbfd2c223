package config

import "time"

// Site is what answers under a set of bindings: applications by path.
type Site struct {
	// Name is the key under sites.
	Name string

	// Bindings are the addresses and host names the site answers on. There is at least one.
	Bindings []Binding

	// Applications divide the site by path; the longest matching path wins. There is at least one.
	Applications []Application

	// AutoStart starts the site with the host. Default true, as in IIS.
	AutoStart bool

	// Limits bound what a client may send.
	Limits Limits
}

// Limits bound what a client of a site may send, and how slowly. The names and defaults are those of Kestrel.
// Unlimited in a field means no limit; zero is never used.
type Limits struct {
	// MaxRequestBodySize in bytes, answered 413 beyond. Default 30,000,000. Unlimited is possible.
	MaxRequestBodySize int64
	// MaxRequestLineSize in bytes, answered 414 beyond. Default 8,192.
	MaxRequestLineSize int64
	// MaxRequestHeadersTotalSize in bytes, answered 431 beyond. Default 32,768.
	MaxRequestHeadersTotalSize int64
	// MaxRequestHeaderCount, answered 431 beyond. Default 100.
	MaxRequestHeaderCount int
	// MaxConnections open at the same time; more are closed. Default Unlimited.
	MaxConnections int
	// KeepAliveTimeout closes a connection with no request for this long. Default 130s.
	KeepAliveTimeout time.Duration
	// RequestHeadersTimeout bounds the time from the first octet of a request to the end of its head. Default 30s.
	RequestHeadersTimeout time.Duration
	// MinRequestBodyDataRate in octets a second, after 5s of grace. Default 240. Unlimited switches it off.
	MinRequestBodyDataRate int
	// MinResponseDataRate in octets a second, after 5s of grace. Default 240. Unlimited switches it off.
	MinResponseDataRate int
}

// Unlimited is the value of a limit that is switched off.
const Unlimited = -1
