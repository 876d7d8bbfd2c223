package accesslog

import "time"

// Entry is one HTTP exchange. The strings come from the client as they are, without any check, except where said
// otherwise; a format escapes them. The zero value of a field means that it is not known or does not apply. An Entry can be
// reused as soon as [Format.Append] or [Log.Write] has returned.
type Entry struct {
	// Time is when the first byte of the request was read, or the connection was accepted when none was.
	Time time.Time
	// Duration is the time from then to the last byte of the response, or to the end of the connection. Negative counts as 0.
	Duration time.Duration

	// RemoteAddr and LocalAddr are the ends of the connection: host:port, or what the unix socket is called.
	RemoteAddr, LocalAddr string
	// Endpoint is the server's name of the endpoint that accepted the connection.
	Endpoint string
	// ConnectionID and RequestID are the server's names of the connection and the request, as in its other logs.
	ConnectionID, RequestID string

	// Scheme is "http" or "https".
	Scheme string
	// Method, Target and Protocol are the request line as it was sent ("GET", "/a?b=c", "HTTP/1.1"). They are empty when the
	// request was rejected before they were read.
	Method, Target, Protocol string
	// Host is the value of the Host field, or the authority of the target.
	Host string
	// UserAgent and Referer are the values of these fields.
	UserAgent, Referer string
	// User is the name of the user whom the application or a proxy has authenticated.
	User string

	// Status is the status code of the response; 0 means that the connection ended without an answer.
	Status int
	// RequestBytes and ResponseBytes are the sizes of the bodies on the wire, in bytes. Negative counts as 0, here and below.
	RequestBytes, ResponseBytes int64
	// RequestHeaderBytes and ResponseHeaderBytes are the sizes of the first line and the fields, in bytes.
	RequestHeaderBytes, ResponseHeaderBytes int64
	// Upgraded says that the connection went over to another protocol, by a 101 or a CONNECT.
	Upgraded bool
	// Reason is why the request was rejected or the connection broke: an error.type of Kestrel's metrics, such as
	// "request_headers_timeout". It is empty when all went well.
	Reason string
}
