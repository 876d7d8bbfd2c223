//go:build !unix

package lanner

import (
	"context"
	"testing"

	"github.com/lannerhq/lanner/kestrel"
)

// hangUp reads the file again where there is no such signal.
func hangUp(*testing.T) func(*App) {
	return func(a *App) {
		a.hangup(context.Background(), &reloader{server: a.Server().(*kestrel.Server)}, "file")
	}
}
