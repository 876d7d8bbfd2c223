package httpsredirection

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/lannerhq/lanner/internal/httpcommon"
	"github.com/lannerhq/lanner/server"
)

// portVariables say the port, the first that is set. The last one is the host's, or IIS's.
var portVariables = []string{"LANNER_HTTPS_PORT", "ASPNETCORE_HTTPS_PORT", "HTTPS_PORT", "ASPNETCORE_ANCM_HTTPS_PORT"}

// configuredPort is the port of the options or the environment; 0 when neither says one.
func configuredPort(opts Options) (int, error) {
	if opts.HTTPSPort != 0 {
		return opts.HTTPSPort, nil
	}
	for _, name := range portVariables {
		value := strings.TrimSpace(opts.Getenv(name))
		if value == "" {
			continue
		}
		port, ok := parsePort(value)
		if !ok {
			return 0, fmt.Errorf("https redirection: environment variable %s is %q: it must be a port from 1 to 65535, or unset it", name, value)
		}
		return port, nil
	}
	return 0, nil
}

// What serverPort returns besides a port.
const (
	noPort       = 0
	severalPorts = -1
)

// serverPort is the port of the https addresses in the features, noPort or severalPorts. features may be nil.
func serverPort(features *server.Features) int {
	feature, ok := server.Get[server.ServerAddressesFeature](features)
	if !ok {
		return noPort
	}
	found := noPort
	for _, url := range feature.Addresses() {
		port := httpsPort(url)
		switch {
		case port == noPort || port == found:
		case found == noPort:
			found = port
		default:
			return severalPorts
		}
	}
	return found
}

// httpsPort is the port of an https URL with a TCP port or a host name, which stands for 443; noPort for any other.
func httpsPort(url string) int {
	scheme, rest, found := strings.Cut(url, "://")
	if !found || !httpcommon.EqualFold(scheme, "https") || strings.HasPrefix(rest, "unix:") || strings.HasPrefix(rest, "fd:") {
		return noPort
	}
	authority, _, _ := strings.Cut(rest, "/")
	colon := strings.LastIndexByte(authority, ':')
	if colon <= strings.LastIndexByte(authority, ']') {
		if authority == "" {
			return noPort
		}
		return 443
	}
	port, ok := parsePort(authority[colon+1:])
	if !ok {
		return noPort
	}
	return port
}

// parsePort takes digits alone: strconv would take a sign.
func parsePort(s string) (int, bool) {
	if strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	port, err := strconv.ParseUint(s, 10, 16)
	return int(port), err == nil && port != 0
}
