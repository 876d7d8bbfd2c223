package config

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode"

	yaml "go.yaml.in/yaml/v4"
)

// text is the codec of a string. check returns nil for a good one, and may be nil itself.
func text(what, example, pattern string, check func(string) *complaint) *word[string] {
	shape := schema{"type": "string"}
	if pattern != "" {
		shape["pattern"] = pattern + `|\$\{`
	}
	return &word[string]{
		what: what, example: example, shape: shape,
		parse: func(text string) (string, *complaint) {
			if strings.ContainsRune(text, 0) {
				return "", &complaint{"contains a NUL character", "remove it"}
			}
			if check == nil {
				return text, nil
			}
			return text, check(text)
		},
	}
}

// looseText is a string for which a number or a truth value may stand as it is written, as in an environment. Where a part
// of it was put in by ${...} it is shown as the file has it.
func looseText(what string) *word[string] {
	w := text(what, "", "", nil)
	w.tags = []string{"!!int", "!!float", "!!bool", "!!timestamp"}
	w.private = true
	w.shape = schema{"type": []string{"string", "number", "boolean"}}
	return w
}

// pathCodec is the codec of a path that is resolved against the folder of the file.
type pathCodec struct{ word[string] }

func filePath(what string) codec[string] { return newPathCodec(what) }

func newPathCodec(what string) *pathCodec {
	w := text(what, "./app", "", func(text string) *complaint {
		if text == "" {
			return &complaint{"is empty", "write a path, such as . for the folder of this file"}
		}
		if strings.HasPrefix(text, "~") {
			return &complaint{"begins with ~, which only a shell replaces", "write ${env:HOME} instead of ~"}
		}
		return nil
	})
	return &pathCodec{*w}
}

func (p *pathCodec) read(d *decoder, at string, n *yaml.Node) (string, bool) {
	text, ok := p.word.read(d, at, n)
	if !ok {
		return "", false
	}
	return filepath.Clean(d.absolute(text)), true
}

// socketPath is the codec of the path of a unix socket.
type socketPath struct{ pathCodec }

// maxSocketPath is the longest path the kernels take: sun_path has 108 octets on Linux, 104 elsewhere, one of them is NUL.
const maxSocketPath = 103

func (p *socketPath) read(d *decoder, at string, n *yaml.Node) (string, bool) {
	path, ok := p.pathCodec.read(d, at, n)
	if ok && len(path) > maxSocketPath {
		d.fail(at, n, "choose a shorter path", "the path of the socket has %d octets, more than %d", len(path), maxSocketPath)
		return "", false
	}
	return path, ok
}

func socketFile() codec[string] { return &socketPath{*newPathCodec("the path of a unix socket")} }

// enum is the codec of a choice of words.
type enum[V comparable] struct {
	what   string
	words  []string
	values []V
}

func (e *enum[V]) expects() string { return e.what + ": " + either(e.words) }

func (e *enum[V]) read(d *decoder, at string, n *yaml.Node) (v V, ok bool) {
	text, ok := d.scalar(at, n, e.expects(), e.words[0])
	if !ok {
		return v, false
	}
	if i := slices.Index(e.words, text); i >= 0 {
		return e.values[i], true
	}
	hint := "write " + either(e.words)
	if near := nearest(text, e.words); near != "" && !d.expanded(at) {
		hint = fmt.Sprintf("did you mean %q?", near)
	}
	d.fail(at, n, hint, "%s is not %s", d.quote(at, n), e.what)
	return v, false
}

func (e *enum[V]) show(s *shower, at string, v V) *yaml.Node {
	i := slices.Index(e.values, v)
	if i < 0 {
		return nil
	}
	return s.scalar(at, e.words[i], false, true)
}

func (e *enum[V]) schema(definitions) schema {
	return orExpansion(schema{"type": "string", "enum": e.words})
}

// nameForm is the form of the names of sites and pools: they appear in commands, file names and log lines.
const nameForm = `^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`

var nameRegexp = regexp.MustCompile(nameForm)

func checkName(name string) *complaint {
	switch {
	case nameRegexp.MatchString(name):
		return nil
	case name == "":
		return &complaint{"is an empty name", "write a name, such as web"}
	case len(name) > 64:
		return &complaint{"is too long for a name", "write at most 64 characters"}
	}
	return &complaint{"is not a name", "use letters, digits, dots, dashes and underscores, and begin with a letter or a digit"}
}

func checkVariable(name string) *complaint {
	bad := func(r rune) bool { return r == '=' || unicode.IsControl(r) }
	if name == "" || strings.ContainsFunc(name, bad) {
		return &complaint{"cannot be the name of an environment variable", "write a name without = and control characters"}
	}
	return nil
}
