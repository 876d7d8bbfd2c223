// Package transport carries bytes: accept loops, connections with deadlines and measured data rates, and the heartbeat
// that enforces them. It knows no HTTP.
//
// This is the portable transport: a goroutine per connection on any net.Listener. The engines above are fed the same way
// by any transport (see Conn and package http1's Stream).
package transport
