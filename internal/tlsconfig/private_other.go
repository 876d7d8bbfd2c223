//go:build !unix

package tlsconfig

import "io/fs"

// private has nothing to look at: files have access control lists here, and no mode.
func private(string, fs.FileInfo) error { return nil }

func privateToOwner(string, fs.FileInfo) error { return nil }

func whoami() string { return "its user" }
