package launch

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	yaml "go.yaml.in/yaml/v4"
	"go.yaml.in/yaml/v4/plugin/loaderlimits"
)

// parseProfiles reads a file of launch profiles. launchSettings.json belongs to other programs too, so keys that are not
// known there are passed over; in lanner.launch.yaml they are mistakes. JSON is read by the YAML parser, which keeps the
// order of the profiles and their positions, after what YAML does not know has been replaced.
func parseProfiles(path string, data []byte) (profiles, error) {
	r := &profileReader{file: path, strict: filepath.Ext(path) == ".yaml"}
	if !r.strict {
		data = plainJSON(data)
	}
	root, err := r.document(data)
	if err != nil {
		return profiles{}, err
	}
	p := profiles{file: path}
	err = r.eachKey(root, "the file", func(key string, value *yaml.Node) (bool, error) {
		if key != "profiles" {
			return false, nil
		}
		p.list, err = r.profiles(value)
		return true, err
	}, "profiles")
	return p, err
}

type profileReader struct {
	file   string
	strict bool
}

func (r *profileReader) errorAt(n *yaml.Node, hint, format string, args ...any) error {
	return &FileError{File: r.file, Line: n.Line, Column: n.Column, Message: fmt.Sprintf(format, args...), Hint: hint}
}

// maxDepth bounds the nesting; iisSettings, the deepest part of launchSettings.json, has five levels.
const maxDepth = 50

func (r *profileReader) document(data []byte) (*yaml.Node, error) {
	limits := loaderlimits.New(loaderlimits.DepthValue(maxDepth))
	loader, err := yaml.NewLoader(bytes.NewReader(data), yaml.WithUniqueKeys(false), yaml.WithPlugin(limits))
	if err != nil {
		return nil, &FileError{File: r.file, Message: "cannot read launch profiles: " + err.Error()}
	}
	var doc yaml.Node
	err = loader.Load(&doc)
	var syntax *yaml.LoadError
	switch {
	case errors.Is(err, io.EOF):
		return nil, &FileError{File: r.file, Line: 1, Column: 1, Message: "the file has no content", Hint: `begin with "profiles:"`}
	case errors.As(err, &syntax):
		return nil, &FileError{File: r.file, Line: syntax.Mark.Line, Column: syntax.Mark.Column,
			Message: strings.TrimSpace(syntax.ContextMsg + " " + syntax.Message), Hint: "check the brackets, quotes and indentation around this place"}
	case err != nil:
		return nil, &FileError{File: r.file, Message: "cannot read launch profiles: " + err.Error()}
	}
	return doc.Content[0], nil
}

// eachKey calls f for the keys of a mapping. f returns false for a key it does not know.
func (r *profileReader) eachKey(n *yaml.Node, what string, f func(key string, value *yaml.Node) (bool, error), known ...string) error {
	n = follow(n)
	if n.Kind != yaml.MappingNode {
		return r.errorAt(n, "", "%s must be a mapping", what)
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], follow(n.Content[i+1])
		if seen[key.Value] {
			return r.errorAt(key, "remove one", "%q is there twice", key.Value)
		}
		seen[key.Value] = true
		ok, err := f(key.Value, value)
		if err != nil {
			return err
		}
		if !ok && r.strict {
			return r.errorAt(key, "the keys are "+strings.Join(known, ", "), "unknown key %q in %s", key.Value, what)
		}
	}
	return nil
}

// follow returns what an alias stands for.
func follow(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

func (r *profileReader) profiles(n *yaml.Node) ([]profile, error) {
	var found []profile
	err := r.eachKey(n, "profiles", func(name string, value *yaml.Node) (bool, error) {
		for _, other := range found {
			if strings.EqualFold(other.name, name) {
				return true, r.errorAt(value, "rename one", "profile %q differs from %q only by case, which does not count", name, other.name)
			}
		}
		p, err := r.profile(name, value)
		found = append(found, p)
		return true, err
	})
	return found, err
}

var profileKeys = []string{"commandName", "commandLineArgs", "applicationUrl", "environmentVariables", "launchBrowser", "launchUrl", "workingDirectory"}

func (r *profileReader) profile(name string, n *yaml.Node) (profile, error) {
	p := profile{name: name}
	if r.strict {
		p.commandName = commandProject // our own file is for nothing else
	}
	err := r.eachKey(n, fmt.Sprintf("profile %q", name), func(key string, value *yaml.Node) (bool, error) {
		switch key {
		case "commandName":
			return true, r.text(key, value, &p.commandName)
		case "commandLineArgs":
			return true, r.arguments(value, &p)
		case "applicationUrl":
			return true, r.text(key, value, &p.applicationURL)
		case "environmentVariables":
			return true, r.environment(value, &p.environment)
		case "launchBrowser":
			return true, r.boolean(key, value, &p.launchBrowser)
		case "launchUrl":
			return true, r.text(key, value, &p.launchURL)
		case "workingDirectory":
			return true, r.text(key, value, &p.workingDirectory)
		}
		return false, nil
	}, profileKeys...)
	return p, err
}

func (r *profileReader) text(key string, n *yaml.Node, to *string) error {
	if n.Kind != yaml.ScalarNode {
		return r.errorAt(n, "", "%s must be a text", key)
	}
	*to = n.Value
	if n.ShortTag() == "!!null" {
		*to = ""
	}
	return nil
}

func (r *profileReader) boolean(key string, n *yaml.Node, to *bool) error {
	if n.Kind != yaml.ScalarNode || n.Decode(to) != nil {
		return r.errorAt(n, "", "%s must be true or false", key)
	}
	return nil
}

// arguments takes one text, which is split as on Windows, or a list.
func (r *profileReader) arguments(n *yaml.Node, p *profile) error {
	if n.Kind != yaml.SequenceNode {
		return r.text("commandLineArgs", n, &p.commandLine)
	}
	for _, item := range n.Content {
		var arg string
		if err := r.text("an argument", follow(item), &arg); err != nil {
			return err
		}
		p.arguments = append(p.arguments, arg)
	}
	return nil
}

func (r *profileReader) environment(n *yaml.Node, to *[]string) error {
	return r.eachKey(n, "environmentVariables", func(name string, value *yaml.Node) (bool, error) {
		var text string
		if name == "" || strings.ContainsAny(name, "=\x00") {
			return true, r.errorAt(value, "", "%q cannot be the name of a variable", name)
		}
		if err := r.text(name, value, &text); err != nil {
			return true, err
		}
		*to = append(*to, name+"="+text)
		return true, nil
	})
}
