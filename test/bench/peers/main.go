// Command peers answers the paths that the benchmarks use on the servers that Lanner is measured against. Its handlers do
// no more than they must: what is compared is the server.
//
//	peers nethttp -addr HOST:PORT [-h2c | -cert FILE -key FILE] [-files DIR] [-debug HOST:PORT]
//	peers xnet -addr HOST:PORT [-cert FILE -key FILE] [-files DIR] [-debug HOST:PORT]
//	peers fasthttp -addr HOST:PORT [-cert FILE -key FILE] [-files DIR] [-debug HOST:PORT]
//	peers reverseproxy -addr HOST:PORT -upstream URL
//
// xnet is golang.org/x/net/http2. -h2c is HTTP/2 in cleartext by prior knowledge, which xnet speaks without being told.
// With a certificate all speak TLS: nethttp HTTP/2 and HTTP/1.1, xnet HTTP/2, fasthttp HTTP/1.1. With -debug it tells there how many objects it has allocated: GET /debug/mallocs.
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
	block     = bytes.Repeat([]byte("0123456789abcdef"), 65536) // what /bytes sends, up to all of it
)

// filesPath is where the files of -files are.
const filesPath = "/files/"

type options struct {
	addr, files, upstream, debug string
	cert, key                    string
	h2c                          bool
}

func main() {
	if len(os.Args) < 2 {
		log.Fatal("peers: say which: nethttp, xnet, fasthttp or reverseproxy")
	}
	var o options
	flags := flag.NewFlagSet("peers", flag.ExitOnError)
	flags.StringVar(&o.addr, "addr", "127.0.0.1:8080", "where to listen")
	flags.StringVar(&o.files, "files", "", "folder for GET /files/NAME")
	flags.StringVar(&o.upstream, "upstream", "", "where to forward to")
	flags.StringVar(&o.cert, "cert", "", "file of the certificate, PEM: TLS")
	flags.StringVar(&o.key, "key", "", "file of its private key, PEM")
	flags.BoolVar(&o.h2c, "h2c", false, "HTTP/2 in cleartext, without HTTP/1.1")
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
	case "xnet":
		return serveXNet(o)
	case "fasthttp":
		return serveFastHTTP(o)
	case "reverseproxy":
		return serveReverseProxy(o)
	}
	return fmt.Errorf("there is no %q: it must be nethttp, xnet, fasthttp or reverseproxy", kind)
}
