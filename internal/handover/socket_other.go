//go:build !unix

package handover

import (
	"os"
	"time"
)

// socket exists so that the package compiles; there is no way to open one.
type socket struct{}

func openSocket(f *os.File) (*socket, error) {
	f.Close()
	return nil, errPlatform
}

func (*socket) close() error                           { return nil }
func (*socket) endWriting()                            {}
func (*socket) setWriteDeadline(time.Time) error       { return errPlatform }
func (*socket) read([]byte) (int, *Descriptor, error)  { return 0, nil, errPlatform }
func (*socket) write([]byte, *Descriptor) (int, error) { return 0, errPlatform }
func isEnd(error) bool                                 { return false }
