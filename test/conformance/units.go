// Package conformance holds kestrel to the cases in testdata, and gives other packages' tests the rows that concern them.
package conformance

import (
	_ "embed"
	"encoding/json"
	"strings"
	"testing"
)

//go:embed testdata/kestrel-units.jsonl
var unitRows string

// Units returns the rows of one kind of kestrel-units.jsonl, each decoded into a T. It fails the test if there is none:
// a kind that is misspelled must not pass for want of rows.
func Units[T any](t testing.TB, kind string) (rows []T) {
	t.Helper()
	for line := range strings.Lines(unitRows) {
		if !strings.Contains(line, `"kind": "`+kind+`"`) {
			continue // rows of other kinds have fields of other types
		}
		var u T
		if err := json.Unmarshal([]byte(line), &u); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, u)
	}
	if len(rows) == 0 {
		t.Fatalf("no row of kind %s", kind)
	}
	return rows
}
