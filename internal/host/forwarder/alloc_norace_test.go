//go:build !race

package forwarder

// allowedAllocs: the head of the response, which the server's list of fields goes on to hold.
const allowedAllocs = 1.0
