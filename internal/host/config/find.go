package config

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Find returns the configuration file to load: flag when it is not empty, else $LANNER_CONFIG, else the first that exists of
// lanner.yaml in the current folder, in $XDG_CONFIG_HOME/lanner (~/.config/lanner), and in /etc/lanner (/usr/local/etc/lanner on macOS,
// %ProgramData%\lanner on Windows). A file named by flag or variable is not looked for; [Load] reports that it is missing.
// The error wraps fs.ErrNotExist and lists where it looked.
func Find(flag string) (string, error) { return thisSystem().find(flag, exists) }

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// FileName is the name of the configuration file.
const FileName = "lanner.yaml"

func (s system) find(flag string, exists func(string) bool) (string, error) {
	if flag != "" {
		return flag, nil
	}
	if path := s.env("LANNER_CONFIG"); path != "" {
		return path, nil
	}
	places := s.searched()
	for _, path := range places {
		if exists(path) {
			return path, nil
		}
	}
	return "", fmt.Errorf("no configuration: %w: looked for %s; name one with --config or $LANNER_CONFIG", fs.ErrNotExist, strings.Join(places, ", "))
}

func (s system) searched() []string {
	places := []string{FileName}
	userDir := s.env("XDG_CONFIG_HOME")
	if !filepath.IsAbs(userDir) && s.env("HOME") != "" {
		userDir = filepath.Join(s.env("HOME"), ".config")
	}
	if filepath.IsAbs(userDir) {
		places = append(places, filepath.Join(userDir, "lanner", FileName))
	}
	switch {
	case s.goos == "darwin":
		return append(places, "/usr/local/etc/lanner/"+FileName)
	case s.goos == "windows" && s.env("ProgramData") != "":
		return append(places, filepath.Join(s.env("ProgramData"), "lanner", FileName))
	case s.goos == "windows":
		return places
	}
	return append(places, "/etc/lanner/"+FileName)
}
