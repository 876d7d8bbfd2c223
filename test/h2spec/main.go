// Command h2spec holds a server to h2spec, the conformance suite for HTTP/2 (RFC 7540) and HPACK (RFC 7541), in strict mode. The
// tests of test/conformance/h2 do so with kestrel on each transport; for any other server:
//
//	go -C test/h2spec run . -addr 127.0.0.1:8080 [-tls] [-path /] [-timeout 5s] [case...]
//
// The server speaks HTTP/2 by prior knowledge, or by ALPN with -tls, where its certificate is not verified. It answers -path with
// content, for any method, after it has read what the request has of it. A case is named as in the summary, such as http2/5.1.1/2 or generic/3; without names
// all are run.
//
// It prints each case, then how many passed, failed and were skipped, and which failed. The exit status is 0 when every case that
// failed is in the list of exceptions.go, 1 when another failed or an exception did not, 2 when the suite could not run.
//
// It is a module of its own, so that the suite never becomes a dependency of Lanner. The suite's version is the newest that the
// Go module proxy has: 2.2.1, in go.mod.
package main

import (
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/summerwind/h2spec/config"
	"github.com/summerwind/h2spec/generic"
	"github.com/summerwind/h2spec/hpack"
	"github.com/summerwind/h2spec/http2"
	"github.com/summerwind/h2spec/spec"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run returns the exit status. The suite itself prints to the process's standard output.
func run(args []string, stdout, stderr io.Writer) int {
	c, err := parse(args, stderr)
	if err != nil {
		if err != flag.ErrHelp {
			fmt.Fprintln(stderr, "h2spec:", err)
		}
		return 2
	}
	// The suite ends the process when it cannot connect; say beforehand why.
	nc, err := net.DialTimeout("tcp", c.Addr(), c.Timeout)
	if err != nil {
		fmt.Fprintf(stderr, "h2spec: cannot connect to the server under test, which -addr names: %v\n", err)
		return 2
	}
	nc.Close()
	var results []result
	for _, group := range []*spec.TestGroup{generic.Spec(), http2.Spec(), hpack.Spec()} {
		group.Test(c)
		results = append(results, collect(group)...)
	}
	if len(results) == 0 {
		fmt.Fprintf(stderr, "h2spec: no case is named %q\n", c.Sections)
		return 2
	}
	return report(stdout, results, exceptions)
}

func parse(args []string, stderr io.Writer) (*config.Config, error) {
	flags := flag.NewFlagSet("h2spec", flag.ContinueOnError)
	flags.SetOutput(stderr)
	c := &config.Config{Strict: true, Insecure: true, MaxHeaderLen: 4000}
	addr := flags.String("addr", "", "the server's `host:port`")
	flags.BoolVar(&c.TLS, "tls", false, "connect by TLS")
	flags.BoolVar(&c.Verbose, "v", false, "print every frame")
	flags.StringVar(&c.Path, "path", "/", "the `path` of requests")
	flags.DurationVar(&c.Timeout, "timeout", 5*time.Second, "how long to wait for an answer")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	c.Sections = flags.Args()
	host, port, err := net.SplitHostPort(*addr)
	if err != nil {
		return nil, fmt.Errorf("-addr %q is not host:port: %v", *addr, err)
	}
	c.Host = host
	if c.Port, err = strconv.Atoi(port); err != nil {
		return nil, fmt.Errorf("-addr %q: the port is not a number", *addr)
	}
	return c, nil
}
