// Package h2 holds HTTP/2 to Kestrel's rows and to RFC 9113, with frames on real connections.
//
// A scenario for each row of testdata/kestrel-h2-cases.jsonl does what the row's name says (rows_*_test.go), and the runner
// judges the outcome that the row names (run_test.go). The cases of rfc_*_test.go go beyond the rows. Both use wire, a client
// that sends what it is told, malformed or not, and checks that the server keeps to the client's flow control.
//
// The server under test is started in one place, kestrel_test.go. LANNER_H2_SUBJECT=nethttp puts net/http's server there, to try
// out the client: standin_rows_test.go says what that one does differently.
package h2

import (
	"flag"
	"strconv"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// parallel is how many scenarios run at once: most of them wait.
const parallel = 16

func TestMain(m *testing.M) {
	flag.Parse()
	flag.Set("test.parallel", strconv.Itoa(parallel))
	if onStandIn {
		patience = 15 * time.Second // what does not come there, need not be waited for
	}
	goleak.VerifyTestMain(m)
}
