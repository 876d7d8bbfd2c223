package config

import (
	"fmt"
	"io"
	"strings"

	yaml "go.yaml.in/yaml/v4"
)

// ShowOptions says how [Show] writes.
type ShowOptions struct {
	// JSON writes {"config": ..., "origins": ...} instead of YAML with comments.
	JSON bool
	// Environment writes the values of environments and passwords, which are hidden otherwise.
	Environment bool
}

// Show writes the effective configuration, each value with its origin. Without Environment the values of environments and passwords are
// hidden; with it, what it writes can be loaded again and means the same. A value that comes out of ${file:...}, and one in a
// command or an environment that comes out of ${env:...}, is written as it stands in the file.
func Show(w io.Writer, c *Config, o ShowOptions) error {
	s := &shower{config: c, options: o, origins: map[string]string{}}
	root := configObject.show(s, "", *c)
	if o.JSON {
		return s.writeJSON(w, root)
	}
	data, err := yaml.Dump(root, yaml.WithLineWidth(-1))
	if err != nil {
		return fmt.Errorf("cannot write the configuration of %s as YAML: %w", c.File, err)
	}
	_, err = w.Write(data)
	return err
}

// shower turns a configuration back into nodes.
type shower struct {
	config  *Config
	options ShowOptions
	origins map[string]string // of all values, by path
	unix    bool              // the binding at hand is a unix socket
}

// hidden stands for the value of an environment variable.
const hidden = "(hidden)"

// scalar returns the node of one value. private values are shown as they are written when something was put into them.
func (s *shower) scalar(at, text string, private, isText bool) *yaml.Node {
	origin := s.config.origins[at]
	written, put := s.config.written[at]
	switch {
	case put && (private || len(origin.Files) > 0):
		text = written
	case isText && private && !s.options.Environment && isHidden(at):
		text = hidden
	default:
		text = strings.ReplaceAll(text, "${", "$${")
	}
	return s.comment(at, &yaml.Node{Kind: yaml.ScalarNode, Value: text, Tag: tagOf(text, isText)})
}

// tagOf returns the YAML type of what is written for a value. With it the writer knows when a text needs quotes.
func tagOf(text string, isText bool) string {
	switch {
	case isText:
		return "!!str"
	case digits.MatchString(text):
		return "!!int"
	case text == "true" || text == "false":
		return "!!bool"
	}
	return "!!str"
}

// comment adds the origin to a node.
func (s *shower) comment(at string, node *yaml.Node) *yaml.Node {
	origin := s.config.origins[at].String()
	s.origins[at] = origin
	node.LineComment = "# " + origin
	return node
}

// isHidden reports whether a path is that of an environment variable or a password.
func isHidden(at string) bool {
	return strings.HasSuffix(at, ".certificate.password") || strings.HasSuffix(at, ".externalAccount.macKey") || strings.Contains(at, ".environment.") || strings.Contains(at, ".environment[")
}
