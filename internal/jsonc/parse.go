package jsonc

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Kind says what a Node is.
type Kind uint8

const (
	Null Kind = iota
	Bool
	Number
	Text
	Object
	Array
)

// String returns the kind as a message names it.
func (k Kind) String() string {
	return [...]string{"null", "true or false", "a number", "a text", "an object", "a list"}[k]
}

// Position is a place in a file. Both count from 1, columns in characters.
type Position struct{ Line, Column int }

// Node is a value and where it stands.
type Node struct {
	Position
	Kind Kind
	// Value of a Bool, Number or Text, without quotes and escapes.
	Value string
	// Members of an Object, in their order. A key can be there twice.
	Members []Member
	// Items of an Array.
	Items []*Node
}

// Member is a key and its value.
type Member struct {
	Position // of the key
	Key      string
	Value    *Node
}

// SyntaxError says where a document stops being JSON.
type SyntaxError struct {
	Position
	Message string
}

// Error returns the place and the mistake.
func (e *SyntaxError) Error() string { return fmt.Sprintf("%d:%d: %s", e.Line, e.Column, e.Message) }

// maxDepth bounds the nesting.
const maxDepth = 50

// Parse reads a document. An error is a *SyntaxError.
func Parse(data []byte) (*Node, error) {
	p := &parser{data: Plain(data)}
	p.at.Line = 1
	if !utf8.Valid(p.data) {
		return nil, p.syntax(invalidAt(p.data), "this is not UTF-8: save the file in that encoding")
	}
	if len(bytes.TrimSpace(p.data)) == 0 {
		return nil, p.syntax(0, "there is nothing in it; an empty object is {}")
	}
	var whole json.RawMessage // the decoder checks token by token what is a token, but not everything between them
	if err := json.Unmarshal(p.data, &whole); err != nil {
		offset := len(p.data)
		if at := (*json.SyntaxError)(nil); errors.As(err, &at) && at.Offset > 0 {
			offset = int(at.Offset) - 1
		}
		return nil, p.syntax(offset, strings.TrimPrefix(err.Error(), "json: "))
	}
	p.dec = json.NewDecoder(bytes.NewReader(p.data))
	p.dec.UseNumber()
	return p.value(0)
}

type parser struct {
	data   []byte
	dec    *json.Decoder
	offset int // how far at has come
	at     Position
}

func invalidAt(data []byte) int {
	n := 0
	for n < len(data) {
		r, size := utf8.DecodeRune(data[n:])
		if r == utf8.RuneError && size == 1 {
			break
		}
		n += size
	}
	return n
}

// position returns the place of an offset. Offsets come in order.
func (p *parser) position(offset int) Position {
	passed := p.data[p.offset:min(offset, len(p.data))]
	if n := bytes.Count(passed, []byte("\n")); n > 0 {
		p.at.Line += n
		p.at.Column = 0
		passed = passed[bytes.LastIndexByte(passed, '\n')+1:]
	}
	p.at.Column += utf8.RuneCount(passed)
	p.offset = offset
	return Position{p.at.Line, p.at.Column + 1}
}

func (p *parser) syntax(offset int, message string) error {
	p.offset, p.at = 0, Position{Line: 1}
	return &SyntaxError{p.position(min(offset, len(p.data))), message}
}

// next returns the next token and where it begins.
func (p *parser) next() (json.Token, Position, error) {
	start := int(p.dec.InputOffset())
	for start < len(p.data) && strings.IndexByte(" \t\r\n,:", p.data[start]) >= 0 {
		start++
	}
	token, err := p.dec.Token()
	if err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, Position{}, p.syntax(start, err.Error())
	}
	return token, p.position(start), nil
}

func (p *parser) value(depth int) (*Node, error) {
	token, at, err := p.next()
	if err != nil {
		return nil, err
	}
	n := &Node{Position: at}
	switch v := token.(type) {
	case nil:
	case bool:
		n.Kind, n.Value = Bool, fmt.Sprint(v)
	case json.Number:
		n.Kind, n.Value = Number, v.String()
	case string:
		n.Kind, n.Value = Text, v
	case json.Delim:
		if depth == maxDepth {
			return nil, &SyntaxError{at, fmt.Sprintf("this is nested more than %d deep", maxDepth)}
		}
		n.Kind = Array
		if v == '{' {
			n.Kind = Object
		}
		err = p.collection(n, depth+1)
	}
	return n, err
}

// collection reads what is in an object or a list, and its end.
func (p *parser) collection(n *Node, depth int) error {
	for p.dec.More() {
		var m Member
		if n.Kind == Object {
			key, at, err := p.next()
			if err != nil {
				return err
			}
			m.Key, m.Position = key.(string), at
		}
		v, err := p.value(depth)
		if err != nil {
			return err
		}
		if m.Value = v; n.Kind == Object {
			n.Members = append(n.Members, m)
		} else {
			n.Items = append(n.Items, v)
		}
	}
	_, _, err := p.next()
	return err
}
