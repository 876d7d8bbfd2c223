//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd || windows)

package tlsconfig

import "errors"

func tryLock(string) (func(), error) {
	return nil, errors.New("files cannot be locked on this system: leave the file of session ticket keys out")
}
