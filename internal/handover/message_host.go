package handover

import (
	"encoding/json"
	"time"
)

// Hello is the first message the host sends, and it sends it once: who the
// worker is and what it serves.
type Hello struct {
	// Version is the host's protocol version. Zero is sent as [Current].
	Version Version `json:"version"`
	// Generation counts the workers of one application pool, so that logs can
	// tell a worker from the one that replaces it.
	Generation uint64 `json:"generation"`
	// Site and Application are the names in the configuration.
	Site        string `json:"site"`
	Application string `json:"application"`
	// PathBase is the path below which the application lives, "" for the root
	// of the site.
	PathBase string `json:"pathBase"`
	// Worker identifies this worker among all workers of the host.
	Worker string `json:"worker"`
	// Token is the secret that the host also put into the worker's environment.
	Token Secret `json:"token"`
	// Routes are the names and paths whose requests belong to this application.
	// A request that matches none of them, or matches a foreign prefix, is
	// another application's: the worker gives the connection back by [Return].
	Routes []Route `json:"routes"`
	// ForeignPrefixes are paths below the application's own that belong to
	// other applications, for instance "/shop/admin" for the one at "/shop".
	ForeignPrefixes []string `json:"foreignPrefixes,omitempty"`
	// ForeignHosts are host names and wildcards of other sites at the same
	// endpoints. One that matches more specifically than a route of ours wins.
	ForeignHosts []string `json:"foreignHosts,omitempty"`
	// Addresses are the URLs under which clients reach the application.
	Addresses []string `json:"addresses,omitempty"`
	// Limits are the effective limits, in the form the server defines.
	Limits json.RawMessage `json:"limits,omitempty"`
	// StatusTable, if not nil, is the memory for [OpenStatusTable].
	StatusTable *Descriptor `json:"-"`
}

// Route is a part of the host's name space that belongs to one application.
type Route struct {
	// Host is a lower-case name without a port, "*.name" for all names below
	// it, or "" for every name.
	Host string `json:"host"`
	// PathPrefix begins with a slash; "/" means all paths.
	PathPrefix string `json:"pathPrefix"`
}

// Listen gives the worker a copy of a listening socket. The host keeps its own,
// so that no connection is refused while workers change.
type Listen struct {
	// ID names the socket in [Unlisten] and [Return]. Zero is allowed.
	ID uint32 `json:"id"`
	// Address is the endpoint as the configuration writes it, for logs.
	Address string `json:"address"`
	// Scheme is "http" or "https".
	Scheme string `json:"scheme"`
	// Descriptor is the listening socket.
	Descriptor *Descriptor `json:"-"`
}

// Unlisten tells the worker to stop accepting from a listening socket and to
// close its copy.
type Unlisten struct {
	ID uint32 `json:"id"`
}

// Conn gives the worker an accepted connection.
type Conn struct {
	// ID names the connection. It is not 0 and has not [LocalID]; the host uses
	// each number once for a worker.
	ID uint64
	// Slot is the connection's place in the status table, or [NoSlot].
	Slot uint32
	// LocalScheme is "http" or "https": what the client used to reach the
	// endpoint. At most 255 bytes.
	LocalScheme string
	// Arrival is when the connection was accepted, or when the first byte of
	// the request in Prefix was read if the connection served others before.
	// Nanoseconds on the wire; the zero time is allowed.
	Arrival time.Time
	// Prefix are the bytes that the host has read, at most [MaxPrefix].
	Prefix []byte
	// Client is whose requests come on the connection, when that is not who
	// made it: the host ends TLS and forwards over a connection of [Pair]. The
	// host has decided already that its requests are the worker's. Nil
	// otherwise; workers before version 1.1 ignore it.
	Client *Client
	// Credential, if not 0, says that the client begins with a handshake of TLS,
	// which the worker makes by the [Credential] of this number. Nothing has been
	// read. Workers before version 1.2 must not get such a connection.
	Credential uint32
	// Descriptor is the connection.
	Descriptor *Descriptor
}

// Client is the connection of a client that the host serves.
type Client struct {
	// Remote and Local are its addresses, "192.0.2.1:4000"; "" where it has none.
	Remote string `json:"remote,omitempty"`
	Local  string `json:"local,omitempty"`
	// TLS is what was negotiated; nil without TLS.
	TLS *ClientTLS `json:"tls,omitempty"`
}

// ClientTLS is what came out of a TLS handshake, with the numbers of package tls.
type ClientTLS struct {
	Version     uint16 `json:"version"`
	CipherSuite uint16 `json:"cipherSuite"`
	// ServerName is the name that the client asked for.
	ServerName string `json:"serverName,omitempty"`
	// Protocol is what ALPN has agreed on between client and host.
	Protocol string `json:"protocol,omitempty"`
	// Resumed says that the client came back by a session ticket.
	Resumed bool `json:"resumed,omitempty"`
	// Certificates are those that the client has shown and the host has
	// verified, DER, its own first. At most [MaxCertificates] bytes.
	Certificates [][]byte `json:"certificates,omitempty"`
}

// Config replaces a part of [Hello] while the worker serves. Requests that are
// running finish under what they began with.
type Config struct {
	// Limits, if not empty, replace the limits.
	Limits json.RawMessage `json:"limits,omitempty"`
	// Routes, if not empty, replace the routes, and ForeignPrefixes and
	// ForeignHosts then replace those, also when there are none.
	Routes          []Route  `json:"routes,omitempty"`
	ForeignPrefixes []string `json:"foreignPrefixes,omitempty"`
	ForeignHosts    []string `json:"foreignHosts,omitempty"`
}

// Drain tells the worker to stop: accept nothing more, answer what it has, give
// idle connections back by [Return], exit.
type Drain struct {
	// Deadline is when the host ends the worker by force. The zero time means
	// that it waits.
	Deadline time.Time `json:"deadline"`
}

// Ping asks for a [Pong] with the same Seq.
type Ping struct {
	Seq uint64 `json:"seq"`
}

func (*Hello) Kind() Kind    { return KindHello }
func (*Listen) Kind() Kind   { return KindListen }
func (*Unlisten) Kind() Kind { return KindUnlisten }
func (*Conn) Kind() Kind     { return KindConn }
func (*Config) Kind() Kind   { return KindConfig }
func (*Drain) Kind() Kind    { return KindDrain }
func (*Ping) Kind() Kind     { return KindPing }

func (m *Hello) descriptor() **Descriptor  { return &m.StatusTable }
func (m *Listen) descriptor() **Descriptor { return &m.Descriptor }
func (*Unlisten) descriptor() **Descriptor { return nil }
func (m *Conn) descriptor() **Descriptor   { return &m.Descriptor }
func (*Config) descriptor() **Descriptor   { return nil }
func (*Drain) descriptor() **Descriptor    { return nil }
func (*Ping) descriptor() **Descriptor     { return nil }
