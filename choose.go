package lanner

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/lannerhq/lanner/inprocess"
	"github.com/lannerhq/lanner/kestrel"
	"github.com/lannerhq/lanner/middleware/iisintegration"
	"github.com/lannerhq/lanner/server"
)

// choice is the server for where the program runs, and the application as that server is to carry it.
type choice struct {
	name    string
	server  server.Server
	app     server.Application
	drained <-chan struct{} // closed when the host wants the program to end; nil when there is none
	wait    func()          // for what must have ended before the program does; may be nil

	config *kestrel.Configuration // nil for a server that is set in code
	reload *reloader              // nil where the server cannot change while it serves
}

// choose decides by the environment, in this order: a server set in code; the host's control channel (in-process); the
// module's variables (out-of-process, or IIS); --urls; LANNER_URLS; endpoints of the configuration and of WithKestrel;
// sockets passed by systemd; PORT; WithURLs; http://localhost:5000. Limits are the configuration's in all but the first.
func (a *App) choose() (*choice, error) {
	o := &a.options
	if o.server != nil {
		return &choice{name: "custom", server: o.server, app: a.app}, nil
	}
	config, opts, err := a.configuration()
	if err != nil {
		return nil, err
	}
	if inprocess.Available() {
		config.SetEndpoints("the host", nil)
		s := inprocess.New(opts)
		return &choice{name: "in-process", server: s, app: a.app, drained: s.Drained(), config: config}, nil
	}
	if i, ok := iisintegration.FromEnvironment(o.getenv); ok {
		return a.behindModule(i, config, opts)
	}
	return a.byHand(config, opts)
}

// behindModule serves where the module forwards to, and checks its token.
func (a *App) behindModule(i *iisintegration.Integration, config *kestrel.Configuration, opts kestrel.Options) (*choice, error) {
	if err := i.Err(); err != nil {
		return nil, err
	}
	i.Logger = a.options.logger
	shutdown := func() { a.stop(errShutdown) }
	var app server.Application
	if h, ok := server.Bridged(a.app); ok {
		app = server.HTTP(i.Middleware(shutdown)(h))
	} else {
		app = i.Application(shutdown)(a.app)
	}
	opts.Endpoints = nil
	s := kestrel.New(opts)
	addresses, _ := server.Get[server.ServerAddressesFeature](s.Features())
	i.Configure(addresses)
	config.SetEndpoints("the module", endpointsAt(addresses.Addresses()))
	return &choice{name: "kestrel, out-of-process", server: s, app: app, wait: i.Wait, config: config, reload: &reloader{server: s, kept: true}}, nil
}

// byHand serves by kestrel.
func (a *App) byHand(config *kestrel.Configuration, opts kestrel.Options) (*choice, error) {
	urls, from, err := a.urls()
	if err != nil {
		return nil, err
	}
	prefer := urls != nil
	var passed []kestrel.Endpoint
	if urls == nil && len(opts.Endpoints) == 0 {
		if passed, err = kestrel.SystemdEndpoints(); err != nil {
			return nil, err
		}
		if opts.Endpoints = passed; passed != nil {
			config.SetEndpoints("systemd", passed)
		}
	}
	if urls == nil && len(opts.Endpoints) == 0 {
		if urls, err = a.platformPort(); err != nil {
			return nil, err
		}
		if from = "environment variable PORT"; urls == nil {
			urls, from = a.options.urls, "code"
		}
	}
	listen := urls
	if len(opts.Endpoints) > 0 && !prefer {
		listen = nil // endpoints win
	}
	if err := useDevCertificate(&opts, listen); err != nil {
		return nil, err
	}
	s := kestrel.New(opts)
	if len(urls) > 0 {
		addresses, _ := server.Get[server.ServerAddressesFeature](s.Features())
		addresses.SetAddresses(urls)
		addresses.SetPreferHostingURLs(prefer)
		config.SetEndpoints(from, endpointsAt(urls))
	}
	return &choice{name: "kestrel", server: s, app: a.app, config: config, reload: &reloader{server: s, byDefault: passed, kept: prefer, urls: listen}}, nil
}

func endpointsAt(urls []string) (out []kestrel.Endpoint) {
	for _, url := range urls {
		out = append(out, kestrel.Endpoint{URL: url})
	}
	return out
}

// urls are those of --urls, else of LANNER_URLS: a list separated by semicolons.
func (a *App) urls() (urls []string, from string, err error) {
	list, from := argument(a.options.args, "urls"), "--urls"
	name := from
	if list == "" {
		list, from, name = a.options.getenv("LANNER_URLS"), "environment variable LANNER_URLS", "LANNER_URLS"
	}
	for url := range strings.SplitSeq(list, ";") {
		if url = strings.TrimSpace(url); url == "" {
			continue
		}
		if _, err := kestrel.ParseAddress(url); err != nil {
			return nil, "", fmt.Errorf("%s: %w", name, err)
		}
		urls = append(urls, url)
	}
	return urls, from, nil
}

// argument finds the value of --name in the program's arguments. Other arguments are the program's own.
func argument(args []string, name string) string {
	for i, arg := range args {
		if arg == "--" {
			break
		}
		key, value, found := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		if key != name || !strings.HasPrefix(arg, "-") {
			continue
		}
		if found {
			return value
		}
		if i+1 < len(args) {
			return args[i+1]
		}
	}
	return ""
}

// hasArgument reports whether --name, which has no value, is among the program's arguments.
func hasArgument(args []string, name string) bool {
	for _, arg := range args {
		if arg == "--" {
			break
		}
		if strings.HasPrefix(arg, "-") && strings.TrimLeft(arg, "-") == name {
			return true
		}
	}
	return false
}

// platformPort is the port of a platform: on every address, as its router comes from elsewhere.
func (a *App) platformPort() ([]string, error) {
	text := a.options.getenv("PORT")
	if text == "" {
		return nil, nil
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil || port == 0 {
		return nil, fmt.Errorf("PORT is %q: it must be a number from 1 to 65535", text)
	}
	return []string{"http://*:" + strconv.FormatUint(port, 10)}, nil
}
