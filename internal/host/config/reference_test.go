package config

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

const referenceFile = "../../../docs/reference/configuration.md"

// The part of the reference between these marks is written from the tables.
const (
	referenceBegin = "<!-- keys: written by go test ./internal/host/config -update -->\n"
	referenceEnd   = "<!-- end of keys -->\n"
)

func TestTheReferenceListsEveryKey(t *testing.T) {
	data, err := os.ReadFile(referenceFile)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(data), referenceBegin)
	_, after, ok2 := strings.Cut(rest, referenceEnd)
	if !ok || !ok2 {
		t.Fatalf("%s has lost the marks around its generated part", referenceFile)
	}
	golden(t, referenceFile, before+referenceBegin+reference()+referenceEnd+after)
}

// TestTheExamplesOfTheReferenceAreRight reads every example of the page that is a whole file.
func TestTheExamplesOfTheReferenceAreRight(t *testing.T) {
	data, err := os.ReadFile(referenceFile)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, part := range strings.Split(string(data), "```yaml\n")[1:] {
		example, _, _ := strings.Cut(part, "```")
		if strings.Contains(example, "sites:") {
			mustParse(t, example)
			n++
		}
	}
	if n < 2 {
		t.Errorf("found %d whole examples, the page has more", n)
	}
}

func reference() string {
	var b strings.Builder
	section(&b, "Top level", configObject)
	section(&b, "Site", siteObject)
	section(&b, "Binding", bindingObject)
	section(&b, "Certificate", certificateObject)
	section(&b, "ClientCertificate", clientCertificateObject)
	section(&b, "Limits", limitsObject)
	section(&b, "Application", applicationObject)
	section(&b, "Stdout", stdoutObject)
	section(&b, "HealthCheck", healthCheckObject)
	section(&b, "Pool", poolObject)
	section(&b, "RapidFail", rapidFailObject)
	section(&b, "Recycling", recyclingObject)
	section(&b, "ACME", acmeObject)
	section(&b, "ExternalAccount", externalAccountObject)
	section(&b, "Control", controlObject)
	section(&b, "Log", logObject)
	return b.String()
}

func section[T any](b *strings.Builder, title string, o *object[T]) {
	fmt.Fprintf(b, "\n### %s\n\n%s\n\n| key | value | default | meaning |\n|---|---|---|---|\n", title, o.doc)
	for _, f := range o.fields {
		fallback := f.fallback
		switch {
		case f.required:
			fallback = "**required**"
		case fallback == "":
			fallback = "–"
		}
		fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", f.key, linked(f.expects), cell(fallback, f.required), cell(f.doc, false))
	}
}

// cell keeps a text from breaking the table. markdown says that its stars are meant.
func cell(text string, markdown bool) string {
	text = strings.ReplaceAll(text, "|", `\|`)
	if markdown {
		return text
	}
	return strings.ReplaceAll(text, "*", `\*`)
}

// linked links a value that is an object to its section.
func linked(expects string) string {
	for _, o := range []struct{ a, section string }{
		{certificateObject.a, "certificate"}, {clientCertificateObject.a, "clientcertificate"}, {limitsObject.a, "limits"}, {stdoutObject.a, "stdout"}, {healthCheckObject.a, "healthcheck"},
		{rapidFailObject.a, "rapidfail"}, {recyclingObject.a, "recycling"}, {controlObject.a, "control"}, {acmeObject.a, "acme"}, {externalAccountObject.a, "externalaccount"}, {logObject.a, "log"},
		{poolOrReference().expects(), "pool"}, {poolsByName().expects(), "pool"},
	} {
		if expects == o.a {
			return fmt.Sprintf("[%s](#%s)", expects, o.section)
		}
	}
	return cell(expects, false)
}
