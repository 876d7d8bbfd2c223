//go:build unix

package process

import (
	"os/signal"
	"syscall"
)

func limitFileSize(n uint64) {
	signal.Ignore(syscall.SIGXFSZ)
	var limit syscall.Rlimit
	set(&limit.Cur, n)
	set(&limit.Max, n)
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		panic(err)
	}
}

// set exists because the systems do not agree on the fields' type.
func set[T int64 | uint64](field *T, n uint64) { *field = T(n) }
