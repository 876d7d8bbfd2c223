//go:build unix

package process

import "syscall"

// openNoFollow refuses a link as the last part of a path and does not wait for
// the reader of a fifo.
const openNoFollow = syscall.O_NOFOLLOW | syscall.O_NONBLOCK
