package config

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	yaml "go.yaml.in/yaml/v4"
	"go.yaml.in/yaml/v4/plugin/loaderlimits"
)

// maxDepth bounds the nesting of a document. A configuration needs fewer than ten levels.
const maxDepth = 50

// document returns the root node of the only document in data, or reports why there is none.
func (d *decoder) document(data []byte) *yaml.Node {
	limits := loaderlimits.New(loaderlimits.DepthValue(maxDepth))
	loader, err := yaml.NewLoader(bytes.NewReader(data), yaml.WithUniqueKeys(false), yaml.WithPlugin(limits))
	if err != nil {
		d.failAt(place{line: 1, column: 1}, "cannot read YAML: "+err.Error(), "")
		return nil
	}
	var first, second yaml.Node
	switch err := loader.Load(&first); {
	case errors.Is(err, io.EOF):
		d.failAt(place{line: 1, column: 1}, "the file has no content", "begin with a site: "+smallest)
		return nil
	case err != nil:
		d.syntaxError(err)
		return nil
	}
	switch err := loader.Load(&second); {
	case errors.Is(err, io.EOF):
	case err != nil:
		d.syntaxError(err)
		return nil
	default:
		d.failAt(place{line: second.Line, column: second.Column}, "a second document begins here",
			"one file holds one document: remove the line with --- and merge the two")
		return nil
	}
	return first.Content[0]
}

// smallest is a complete configuration on one line.
const smallest = `sites: {web: {bindings: [http://127.0.0.1:8080], applications: [{hosting: outofprocess, command: [node, server.js]}]}}`

// syntaxError reports what the YAML parser did not understand. It stops at the first such place, so there is only one.
func (d *decoder) syntaxError(err error) {
	var load *yaml.LoadError
	if !errors.As(err, &load) {
		d.failAt(place{line: 1, column: 1}, "cannot read YAML: "+err.Error(), "")
		return
	}
	at := place{line: load.Mark.Line, column: load.Mark.Column}
	opened := place{line: load.ContextMark.Line, column: load.ContextMark.Column}
	rest := d.src.from(at.line, at.column)
	message, hint, whole := explain(load.Message, load.ContextMsg, rest)
	if whole && opened.line > 0 {
		at = opened
	}
	d.failAt(at, message, hint)
}

// explain puts a message of the YAML parser into the words of somebody who writes a configuration. whole says that the
// mistake is in what was opened earlier, so that place helps more than the one where the parser gave up.
func explain(message, context, rest string) (text, hint string, whole bool) {
	first, _ := utf8.DecodeRuneInString(rest)
	switch {
	case first == '\t' && strings.Contains(message, "cannot start any token"), strings.Contains(message, "tab character"):
		return "a tab cannot indent YAML", "indent with spaces", false
	case strings.Contains(message, "cannot start any token"):
		return "a value cannot begin with " + string(first), "put the value in quotes", false
	case strings.Contains(message, "mapping values are not allowed"):
		return `a ":" is not expected here`,
			`look for a missing ":" on the line above and for keys that are not aligned, and put a value that contains ": " in quotes`, false
	case strings.Contains(message, "',' or ']'"):
		return "the list that begins here is not closed", "close it with ], put a comma between two values, and put a value that contains brackets in quotes", true
	case strings.Contains(message, "',' or '}'"):
		return "the mapping that begins here is not closed", "close it with }, put a comma between two values, and put a value that contains brackets in quotes", true
	case strings.Contains(context, "quoted scalar") && strings.Contains(message, "end of stream"):
		return "the quoted text that begins here is not closed", "close it with the same quote it begins with", true
	case strings.Contains(message, "unknown escape"), strings.Contains(message, "hexadecimal"), strings.Contains(message, "invalid Unicode"):
		return "unknown escape in double quotes", `write \\ for a backslash, or use single quotes`, false
	case strings.Contains(message, "unknown anchor"):
		return "without quotes, * begins a YAML alias, and nothing above is marked with this name",
			`put the value in quotes, such as "*.example.org", or mark what it stands for with &name`, false
	case strings.Contains(context, "scanning an alias"):
		return "without quotes, * begins a YAML alias", `put the value in quotes, such as "*" or "*.example.org"`, false
	case strings.Contains(message, "expected key"), strings.Contains(message, "'-' indicator"), strings.Contains(message, "<document start>"):
		return "this line does not belong to what is above it", "align the keys of one mapping, and the dashes of one list", false
	case strings.Contains(message, "could not find expected ':'"):
		return "a key without \":\"", "write key: value", true
	case strings.Contains(message, "exceeded max depth"):
		return "the document is nested too deeply", "a configuration needs fewer than 10 levels; look for brackets that are not closed", false
	}
	return "YAML syntax: " + strings.TrimSpace(context+" "+message), "check the quotes, the brackets and the indentation around this place", false
}
