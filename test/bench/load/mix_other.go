//go:build !linux

package load

import (
	"context"
	"fmt"
	"runtime"
)

// run needs epoll.
func (o mixOptions) run(context.Context) (Mix, error) {
	return Mix{}, fmt.Errorf("the load is made by epoll, which %s does not have; run it on Linux", runtime.GOOS)
}
