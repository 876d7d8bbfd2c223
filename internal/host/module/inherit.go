package module

import (
	"runtime"
	"strings"
)

// Inherit returns the part of the host's own environment that a child may see.
// Left out are
//
//   - the host's own settings (LANNER_*, except LANNER_ENV) and those given in
//     withhold: names that the configuration reads secrets from, which would
//     otherwise reach every application;
//   - what a service manager means for the host alone: its notify socket, its
//     sockets, its credentials;
//   - where another host (IIS, a platform's PORT) told this host to listen, which
//     would send the child to the host's own port.
func Inherit(environ, withhold []string) []string {
	hidden := make(map[string]bool, len(withhold))
	for _, name := range withhold {
		hidden[envKey(name)] = true
	}
	var kept []string
	for _, kv := range environ {
		name, _, ok := strings.Cut(kv, "=")
		if !ok || name == "" || hidden[envKey(name)] || hostOnly(envKey(name)) {
			continue
		}
		kept = append(kept, kv)
	}
	return kept
}

func hostOnly(name string) bool {
	if strings.HasPrefix(name, "LANNER_") {
		return name != "LANNER_ENV"
	}
	if strings.HasPrefix(name, "ASPNETCORE_IIS_") {
		return true
	}
	return hostOnlyNames[name]
}

var hostOnlyNames = map[string]bool{
	// systemd.exec(5), sd_notify(3), sd_listen_fds(3)
	"NOTIFY_SOCKET": true, "LISTEN_FDS": true, "LISTEN_PID": true, "LISTEN_FDNAMES": true, "LISTEN_PIDFDID": true,
	"WATCHDOG_USEC": true, "WATCHDOG_PID": true, "MAINPID": true, "JOURNAL_STREAM": true,
	"CREDENTIALS_DIRECTORY": true,
	// the module's own, and other ways to say where to listen
	"ASPNETCORE_PORT": true, "ASPNETCORE_APPL_PATH": true, "ASPNETCORE_TOKEN": true, HTTPSPortVariable: true,
	"ASPNETCORE_URLS": true, "ASPNETCORE_HTTP_PORTS": true, "ASPNETCORE_HTTPS_PORTS": true,
	"DOTNET_URLS": true, "DOTNET_HTTP_PORTS": true, "DOTNET_HTTPS_PORTS": true,
	"PORT": true, "HTTP_PLATFORM_PORT": true,
	// of the host's working directory
	"PWD": true, "OLDPWD": true,
}

// envKey is what names of variables are compared by. Windows ignores case;
// elsewhere "Path" and "PATH" are two variables.
func envKey(name string) string {
	if runtime.GOOS == "windows" {
		return strings.ToUpper(name)
	}
	return name
}
