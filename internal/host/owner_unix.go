//go:build unix

package host

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// giveTo makes a file belong to whom another one does, or its folder where there is none.
func giveTo(path, like string) error {
	info, err := os.Stat(like)
	if err != nil {
		if info, err = os.Stat(filepath.Dir(like)); err != nil {
			return err
		}
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	mine, err := os.Stat(path)
	if err != nil {
		return err
	}
	if have, ok := mine.Sys().(*syscall.Stat_t); ok && have.Uid == owner.Uid {
		return nil
	}
	if err := os.Chown(path, int(owner.Uid), int(owner.Gid)); err != nil {
		return fmt.Errorf("cannot give %s to the owner of %s, who is to read it: %w", path, info.Name(), err)
	}
	return nil
}
