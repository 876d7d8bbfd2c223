package accesslog

import (
	"os"
	"reflect"
	"strings"
	"testing"
)

func TestTheReferenceShowsWhatIsWritten(t *testing.T) {
	text, err := os.ReadFile("../docs/reference/access-log.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range allFormats {
		example := "```\n" + string(f.Append(f.AppendHeader(nil, begun), typical())) + "```\n"
		if !strings.Contains(string(text), "### "+f.String()+"\n") || !strings.Contains(string(text), example) {
			t.Errorf("docs/reference/access-log.md lacks the example of %s:\n%s", f, example)
		}
	}
	for field := range reflect.TypeFor[jsonLine]().Fields() {
		name := field.Tag.Get("json")
		if name == "" {
			name = strings.ToLower(field.Name)
		}
		if !strings.Contains(string(text), "`"+name+"`") {
			t.Errorf("docs/reference/access-log.md does not describe the member %s", name)
		}
	}
}
