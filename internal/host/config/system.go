package config

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
)

// system is what a configuration takes from the machine: variables, files named by ${file:...}, and the defaults that
// depend on the user. Tests and fuzzing put their own here.
type system struct {
	goos      string
	uid       int // -1 on Windows
	lookupEnv func(string) (string, bool)
	readFile  func(string) ([]byte, error)
	temp      string
}

func thisSystem() system {
	return system{
		goos:      runtime.GOOS,
		uid:       os.Geteuid(),
		lookupEnv: os.LookupEnv,
		readFile:  func(path string) ([]byte, error) { return readRegular(path, maxIncluded) },
		temp:      os.TempDir(),
	}
}

func (s system) env(name string) string {
	value, _ := s.lookupEnv(name)
	return value
}

// DefaultControlSocket returns where the host listens for the lanner command when the file does not say it:
// /run/lanner/admin.sock for root, $XDG_RUNTIME_DIR/lanner/admin.sock for others, a folder per user below the folder for temporary
// files where that variable is not set, and a named pipe on Windows.
func DefaultControlSocket() string { return thisSystem().controlSocket() }

func (s system) controlSocket() string {
	switch runtimeDir := s.env("XDG_RUNTIME_DIR"); {
	case s.goos == "windows":
		return `\\.\pipe\lanner-admin`
	case s.uid == 0 && s.goos == "linux":
		return "/run/lanner/admin.sock"
	case s.uid == 0:
		return "/var/run/lanner/admin.sock"
	case filepath.IsAbs(runtimeDir):
		return filepath.Join(runtimeDir, "lanner", "admin.sock")
	}
	return filepath.Join(s.temp, fmt.Sprintf("lanner-%d", s.uid), "admin.sock")
}

// state returns the folder for what outlives the host: that of a system service for root, else the one that has the logs.
func (s system) state(dir string) string {
	if s.uid == 0 && s.goos != "windows" {
		return "/var/lib/lanner"
	}
	if logs := s.logs(dir); logs != filepath.Join(dir, "logs") {
		return filepath.Dir(logs)
	}
	return filepath.Join(dir, "state")
}

// logs returns the folder for captured output: that of a system service for root, the state folder of the user for others,
// and logs beside the file where there is neither.
func (s system) logs(dir string) string {
	home := s.env("HOME")
	switch state := s.env("XDG_STATE_HOME"); {
	case s.goos == "windows" && s.env("LocalAppData") != "":
		return filepath.Join(s.env("LocalAppData"), "lanner", "logs")
	case s.goos == "windows":
		return filepath.Join(dir, "logs")
	case s.uid == 0:
		return "/var/log/lanner"
	case filepath.IsAbs(state):
		return filepath.Join(state, "lanner", "logs")
	case !filepath.IsAbs(home):
		return filepath.Join(dir, "logs")
	case s.goos == "darwin":
		return filepath.Join(home, "Library", "Application Support", "lanner", "logs")
	}
	return filepath.Join(home, ".local", "state", "lanner", "logs")
}
