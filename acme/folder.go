package acme

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
)

// DefaultFolder is where certificates are kept: acme in the state folder that systemd gives a unit (STATE_DIRECTORY); else
// /var/lib/lanner/acme for root; else lanner/acme in the user's state folder, which is $XDG_STATE_HOME or ~/.local/state, and on
// Windows and macOS the folder for application data.
func DefaultFolder() (string, error) {
	if state := os.Getenv("STATE_DIRECTORY"); state != "" {
		return filepath.Join(filepath.SplitList(state)[0], "acme"), nil
	}
	switch runtime.GOOS {
	case "windows":
		base, err := os.UserCacheDir() // %LocalAppData%: keys are not to roam
		return filepath.Join(base, "lanner", "acme"), err
	case "darwin", "ios":
		base, err := os.UserConfigDir()
		return filepath.Join(base, "lanner", "acme"), err
	}
	if os.Geteuid() == 0 {
		return "/var/lib/lanner/acme", nil
	}
	if state := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(state) {
		return filepath.Join(state, "lanner", "acme"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", errors.New("the user has no home folder for a default")
	}
	return filepath.Join(home, ".local", "state", "lanner", "acme"), nil
}

// makePrivate makes a folder that its owner alone may enter.
func makePrivate(folder string) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return fmt.Errorf("acme: cannot make the storage folder: %w", err)
	}
	info, err := os.Stat(folder)
	if err != nil {
		return fmt.Errorf("acme: cannot use the storage folder: %w", err)
	}
	if mode := info.Mode().Perm(); runtime.GOOS != "windows" && mode&0o077 != 0 {
		return fmt.Errorf("acme: the storage folder %s has mode %#o, so others than its owner may enter it, and it is to have private keys: chmod 700 it, or name a folder that is not there yet", folder, mode)
	}
	return nil
}
