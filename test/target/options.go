package main

import (
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/lannerhq/lanner/http3"
	"github.com/lannerhq/lanner/kestrel"
	"github.com/lannerhq/lanner/server"
	"github.com/lannerhq/lanner/test/selfsigned"
	"github.com/lannerhq/lanner/test/target/app"
	"github.com/lannerhq/lanner/test/target/mallocs"
)

// options is the command line.
type options struct {
	urls      []string
	api       string
	exec      string
	transport string
	server    string
	headers   time.Duration
	debug     string // "" means nowhere
	tls       bool
	cert, key string
	http3     bool
}

// defaultHeadersTimeout is kestrel's.
const defaultHeadersTimeout = 30 * time.Second

// parse reads the command line. It has told the user what is wrong when it returns an error.
func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("target", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Func("urls", "address to listen on, such as http://127.0.0.1:0; may be repeated, or hold several separated by ;", func(v string) error {
		for url := range strings.SplitSeq(v, ";") {
			if url = strings.TrimSpace(url); url != "" {
				o.urls = append(o.urls, url)
			}
		}
		return nil
	})
	choice(flags, &o.api, "api", "programming interface", "http", "native")
	choice(flags, &o.exec, "exec", "where handlers run, on kestrel's event loop", "auto", "inline", "goroutine")
	choice(flags, &o.transport, "transport", "what carries kestrel's connections", "auto", "eventloop", "portable")
	choice(flags, &o.server, "server", "server", "kestrel", "nethttp")
	flags.DurationVar(&o.headers, "headers-timeout", defaultHeadersTimeout, "how long a request's head may take")
	flags.StringVar(&o.debug, "debug", "", "`host:port` that tells how many objects were allocated: GET "+mallocs.Path)
	flags.BoolVar(&o.tls, "tls", false, "certificate for https addresses that is made for localhost, in memory")
	flags.StringVar(&o.cert, "cert", "", "`file` of the certificate for https addresses, PEM")
	flags.StringVar(&o.key, "key", "", "`file` of its private key, PEM")
	flags.BoolVar(&o.http3, "h3", false, "HTTP/3, too, on https addresses (kestrel)")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	var err error
	switch {
	case flags.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q: all arguments are flags", flags.Arg(0))
	case o.tls && o.cert != "":
		err = errors.New("-tls makes a certificate and -cert names one: use one of them")
	case o.http3 && o.server != "kestrel":
		err = fmt.Errorf("-h3 is for kestrel: %s does not speak HTTP/3", o.server)
	case (o.cert == "") != (o.key == ""):
		err = errors.New("-cert and -key belong together")
	case o.headers <= 0:
		err = fmt.Errorf("-headers-timeout %v: it must be more than 0", o.headers)
	}
	if err != nil {
		fmt.Fprintln(stderr, "target:", err)
		return o, err
	}
	if len(o.urls) == 0 {
		o.urls = []string{"http://localhost:5000"}
	}
	return o, nil
}

// choice adds a flag that takes one of some values, the first by default.
func choice(flags *flag.FlagSet, to *string, name, usage string, values ...string) {
	*to = values[0]
	usage += ": " + strings.Join(values, ", ") + " (default " + values[0] + ")"
	flags.Func(name, usage, func(v string) error {
		if !slices.Contains(values, v) {
			return fmt.Errorf("it must be one of %s", strings.Join(values, ", "))
		}
		*to = v
		return nil
	})
}

// backend makes the server with the application that the options name.
func (o options) backend() (backend, error) {
	application := server.HTTP(app.HTTP())
	if o.api == "native" {
		application = app.Native()
	}
	secure, err := o.tlsConfig()
	if err != nil {
		return nil, err
	}
	if o.server == "nethttp" {
		return newNetHTTP(application, o.headers, secure), nil
	}
	opts, err := o.kestrel()
	if err != nil {
		return nil, err
	}
	return newKestrel(application, opts, secure), nil
}

// tlsConfig is that of https addresses; nil for none.
func (o options) tlsConfig() (*tls.Config, error) {
	var cert tls.Certificate
	var err error
	switch {
	case o.tls:
		cert, err = selfsigned.New("localhost", "127.0.0.1", "::1")
	case o.cert != "":
		cert, err = tls.LoadX509KeyPair(o.cert, o.key)
	default:
		return nil, nil
	}
	return &tls.Config{Certificates: []tls.Certificate{cert}}, err
}

// kestrel are the options of the server of that name.
func (o options) kestrel() (kestrel.Options, error) {
	opts := kestrel.Options{Limits: kestrel.Limits{RequestHeadersTimeout: o.headers}}
	if o.http3 {
		opts.HTTP3 = http3.New(http3.Options{})
	}
	return opts, errors.Join(opts.Transport.UnmarshalText([]byte(o.transport)), opts.Exec.UnmarshalText([]byte(o.exec)))
}
