// Package control is how the lanner command talks to a running host: a small HTTP API with JSON bodies over a unix socket,
// and the client for it. The API is described for users in docs/reference/control-api.md.
//
// The host side implements [Host], and [NewServer] puts a [Server] in front of it. The other side makes a [Client]. Who may talk
// to the host is decided twice: by the mode of the socket and its folder, and on Linux by the credentials of the peer,
// see peer_linux.go. The API carries no secrets: no environment, no token, no key.
//
// The server is net/http's. Lanner's own server is the data path and may be what the operator is asking about.
package control
