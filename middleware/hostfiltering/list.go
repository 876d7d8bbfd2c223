package hostfiltering

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/lannerhq/lanner/internal/httpcommon"
)

// List is a set of host names and patterns. It is immutable and safe for concurrent use. The zero value allows nothing.
type List struct {
	any      bool
	names    []string // lower case, ASCII
	suffixes []string // ".example.com" for "*.example.com"
}

// NewList reads entries as described at Options.AllowedHosts. ErrNoHosts when there is none.
func NewList(entries []string) (List, error) {
	var list List
	for _, entry := range entries {
		for host := range strings.SplitSeq(entry, ";") {
			if host = strings.TrimSpace(host); host == "" {
				continue
			}
			if err := list.add(host); err != nil {
				return List{}, err
			}
		}
	}
	if !list.any && len(list.names) == 0 && len(list.suffixes) == 0 {
		return List{}, ErrNoHosts
	}
	return list, nil
}

func (l *List) add(entry string) error {
	switch entry {
	case "*", "::", "[::]", "0.0.0.0":
		l.any = true
		return nil
	}
	if host, ok := ipv6Literal(entry); ok {
		l.names = appendNew(l.names, host)
		return nil
	}
	host, err := toASCII(entry)
	if err != nil {
		return fmt.Errorf("allowed host %q: %w", entry, err)
	}
	name, below := strings.CutPrefix(host, "*.")
	if err := checkName(name); err != nil {
		return fmt.Errorf("allowed host %q: %w", entry, err)
	}
	if below {
		l.suffixes = appendNew(l.suffixes, "."+name)
		return nil
	}
	l.names = appendNew(l.names, name)
	return nil
}

// ipv6Literal gives an IPv6 address, with or without brackets, the form in which a request has it. Its spelling is kept
// but for the letters' case: "::1" and "0::1" are different names, as in ASP.NET.
func ipv6Literal(s string) (string, bool) {
	inner, opened := strings.CutPrefix(s, "[")
	inner, closed := strings.CutSuffix(inner, "]")
	if opened != closed {
		return "", false
	}
	addr, err := netip.ParseAddr(inner)
	if err != nil || !addr.Is6() || addr.Zone() != "" {
		return "", false
	}
	return "[" + strings.ToLower(inner) + "]", true
}

func checkName(name string) error {
	switch {
	case name == "":
		return fmt.Errorf("there is no name in it")
	case strings.Contains(name, "://"):
		return fmt.Errorf("it is a URL; write the host name alone")
	case strings.ContainsAny(name, "[]"):
		return fmt.Errorf("it is no IPv6 address in brackets")
	case strings.Contains(name, ":"):
		return fmt.Errorf("ports are ignored; leave the port out")
	case strings.Contains(name, "*"):
		return fmt.Errorf(`a star may only stand alone or for all names below one, as in "*.example.com"`)
	}
	for i := range len(name) {
		if !httpcommon.IsTokenByte(name[i]) {
			return fmt.Errorf("%q cannot be part of a host name", name[i])
		}
	}
	return nil
}

func appendNew(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}

// Allows reports whether host, the value of a Host field with or without a port, is in the list. The empty host never is.
func (l List) Allows(host string) bool {
	if host == "" {
		return false
	}
	if l.any {
		return true
	}
	name, ok := cutPort(host)
	if !ok {
		return false
	}
	for _, allowed := range l.names {
		if httpcommon.EqualFold(name, allowed) {
			return true
		}
	}
	for _, suffix := range l.suffixes {
		// Longer than the suffix: ".example.com" has no label in front and is no name below it.
		if len(name) > len(suffix) && httpcommon.EqualFold(name[len(name)-len(suffix):], suffix) {
			return true
		}
	}
	return false
}

// cutPort splits off the port. It reports false for what is no host with an optional port.
func cutPort(host string) (name string, ok bool) {
	end := strings.IndexByte(host, ']') + 1
	if end == 0 {
		end = strings.IndexByte(host, ':')
		if end < 0 {
			return host, true
		}
	}
	port, found := strings.CutPrefix(host[end:], ":")
	if !found && port != "" {
		return "", false
	}
	for i := range len(port) {
		if port[i] < '0' || port[i] > '9' {
			return "", false
		}
	}
	return host[:end], true
}

// String lists the entries, for logs.
func (l List) String() string {
	if l.any {
		return "*"
	}
	all := slices.Clone(l.names)
	for _, suffix := range l.suffixes {
		all = append(all, "*"+suffix)
	}
	return strings.Join(all, ";")
}
