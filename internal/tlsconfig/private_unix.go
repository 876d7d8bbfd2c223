//go:build unix

package tlsconfig

import (
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"strconv"
)

// private refuses a file with a private key that everybody may read, or that others than its owner may write. That a group may read it is
// for an administrator to decide: so does Debian's group ssl-cert, and Kubernetes with secrets.
func private(path string, info fs.FileInfo) error {
	if mode := info.Mode().Perm(); mode&0o037 != 0 {
		return fmt.Errorf("%s has a private key, and its mode is %04o: others than its owner and its group may read it, or others than its owner may write it; chmod 600 %s", path, mode, path)
	}
	return nil
}

// privateToOwner refuses what only this program makes and reads, unless it is as it was made.
func privateToOwner(path string, info fs.FileInfo) error {
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return fmt.Errorf("%s has secret keys, and its mode is %04o: others than its owner may read or write it; chmod 600 %s", path, mode, path)
	}
	return nil
}

// whoami names the user of this process.
func whoami() string {
	id := os.Geteuid()
	if u, err := user.LookupId(strconv.Itoa(id)); err == nil {
		return "user " + u.Username
	}
	return fmt.Sprintf("user %d", id)
}
