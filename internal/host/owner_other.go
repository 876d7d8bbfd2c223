//go:build !unix

package host

// giveTo leaves the file to whom it inherits from its folder.
func giveTo(path, like string) error { return nil }
