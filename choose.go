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
}

// choose decides by the environment, in this order: a server set in code; the host's control channel (in-process); the
// module's variables (out-of-process, or IIS); --urls; LANNER_URLS; sockets passed by systemd; HTTP_PLATFORM_PORT; PORT;
// WithURLs and WithKestrel; http://localhost:5000.
func (a *App) choose() (*choice, error) {
	o := &a.options
	o.kestrel.Logger = o.logger
	if o.server != nil {
		return &choice{name: "custom", server: o.server, app: a.app}, nil
	}
	if inprocess.Available() {
		s := inprocess.New(o.kestrel)
		return &choice{name: "in-process", server: s, app: a.app, drained: s.Drained()}, nil
	}
	if i, ok := iisintegration.FromEnvironment(o.getenv); ok {
		return a.behindModule(i)
	}
	return a.byHand()
}

// behindModule serves where the module forwards to, and checks its token.
func (a *App) behindModule(i *iisintegration.Integration) (*choice, error) {
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
	s := kestrel.New(a.options.kestrel)
	addresses, _ := server.Get[server.ServerAddressesFeature](s.Features())
	i.Configure(addresses)
	return &choice{name: "kestrel, out-of-process", server: s, app: app, wait: i.Wait}, nil
}

// byHand serves by kestrel.
func (a *App) byHand() (*choice, error) {
	o := &a.options
	urls, err := a.urls()
	if err != nil {
		return nil, err
	}
	if urls == nil && len(o.kestrel.Endpoints) == 0 {
		if o.kestrel.Endpoints, err = kestrel.SystemdEndpoints(); err != nil {
			return nil, err
		}
	}
	if urls == nil && len(o.kestrel.Endpoints) == 0 {
		if urls, err = a.platformPort(); err != nil {
			return nil, err
		}
	}
	if urls == nil && len(o.kestrel.Endpoints) == 0 {
		urls = o.urls
	}
	s := kestrel.New(o.kestrel)
	if len(urls) > 0 {
		addresses, _ := server.Get[server.ServerAddressesFeature](s.Features())
		addresses.SetAddresses(urls)
		addresses.SetPreferHostingURLs(true)
	}
	return &choice{name: "kestrel", server: s, app: a.app}, nil
}

// urls are those of --urls, else of LANNER_URLS: a list separated by semicolons.
func (a *App) urls() ([]string, error) {
	list, from := urlsArgument(a.options.args), "--urls"
	if list == "" {
		list, from = a.options.getenv("LANNER_URLS"), "LANNER_URLS"
	}
	if list == "" {
		return nil, nil
	}
	var urls []string
	for url := range strings.SplitSeq(list, ";") {
		if url = strings.TrimSpace(url); url == "" {
			continue
		}
		if _, err := kestrel.ParseAddress(url); err != nil {
			return nil, fmt.Errorf("%s: %w", from, err)
		}
		urls = append(urls, url)
	}
	return urls, nil
}

// urlsArgument finds --urls in the program's arguments. Other arguments are the program's own.
func urlsArgument(args []string) string {
	for i, arg := range args {
		if arg == "--" {
			break
		}
		name, value, found := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		if name != "urls" || !strings.HasPrefix(arg, "-") {
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
