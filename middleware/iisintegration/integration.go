package iisintegration

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"sync"

	"github.com/lannerhq/lanner/internal/httpcommon"
	"github.com/lannerhq/lanner/middleware/forwardedheaders"
	"github.com/lannerhq/lanner/server"
)

// Variables that the module (the first four) and HttpPlatformHandler set.
const (
	envPort         = "ASPNETCORE_PORT"
	envPath         = "ASPNETCORE_APPL_PATH"
	envToken        = "ASPNETCORE_TOKEN"
	envWebSockets   = "ASPNETCORE_IIS_WEBSOCKETS_SUPPORTED"
	envPlatformPort = "HTTP_PLATFORM_PORT"
)

// Integration is the pairing of this process with the module that started it. Make it with FromEnvironment; its fields
// may be changed until Middleware or Application is called. It must not be copied.
type Integration struct {
	// Port is the TCP port on 127.0.0.1 that the module forwards to; 0 when the environment has none that can be used.
	Port int
	// PathBase is the virtual path of the application, "" at the root of the site, else "/sub".
	PathBase string
	// WebSockets says that IIS can forward upgrades. It is false only when the module said so.
	WebSockets bool
	// Logger receives the events. Nil means slog.Default().
	Logger *slog.Logger

	paired bool
	token  [sha256.Size]byte // only the digest is kept, so that nothing can print the token
	err    error

	refusals pace
	badCerts pace
	shutdown sync.Once
	stopping sync.WaitGroup
}

// FromEnvironment reads what the module told this process, usually with os.Getenv. It reports false when neither the
// module (ASPNETCORE_PORT, ASPNETCORE_APPL_PATH and ASPNETCORE_TOKEN, none of them empty) nor HttpPlatformHandler
// (HTTP_PLATFORM_PORT) has started it. Values that cannot be used are reported by Err.
//
// The token stays in the environment of this process and of the children it starts; unset it when that matters.
func FromEnvironment(getenv func(string) string) (*Integration, bool) {
	i := &Integration{WebSockets: !httpcommon.EqualFold(strings.TrimSpace(getenv(envWebSockets)), "false")}
	port, path, token := getenv(envPort), getenv(envPath), getenv(envToken)
	if port != "" && path != "" && token != "" {
		i.paired, i.token = true, sha256.Sum256([]byte(token))
		i.setPort(envPort, port)
		i.setPath(path)
		return i, true
	}
	if port = getenv(envPlatformPort); port == "" {
		return nil, false
	}
	i.setPort(envPlatformPort, port)
	return i, true
}

func (i *Integration) setPort(name, value string) {
	n, err := strconv.ParseUint(value, 10, 16)
	if err != nil || n == 0 {
		i.err = errors.Join(i.err, fmt.Errorf("%s is %q, not a TCP port from 1 to 65535: IIS sets it; look for it in the environmentVariables of web.config", name, value))
		return
	}
	i.Port = int(n)
}

func (i *Integration) setPath(value string) {
	if value[0] != '/' {
		i.err = errors.Join(i.err, fmt.Errorf("%s is %q and does not begin with a slash: IIS sets it to the virtual path of the application", envPath, value))
		return
	}
	i.PathBase = strings.TrimRight(value, "/")
}

// Err reports values in the environment that cannot be used. A program should not serve then.
func (i *Integration) Err() error { return i.err }

// Paired reports whether the module started this process and requests carry its token. It is false behind
// HttpPlatformHandler.
func (i *Integration) Paired() bool { return i.paired }

// URL is the address to listen on, "http://127.0.0.1:port". The module looks for a listener on IPv4 and forwards there;
// the path base is no part of it.
func (i *Integration) URL() string {
	return "http://" + net.JoinHostPort("127.0.0.1", strconv.Itoa(i.Port))
}

// Configure tells a server to listen on URL and nowhere else, whatever endpoints the application has configured: IIS owns
// the ports that clients see. Call it before Start.
func (i *Integration) Configure(addresses server.ServerAddressesFeature) {
	addresses.SetAddresses([]string{i.URL()})
	addresses.SetPreferHostingURLs(true)
}

// Wait returns when the onShutdown function that a shutdown message has called, if any, has returned.
func (i *Integration) Wait() { i.stopping.Wait() }

// String describes the integration, without the token.
func (i *Integration) String() string {
	by := "HttpPlatformHandler"
	if i.paired {
		by = "the ASP.NET Core Module"
	}
	return fmt.Sprintf("%s behind %s, path base %q", i.URL(), by, i.PathBase)
}

func (i *Integration) logger() *slog.Logger {
	if i.Logger != nil {
		return i.Logger
	}
	return slog.Default()
}

// forwarded are the options for the module's X-Forwarded headers: it appends one item to each and connects from loopback.
func (i *Integration) forwarded() forwardedheaders.Options {
	return forwardedheaders.Options{Headers: forwardedheaders.For | forwardedheaders.Proto, Logger: i.logger()}
}

// authentic reports whether the values of the token header prove that the request came through the module. It takes the
// same time whatever they are.
func (i *Integration) authentic(values []string) bool {
	shown := sha256.Sum256([]byte(strings.Join(values, ",")))
	return subtle.ConstantTimeCompare(shown[:], i.token[:]) == 1 && len(values) == 1
}

// beginShutdown calls fn on a goroutine of its own, for the first shutdown message only.
func (i *Integration) beginShutdown(fn func()) {
	i.shutdown.Do(func() {
		logShutdown(i.logger())
		i.stopping.Go(fn)
	})
}
