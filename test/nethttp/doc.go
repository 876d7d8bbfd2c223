// Command nethttp runs Go's own tests of net/http's server on kestrel.
//
//	go run ./test/nethttp [-run REGEX] [-v] [-json] [-race] [-transport NAME]
//
// The tests are those of the installed Go release. They are neither copied into this module nor changed on disk: an overlay
// (go help build) gives the go command a net/http whose Server asks the package shim to serve, and test files in which
// every test first asks the shim whether it applies. Client, Request, ResponseWriter's types and httptest stay net/http's.
//
// skipped.json names the tests that cannot apply, expected.json those that fail for a reason. The command fails when
// another test fails, or when one that is expected to fail passes. What users should know of it is in
// docs/reference/nethttp-compat.md.
package main
