//go:build linux && race

package transport

import "syscall"

// The race detector takes what is written to a socket to happen before what is read from one, by what package syscall tells
// it. So these go through that: a program that is ordered by its requests must not be called racy.

func recv(fd int, p []byte) (int, syscall.Errno) {
	return errnoOf(syscall.Read(fd, p[:min(len(p), maxRaw)]))
}

func send(fd int, p []byte) (int, syscall.Errno) {
	return errnoOf(syscall.Write(fd, p[:min(len(p), maxRaw)]))
}

func sendBoth(fd int, a, b []byte) (int, syscall.Errno) { return send(fd, a) }

func sendAll(fd int, bufs [][]byte) (int, syscall.Errno) { return send(fd, bufs[0]) }

func errnoOf(n int, err error) (int, syscall.Errno) {
	if err == nil {
		return n, 0
	}
	return 0, err.(syscall.Errno)
}
