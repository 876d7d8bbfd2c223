package tlsconfig

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// The names that certbot has, and with it most who keep certificates in folders.
const (
	chainFile = "fullchain.pem"
	keyFile   = "privkey.pem"
)

// loadDirectory reads all certificates of a folder; one that cannot be used is an error of all.
func loadDirectory(dir, password string, seen *snapshot, check *checker) ([]*Certificate, error) {
	seen.add(dir)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("cannot use the certificates in %s: %w", dir, unreadable(err))
	}
	has := make(map[string]bool)
	for _, e := range entries {
		has[e.Name()] = true
	}
	if has[chainFile] {
		entries = nil // its other files are parts of the same: cert.pem, chain.pem
	}
	var out []*Certificate
	var errs []error
	load := func(path, keyPath string) {
		c, err := loadFiles(path, keyPath, password, seen, check)
		if err != nil {
			errs = append(errs, err)
			return
		}
		out = append(out, c)
	}
	if has[chainFile] {
		load(filepath.Join(dir, chainFile), filepath.Join(dir, keyFile))
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		ext := filepath.Ext(path)
		switch {
		case strings.HasPrefix(e.Name(), "."):
			continue // what editors, package managers and Kubernetes keep there
		case isDirectory(path):
			seen.add(path)
			if _, err := os.Stat(filepath.Join(path, chainFile)); err == nil {
				load(filepath.Join(path, chainFile), filepath.Join(path, keyFile))
			}
		case ext == ".pfx" || ext == ".p12":
			load(path, "")
		case ext == ".pem" || ext == ".crt":
			key := strings.TrimSuffix(path, ext) + ".key"
			if !has[filepath.Base(key)] {
				key = ""
			}
			load(path, key)
		}
	}
	if len(out) == 0 && len(errs) == 0 {
		return nil, fmt.Errorf("there is no certificate in %s: put NAME.pem with NAME.key there, NAME.pfx, or a folder with %s and %s", dir, chainFile, keyFile)
	}
	return out, errors.Join(errs...)
}

// isDirectory follows links.
func isDirectory(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
