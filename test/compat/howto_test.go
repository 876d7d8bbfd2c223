package compat

import (
	"os"
	"strings"
	"testing"
)

// What the guide tells its readers to copy is what TestSilentGRPCStreamsNeedTheLeastDataRateLifted runs.
func TestTheGuideShowsTheWrapperThatIsTested(t *testing.T) {
	source, err := os.ReadFile("grpc_test.go")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(source), "\nfunc forStreams(")
	body, _, ended := strings.Cut(rest, "\n}\n")
	if !found || !ended {
		t.Fatal("grpc_test.go has no forStreams")
	}
	guide, err := os.ReadFile("../../docs/howto/http2.md")
	if err != nil {
		t.Fatal(err)
	}
	if wrapper := "```go\nfunc forStreams(" + body + "\n}\n```\n"; !strings.Contains(string(guide), wrapper) {
		t.Errorf("docs/howto/http2.md does not show the wrapper as it is:\n%s", wrapper)
	}
}
