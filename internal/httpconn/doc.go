// Package httpconn runs HTTP connections: it puts a protocol engine on a transport connection, offers the engine to the
// application as server features, and knows all connections, so that they can be counted, limited, drained and aborted.
//
// kestrel, the in-process server and the host are different ways to get connections; all of them serve them here.
package httpconn
