// Package attacks holds kestrel to what it does about clients that attack it over HTTP/2 and HTTP/3: it ends their connections within seconds
// with a code that says why, keeps its memory, tells the log and the metrics, and serves others meanwhile.
//
// Each attack is a row of attacks_test.go or h3_attacks_test.go; server_test.go starts the server and judges it, attacker_test.go and
// h3_attacker_test.go are the clients. In the ordinary run each lasts as long as its first connection does. LANNER_ATTACK=20s lengthens it,
// runs all on both transports, and logs the latencies of a good client beside it. The allowances are in abuse.go of internal/http2 and
// internal/http3.
package attacks

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
