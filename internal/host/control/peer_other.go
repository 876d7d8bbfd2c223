//go:build !linux

package control

import "net"

// readPeer says that the peer is not known: who may connect is decided by the mode of the socket and of its folder.
func readPeer(*net.UnixConn) (peer, error) { return peer{}, nil }

func (peer) allowed(string) bool { return true }
