package jsonc

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// show writes a node as JSON with the place of each key and value.
func show(n *Node) string {
	at := fmt.Sprintf("@%d:%d", n.Line, n.Column)
	var parts []string
	switch n.Kind {
	case Object:
		for _, m := range n.Members {
			parts = append(parts, fmt.Sprintf("%s@%d:%d=%s", m.Key, m.Line, m.Column, show(m.Value)))
		}
		return "{" + strings.Join(parts, " ") + "}" + at
	case Array:
		for _, item := range n.Items {
			parts = append(parts, show(item))
		}
		return "[" + strings.Join(parts, " ") + "]" + at
	case Null:
		return "null" + at
	}
	return n.Value + at
}

func TestEverythingKeepsItsPlace(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{`{}`, `{}@1:1`},
		{"\xef\xbb\xbf{}", `{}@1:1`},
		{"// c\n{ \"a\": 1, /* x\ny */ \"b\": [true, null, \"s\",],\n}\n// end", `{a@2:3=1@2:8 b@3:6=[true@3:12 null@3:18 s@3:24]@3:11}@2:1`},
		{"{\t\"ä\": \"ö\", \"b\": -1.5e3}", `{ä@1:3=ö@1:8 b@1:13=-1.5e3@1:18}@1:1`},
		{`{"a": "// no comment", "b": "/*", "c": ",}"}`, `{a@1:2=// no comment@1:7 b@1:24=/*@1:29 c@1:35=,}@1:40}@1:1`},
		{`{"a":{"a":[{}]},"a":"😀"}`, `{a@1:2={a@1:7=[{}@1:12]@1:11}@1:6 a@1:17=😀@1:21}@1:1`},
	} {
		n, err := Parse([]byte(tt.in))
		if err != nil {
			t.Errorf("%s: %v", tt.in, err)
			continue
		}
		if got := show(n); got != tt.want {
			t.Errorf("%s\n got %s\nwant %s", tt.in, got, tt.want)
		}
	}
}

func TestMistakesAreShownWhereTheyAre(t *testing.T) {
	for in, want := range map[string]string{
		"":                      "1:1: there is nothing in it",
		" // only a comment":    "1:1: there is nothing in it",
		"{\n  \"a\" 1}":         "2:7: ",
		"{\n  \"a\": [,]}":      "2:9: ",
		`{,}`:                   "1:2: ",
		`[1,,]`:                 "1:4: ",
		`{"a":,}`:               "1:6: ",
		`{"a": 1`:               "1:7: unexpected end",
		`{} {}`:                 "1:4: ",
		`/* open {}`:            "1:1: there is nothing in it",
		"{\"a\": \"\xff\"}":     "1:8: this is not UTF-8",
		strings.Repeat("[", 60): "1:60: unexpected end",
		strings.Repeat("[", 51) + strings.Repeat("]", 51): "1:51: this is nested more than 50 deep",
	} {
		_, err := Parse([]byte(in))
		var syntax *SyntaxError
		if !errors.As(err, &syntax) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v, want %s", in, err, want)
		}
	}
}

func FuzzParseReadsWhatJSONIs(f *testing.F) {
	f.Add([]byte("{ // c\n\t\"a\": 1, /* x\ny */ }"))
	f.Add([]byte(`[1,"\ud83d\ude00",{"a":null,},]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		plain := Plain(data)
		if strings.Count(string(plain), "\n") != strings.Count(string(data), "\n") {
			t.Errorf("a mistake must be reported in its line: %q became %q", data, plain)
		}
		if again := Plain(plain); string(again) != strings.TrimPrefix(string(plain), "\ufeff") {
			t.Errorf("%q is not plain yet: %q", plain, again)
		}
		n, err := Parse(data)
		var syntax *SyntaxError
		switch {
		case err == nil && (!json.Valid(plain) || n == nil):
			t.Errorf("%q is accepted and is not JSON", plain)
		case err != nil && !errors.As(err, &syntax):
			t.Errorf("%q: %v has no place", data, err)
		}
	})
}
