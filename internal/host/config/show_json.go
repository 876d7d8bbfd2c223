package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	yaml "go.yaml.in/yaml/v4"
)

func (s *shower) writeJSON(w io.Writer, root *yaml.Node) error {
	var config bytes.Buffer
	if err := appendJSON(&config, root); err != nil {
		return fmt.Errorf("cannot write the configuration of %s as JSON: %w", s.config.File, err)
	}
	data, err := json.MarshalIndent(struct {
		Config  json.RawMessage   `json:"config"`
		Origins map[string]string `json:"origins"`
	}{config.Bytes(), s.origins}, "", "  ")
	if err != nil {
		return fmt.Errorf("cannot write the configuration of %s as JSON: %w", s.config.File, err)
	}
	_, err = w.Write(append(data, '\n'))
	return err
}

// appendJSON writes a node with its keys in their order, which a Go map would lose.
func appendJSON(b *bytes.Buffer, n *yaml.Node) error {
	switch n.Kind {
	case yaml.MappingNode:
		return appendAll(b, "{}", n.Content, func(i int) string { return []string{",", ":"}[i%2] })
	case yaml.SequenceNode:
		return appendAll(b, "[]", n.Content, func(int) string { return "," })
	}
	if n.Tag == "!!int" || n.Tag == "!!bool" {
		b.WriteString(n.Value)
		return nil
	}
	data, err := json.Marshal(n.Value)
	// YAML takes this character for a line break, so that it would not survive being read again.
	b.Write(bytes.ReplaceAll(data, []byte("\u0085"), []byte(`\u0085`)))
	return err
}

func appendAll(b *bytes.Buffer, brackets string, nodes []*yaml.Node, before func(i int) string) error {
	b.WriteByte(brackets[0])
	for i, n := range nodes {
		if i > 0 {
			b.WriteString(before(i))
		}
		if err := appendJSON(b, n); err != nil {
			return err
		}
	}
	b.WriteByte(brackets[1])
	return nil
}
