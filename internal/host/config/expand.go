package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	yaml "go.yaml.in/yaml/v4"
)

// maxIncluded bounds a file named by ${file:...}; it holds one value, such as a password.
const maxIncluded = 64 << 10

// expand replaces ${env:NAME}, ${env:NAME:-default} and ${file:/path} in text, once: what is put in is not looked at again.
// $${ stands for ${ itself. It reports every part it cannot replace. The texts that it put in are never reported, because
// they may be secrets.
func (d *decoder) expand(at string, n *yaml.Node, text string) (expanded string, ok bool) {
	var b strings.Builder
	origin := d.origins[at]
	ok = true
	for {
		before, rest, found := strings.Cut(text, "${")
		b.WriteString(before)
		if !found {
			break
		}
		if strings.HasSuffix(before, "$") {
			b.WriteString("{")
			text = rest
			continue
		}
		inner, after, closed := strings.Cut(rest, "}")
		if !closed {
			d.failToken(at, n, "${", "write ${env:NAME}; for the characters themselves write $${", "${ is not closed")
			return "", false
		}
		value, done := d.lookup(at, n, inner, &origin)
		b.WriteString(value)
		ok = ok && done
		text = after
	}
	if len(origin.Env)+len(origin.Files) > 0 {
		d.origins[at] = origin
	}
	return b.String(), ok
}

// lookup returns what stands for ${inner}, and notes where it came from.
func (d *decoder) lookup(at string, n *yaml.Node, inner string, origin *Origin) (string, bool) {
	token := "${" + inner + "}"
	kind, name, ok := strings.Cut(inner, ":")
	switch {
	case ok && kind == "env":
		return d.variable(at, n, token, name, origin)
	case ok && kind == "file":
		return d.included(at, n, token, name, origin)
	case ok:
		d.failToken(at, n, token, "write ${env:NAME}, ${env:NAME:-default} or ${file:/path}", "unknown kind %q in %s", kind, token)
	case variableName(inner):
		d.failToken(at, n, token, fmt.Sprintf("did you mean ${env:%s}?", inner), "%s does not say where the value comes from", token)
	default:
		d.failToken(at, n, token, "write ${env:NAME}, ${env:NAME:-default} or ${file:/path}", "%s does not say where the value comes from", token)
	}
	return "", false
}

func (d *decoder) variable(at string, n *yaml.Node, token, name string, origin *Origin) (string, bool) {
	name, fallback, hasFallback := strings.Cut(name, ":-")
	if !variableName(name) {
		d.failToken(at, n, token, "write ${env:NAME} with letters, digits and _", "%q is not the name of an environment variable", name)
		return "", false
	}
	value, set := d.system.lookupEnv(name)
	if hasFallback && value == "" {
		return fallback, true
	}
	if !set {
		d.failToken(at, n, token, fmt.Sprintf("set it, or give a default: ${env:%s:-value}", name), "environment variable %s is not set", name)
		return "", false
	}
	if !utf8.ValidString(value) {
		d.failToken(at, n, token, "set it to UTF-8 text", "environment variable %s is not valid UTF-8", name)
		return "", false
	}
	origin.Env = append(origin.Env, name)
	return value, true
}

func variableName(name string) bool {
	for i, r := range name {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '_'
		if !letter && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return name != ""
}

func (d *decoder) included(at string, n *yaml.Node, token, name string, origin *Origin) (string, bool) {
	if name == "" {
		d.failToken(at, n, token, "write ${file:/run/secrets/name}", "%s names no file", token)
		return "", false
	}
	path := d.absolute(name)
	data, err := d.system.readFile(path)
	if err != nil {
		d.failToken(at, n, token, "create the file, or let the user that runs lanner read it", "cannot read %s: %s", path, reason(err))
		return "", false
	}
	data = bytes.TrimSuffix(bytes.TrimSuffix(data, []byte("\n")), []byte("\r"))
	if !utf8.Valid(data) {
		d.failToken(at, n, token, "store UTF-8 text in it", "%s is not valid UTF-8", path)
		return "", false
	}
	origin.Files = append(origin.Files, path)
	return string(data), true
}

// reason is what went wrong, without the operation and the path of a fs.PathError.
func reason(err error) string {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err.Error()
	}
	return err.Error()
}

// absolute resolves a path of the file against the folder of the file.
func (d *decoder) absolute(path string) string {
	if filepath.IsAbs(path) || strings.HasPrefix(path, `\\.\pipe\`) {
		return path
	}
	return filepath.Join(d.dir, path)
}

// readRegular reads a file of at most limit bytes. Devices and pipes are refused, since a read from one may never end.
func readRegular(path string, limit int64) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is not a regular file")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, errTooLarge{limit}
	}
	return data, nil
}

// errTooLarge is a file above its limit in bytes.
type errTooLarge struct{ limit int64 }

func (e errTooLarge) Error() string { return fmt.Sprintf("it is larger than %s", formatSize(e.limit)) }
