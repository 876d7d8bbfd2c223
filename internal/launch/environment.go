package launch

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
)

// The variables that "lanner run" sets.
const (
	// envURLs has the addresses to listen on, from applicationUrl.
	envURLs = "LANNER_URLS"
	// envEnvironment names the environment; nobody runs this way in production.
	envEnvironment = "LANNER_ENV"
	// envProfile names the launch profile, for programs that want to show it.
	envProfile = "LANNER_LAUNCH_PROFILE"
)

// environment is a list of NAME=value, in which each name is there once.
type environment []string

func (e environment) lookup(name string) (string, bool) {
	for _, kv := range e {
		if k, v, _ := strings.Cut(kv, "="); sameName(k, name) {
			return v, true
		}
	}
	return "", false
}

func (e *environment) set(name, value string) {
	kv := name + "=" + value
	for i, old := range *e {
		if k, _, _ := strings.Cut(old, "="); sameName(k, name) {
			(*e)[i] = kv
			return
		}
	}
	*e = append(*e, kv)
}

func sameName(a, b string) bool {
	return a == b || runtime.GOOS == "windows" && strings.EqualFold(a, b)
}

// compose returns the environment of the program: that of the caller, then the profile's applicationUrl, then its
// variables, which may name LANNER_URLS too, then those of the command line.
func compose(inherited []string, p *profile, given []string) (environment, error) {
	env := environment(slices.Clone(inherited))
	lookup := environment(inherited).lookup
	if _, ok := lookup(envEnvironment); !ok {
		env.set(envEnvironment, "Development")
	}
	if p != nil {
		if p.applicationURL != "" {
			env.set(envURLs, expand(p.applicationURL, lookup))
		}
		for _, kv := range p.environment {
			name, value, _ := strings.Cut(kv, "=")
			env.set(name, expand(value, lookup))
		}
		env.set(envProfile, p.name)
	}
	for _, kv := range given {
		name, value, ok := strings.Cut(kv, "=")
		if !ok || name == "" || strings.Contains(kv, "\x00") {
			return nil, &UsageError{Message: fmt.Sprintf("-e %q is not NAME=value", name), Hint: "write for example -e LANNER_ENV=Staging"}
		}
		env.set(name, value)
	}
	return env, nil
}

// urls returns the addresses the program is told to listen on.
func (e environment) urls() []string {
	value, _ := e.lookup(envURLs)
	return splitURLs(value)
}

// splitURLs splits a list of addresses as LANNER_URLS has it.
func splitURLs(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ';' || r == ' ' })
}
