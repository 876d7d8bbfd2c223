// Package load makes the loads of the benchmarks that wrk cannot: two kinds of requests whose latencies are told apart, clients
// that never finish a request, and handshakes of TLS that are known to be full, or to resume a session. It is run as a process
// of its own (Main), so that its work and its garbage collection are nobody else's, and says what it found as one line of JSON.
//
//	mix  -addr HOST:PORT -conns N -for D -fast PATH [-slow PATH -every N]
//	slow -addr HOST:PORT -conns N -for D -every D
//	tls  -addr HOST:PORT -conns N -for D -path PATH [-resume]
//
// mix is a closed loop: each connection asks, waits for the whole answer and asks again at once. Exactly one of -every requests,
// counted over all connections, is for -slow. A single thread serves all connections by epoll(7); a latency is the time from
// before the request is written until the answer was read, this program's own delays included. An answer other than 200, one
// that a connection waits for when the load has ended for longer than two seconds, and a closed connection are errors.
//
// slow begins a request on each connection and continues it by one byte each -every. It ends when the server has closed all
// connections, or after -for, and says how many were closed and when.
//
// tls opens one connection after the other, -conns at a time, on one thread: TCP, a handshake of TLS 1.3 with X25519 that
// chooses http/1.1, one request, and a reset when the answer was read; a latency is the time of all that. With -resume each
// handshake resumes a session by the newest ticket, without it none does, though tickets are asked for; anything else is an
// error, as all that fails. What is under way when the time is up is finished and counts.
package load
