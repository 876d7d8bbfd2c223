// Command peers answers the paths that the benchmarks use on the servers that Lanner is measured against. Its handlers do
// no more than they must: what is compared is the server.
//
//	peers nethttp|fasthttp -addr HOST:PORT [-files DIR] [-debug HOST:PORT]
//	peers reverseproxy -addr HOST:PORT -upstream URL
//
// With -debug it tells there how many objects it has allocated: GET /debug/mallocs.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"

	"github.com/lannerhq/lanner/test/target/mallocs"
)

var (
	hello     = []byte("Hello, World!")
	helloJSON = []byte(`{"message":"Hello, World!"}`)
	block     = bytes.Repeat([]byte("0123456789abcdef"), 4096) // what /bytes repeats
)

// filesPath is where the files of -files are.
const filesPath = "/files/"

type options struct {
	addr, files, upstream, debug string
}

func main() {
	if len(os.Args) < 2 {
		log.Fatal("peers: say which: nethttp, fasthttp or reverseproxy")
	}
	var o options
	flags := flag.NewFlagSet("peers", flag.ExitOnError)
	flags.StringVar(&o.addr, "addr", "127.0.0.1:8080", "where to listen")
	flags.StringVar(&o.files, "files", "", "folder for GET /files/NAME")
	flags.StringVar(&o.upstream, "upstream", "", "where to forward to")
	flags.StringVar(&o.debug, "debug", "", "where to tell allocations")
	flags.Parse(os.Args[2:]) // ends the program by itself when it fails
	log.Fatal("peers: ", serve(os.Args[1], o))
}

// serve serves until it fails.
func serve(kind string, o options) (err error) {
	if o.debug != "" {
		_, stop, failed := mallocs.Serve(o.debug)
		if failed != nil {
			return failed
		}
		defer func() { err = errors.Join(err, stop()) }()
	}
	switch kind {
	case "nethttp":
		return serveNetHTTP(o)
	case "fasthttp":
		return serveFastHTTP(o)
	case "reverseproxy":
		return serveReverseProxy(o)
	}
	return fmt.Errorf("there is no %q: it must be nethttp, fasthttp or reverseproxy", kind)
}
