package kestrel

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the generated part of the reference")

const (
	referenceFile  = "../docs/reference/kestrel-options.md"
	referenceBegin = "<!-- options: written by go test ./kestrel -run Reference -update -->\n"
	referenceEnd   = "<!-- end of options -->\n"
)

func TestTheReferenceListsEveryOption(t *testing.T) {
	data, err := os.ReadFile(referenceFile)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(data), referenceBegin)
	_, after, ok2 := strings.Cut(rest, referenceEnd)
	if !ok || !ok2 {
		t.Fatalf("%s has lost the marks around its generated part", referenceFile)
	}
	want := before + referenceBegin + reference(t) + referenceEnd + after
	switch {
	case *update:
		if err := os.WriteFile(referenceFile, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	case want != string(data):
		t.Errorf("%s does not list the options as they are: go test ./kestrel -run Reference -update writes it. Want\n%s", referenceFile, reference(t))
	}
}

func reference(t *testing.T) string {
	var b strings.Builder
	b.WriteString("| key | variable | default | values | what it does, or what happens beyond it |\n|---|---|---|---|---|\n")
	rate := ""
	for path, v := range leaves() {
		row := rowOf(path)
		if parent := path[:strings.LastIndexByte("."+path, '.')]; parent != "" && rate != parent[:len(parent)-1] {
			rate = parent[:len(parent)-1]
			if whole := table[rate]; whole != nil {
				fmt.Fprintf(&b, "| `%s` | `Kestrel__%s` | as below | an object; `null`: %s | |\n", rate, strings.ReplaceAll(rate, ".", "__"), whole.null)
			}
		}
		byDefault, err := json.Marshal(written(v, row))
		if err != nil {
			t.Fatal(err)
		}
		shown := "`" + string(byDefault) + "`"
		switch {
		case strings.Contains(path, ".Sni.") && string(byDefault) != `""`:
			shown = "as the endpoint's"
		case string(byDefault) == "null" && row.null == "":
			shown = "none"
		}
		if path == "Endpoints.*.Url" {
			shown = "none; without any endpoint `http://localhost:5000`"
		}
		values := row.values
		if row.zero != "" {
			values += "; `0`: " + row.zero
		}
		if row.null != "" {
			values += "; `null`: " + row.null
		}
		path = strings.Replace(strings.Replace(path, "*", "NAME", 1), "*", "HOST", 1)
		variable := strings.ReplaceAll(path, ".", "__")
		fmt.Fprintf(&b, "| `%s` | `Kestrel__%s` | %s | %s | %s |\n", path, variable, shown, values, row.outcome)
	}
	return b.String()
}

// TestTheExamplesOfTheReferenceAreRight reads every example of the page that is a document.
func TestTheExamplesOfTheReferenceAreRight(t *testing.T) {
	data, err := os.ReadFile(referenceFile)
	if err != nil {
		t.Fatal(err)
	}
	examples := strings.Split(string(data), "```jsonc\n")[1:]
	for _, part := range examples {
		example, _, _ := strings.Cut(part, "```")
		if _, err := ParseOptions("example", []byte(example)); err != nil {
			t.Errorf("%s\n%v", example, err)
		}
	}
	if len(examples) == 0 {
		t.Error("the page has no example")
	}
}
