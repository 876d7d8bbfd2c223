package module

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// node is an XML element with its place in the file. Text and namespaces are of
// no use in a web.config.
type node struct {
	name     string
	attrs    []xml.Attr
	children []*node
	line     int
	column   int
}

// maxDepth bounds the nesting.
const maxDepth = 64

var errDepth = fmt.Errorf("elements are nested deeper than %d", maxDepth)

// parseNodes reads a document and returns its root element.
func parseNodes(r io.Reader) (*node, error) {
	dec := xml.NewDecoder(r)
	dec.CharsetReader = func(label string, in io.Reader) (io.Reader, error) {
		switch strings.ToLower(label) {
		case "utf-8", "us-ascii":
			return in, nil
		}
		return nil, fmt.Errorf("encoding %q: save the file as UTF-8", label)
	}
	top := &node{}
	open := []*node{top}
	for {
		line, column := dec.InputPos()
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		switch t := tok.(type) {
		case xml.StartElement:
			if len(open) > maxDepth {
				return nil, errDepth
			}
			n := &node{name: t.Name.Local, attrs: t.Copy().Attr, line: line, column: column}
			parent := open[len(open)-1]
			parent.children = append(parent.children, n)
			open = append(open, n)
		case xml.EndElement:
			open = open[:len(open)-1]
		}
	}
	if len(top.children) != 1 {
		return nil, errors.New("there must be one root element")
	}
	return top.children[0], nil
}

// child returns the last child element of that name, since a later section of a
// configuration replaces an earlier one; nil if there is none.
func (n *node) child(name string) *node {
	if n == nil {
		return nil
	}
	var found *node
	for _, c := range n.children {
		if c.name == name {
			found = c
		}
	}
	return found
}

// attr returns the value of an attribute.
func (n *node) attr(name string) (string, bool) {
	if n == nil {
		return "", false
	}
	for _, a := range n.attrs {
		if a.Name.Local == name {
			return a.Value, true
		}
	}
	return "", false
}
