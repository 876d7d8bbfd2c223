package servertest

import (
	"slices"
	"testing"

	"github.com/lannerhq/lanner/server"
)

// check is one rule of the contract: its name is the rule as a sentence.
type check struct {
	name string
	run  func(t *testing.T, s suite)
}

// suite makes the servers under test, a new one for every check.
type suite struct {
	newServer func() server.Server
}

var checks = slices.Concat(
	lifecycleChecks, stopChecks,
	requestChecks, featureChecks,
	bodyChecks, streamChecks,
	responseChecks, emptyChecks, hookChecks,
	errorChecks, connectionChecks,
	handlerChecks, contextChecks,
	lifetimeChecks, upgradeChecks, messageChecks, limitChecks, detailChecks,
)

// Run holds the servers that newServer makes to the contract, each rule in a subtest. newServer returns a server that was
// never started; it is called for every subtest. A server whose features hold a ServerAddressesFeature is told to listen
// on http://127.0.0.1:0; one without listens where it likes. Both must publish where they do after Start.
//
// When all servers are stopped, every goroutine started since Run began must have ended: a caller must not start others
// meanwhile, nor run Run in parallel with other tests.
func Run(t *testing.T, newServer func() server.Server) {
	t.Helper()
	s := suite{newServer}
	leaks := watchGoroutines()
	if !t.Run(startCheck.name, func(t *testing.T) { startCheck.run(t, s) }) {
		t.Fatal("the server does not start and listen as the contract says: nothing else can be checked")
	}
	for _, c := range checks {
		t.Run(c.name, func(t *testing.T) { c.run(t, s) })
	}
	t.Run("NoGoroutineIsLeftAfterStop", leaks.check)
}
