package module

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// The variables of the module's protocol that others than this file need.
const (
	portVariable  = "ASPNETCORE_PORT"
	tokenVariable = "ASPNETCORE_TOKEN"

	// HTTPSPortVariable tells a worker the only https port of its site, for redirection.
	HTTPSPortVariable = "ASPNETCORE_ANCM_HTTPS_PORT"
)

// integrationAssembly makes an application that does not call the default
// builder take part in the protocol.
const integrationAssembly = "Microsoft.AspNetCore.Server.IISIntegration"

// Variable is an environment variable of a pool or an application.
type Variable struct{ Name, Value string }

// Settings is what the module tells a child.
type Settings struct {
	// Port of 127.0.0.1 on which the child is to listen.
	Port int
	// Token that requests will carry.
	Token Token
	// ApplPath is the application's path, "/" or "/sub". It is not cut from
	// requests, the child does that itself.
	ApplPath string
	// Site and Worker name the site and the worker process, for the child's logs.
	Site, Worker string
	// HTTPSPorts are the ports of the site's https bindings. If they are one and
	// the same, redirection to https knows where to go.
	HTTPSPorts []int
	// ForwardedHeaders makes an application whose builder knows nothing of the
	// module (WebApplication.CreateSlimBuilder) take client address and scheme
	// from forwarded headers. It must stay off for all others: that switch trusts
	// every peer, and it runs besides the module's own handling of the headers,
	// which takes one entry; together they take two, and the second was written by
	// the client.
	ForwardedHeaders bool
	// Dir is the working directory, for PWD. Empty leaves PWD out.
	Dir string
}

// Environment builds the complete environment of a child: base (see Inherit),
// then the variables of pool and application in this order, then the module's.
// In values, %HTTP_PLATFORM_PORT% and %ASPNETCORE_PORT% stand for the port. It
// also returns the names of variables that pool or application set, but that the
// module must set otherwise.
func Environment(base []string, vars []Variable, s Settings) (env, ignored []string, err error) {
	if !strings.HasPrefix(s.ApplPath, "/") {
		return nil, nil, fmt.Errorf("application path %q does not begin with /", s.ApplPath)
	}
	e := newEnviron(base)
	user := make(map[string]string)
	for _, v := range vars {
		if err := v.check(); err != nil {
			return nil, nil, err
		}
		value := expandPort(v.Value, s.Port)
		e.set(v.Name, value)
		user[envKey(v.Name)] = value
	}
	for _, v := range s.fixed() {
		if old, ok := user[envKey(v.Name)]; ok && old != v.Value && old != "" {
			ignored = append(ignored, v.Name)
		}
		e.set(v.Name, v.Value)
	}
	for _, v := range s.defaults(e) {
		if _, ok := user[envKey(v.Name)]; !ok {
			e.set(v.Name, v.Value)
		}
	}
	return e.list(), ignored, nil
}

// fixed lists what the child gets whatever it was given otherwise.
func (s Settings) fixed() []Variable {
	port := strconv.Itoa(s.Port)
	vars := []Variable{
		// All three, or the middleware in the application stays off.
		{portVariable, port},
		{"ASPNETCORE_APPL_PATH", s.ApplPath},
		{tokenVariable, s.Token.Reveal()},
		// Anything else registers the scheme "Windows", which exists there only.
		{"ASPNETCORE_IIS_HTTPAUTH", "anonymous;"},
		// Left out, it is decided by an operating system version of at least 6.2, which
		// on Linux is the kernel's: WebSockets would be off on 3, 4, 5, 6.0 and 6.1.
		{"ASPNETCORE_IIS_WEBSOCKETS_SUPPORTED", "true"},
		// For builders that do not know the module. Where it is known, its own port wins.
		{"ASPNETCORE_URLS", "http://127.0.0.1:" + port},
		// Everybody else's way to say the same.
		{"PORT", port},
		{"HTTP_PLATFORM_PORT", port},
		{"LANNER_SITE", s.Site},
		{"LANNER_WORKER", s.Worker},
		{"LANNER_APPL_PATH", s.ApplPath},
	}
	if s.Dir != "" {
		vars = append(vars, Variable{"PWD", s.Dir})
	}
	return vars
}

// defaults lists what pool and application may set otherwise.
func (s Settings) defaults(e *environ) []Variable {
	const startup = "ASPNETCORE_HOSTINGSTARTUPASSEMBLIES"
	assemblies := integrationAssembly
	if inherited := e.get(startup); inherited != "" {
		assemblies = inherited + ";" + assemblies
	}
	vars := []Variable{{startup, assemblies}}
	ports := slices.Compact(slices.Sorted(slices.Values(s.HTTPSPorts)))
	if len(ports) == 1 {
		vars = append(vars, Variable{HTTPSPortVariable, strconv.Itoa(ports[0])})
	}
	if s.ForwardedHeaders {
		vars = append(vars, Variable{"ASPNETCORE_FORWARDEDHEADERS_ENABLED", "true"})
	}
	return vars
}

func (v Variable) check() error {
	switch {
	case v.Name == "":
		return errors.New("an environment variable has no name")
	case strings.ContainsAny(v.Name, "=\x00"):
		return fmt.Errorf("environment variable %q: a name cannot hold = or NUL", v.Name)
	case strings.IndexByte(v.Value, 0) >= 0:
		return fmt.Errorf("environment variable %s: a value cannot hold NUL", v.Name)
	}
	return nil
}

// lookup returns the last value that the variables give to name.
func lookup(vars []Variable, name string) (string, bool) {
	for _, v := range slices.Backward(vars) {
		if envKey(v.Name) == envKey(name) {
			return v.Value, true
		}
	}
	return "", false
}

// environ is a list of variables with one value each, in order of first sight.
type environ struct {
	at  map[string]int
	all []string
}

func newEnviron(base []string) *environ {
	e := &environ{at: make(map[string]int)}
	for _, kv := range base {
		if name, value, ok := strings.Cut(kv, "="); ok && name != "" {
			e.set(name, value)
		}
	}
	return e
}

func (e *environ) set(name, value string) {
	key := envKey(name)
	if i, ok := e.at[key]; ok {
		e.all[i] = name + "=" + value
		return
	}
	e.at[key] = len(e.all)
	e.all = append(e.all, name+"="+value)
}

func (e *environ) get(name string) string {
	i, ok := e.at[envKey(name)]
	if !ok {
		return ""
	}
	_, value, _ := strings.Cut(e.all[i], "=")
	return value
}

func (e *environ) list() []string { return e.all }
