package config

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// check reports what is wrong between parts of the file that are right by themselves. Parts that were already reported are
// left out, so that one mistake is told once.
func (d *decoder) check(cfg *Config) {
	d.checkSiteNames(cfg)
	d.checkPools(cfg)
	d.checkApplicationPaths(cfg)
	d.checkBindings(cfg)
	d.checkLogFiles(cfg)
	d.checkACME(cfg)
}

// sitesInFile returns the sites in the order of the file, so that the later of two that clash is the wrong one.
func (d *decoder) sitesInFile(cfg *Config) []*Site {
	return slices.SortedFunc(maps.Values(cfg.Sites), func(a, b *Site) int {
		return d.comparePlaces(member("sites", a.Name), member("sites", b.Name))
	})
}

func (d *decoder) comparePlaces(a, b string) int {
	p, q := d.names[a], d.names[b]
	return cmp.Or(cmp.Compare(p.Line, q.Line), cmp.Compare(p.Column, q.Column), strings.Compare(a, b))
}

// failPath reports a problem at the value of a path.
func (d *decoder) failPath(at, hint, format string, args ...any) {
	d.fail(at, d.places[at], hint, format, args...)
}

// checkSiteNames refuses names that differ only in case: they name files, and some file systems do not tell them apart.
func (d *decoder) checkSiteNames(cfg *Config) {
	seen := map[string]string{}
	for _, site := range d.sitesInFile(cfg) {
		folded := strings.ToLower(site.Name)
		if first, ok := seen[folded]; ok {
			at := member("sites", site.Name)
			d.fail(at, d.names[at], "rename one of the two", "the sites %q and %q differ only in case", first, site.Name)
			continue
		}
		seen[folded] = site.Name
	}
}

func (d *decoder) checkPools(cfg *Config) {
	var declared []string
	for name, pool := range cfg.Pools {
		if !pool.Own {
			declared = append(declared, name)
		}
	}
	for _, site := range d.sitesInFile(cfg) {
		for i, app := range site.Applications {
			at := member(applicationPath(site.Name, i), "pool")
			if cfg.Pools[app.Pool] != nil || d.failed[at] || d.failed["pools"] {
				continue
			}
			hint := "declare it under pools, or leave the key out for a pool of its own"
			if len(declared) > 0 {
				hint = didYouMean(app.Pool, declared, "the pools are ")
			}
			d.failPath(at, hint, "there is no pool %q", app.Pool)
		}
	}
}

// checkApplicationPaths refuses two applications with one path. Paths that differ only in case are refused too: clients would
// reach one or the other by accident.
func (d *decoder) checkApplicationPaths(cfg *Config) {
	for _, site := range cfg.Sites {
		seen := map[string]int{}
		for i, app := range site.Applications {
			at := applicationPath(site.Name, i)
			folded := strings.ToLower(app.Path)
			first, ok := seen[folded]
			switch {
			case d.failed[at] && app.Path == "", d.failed[member(at, "path")]:
			case ok:
				d.failPath(d.given(at, "path"), "give each application a path of its own, such as /api",
					"the path %q belongs to two applications of the site %q, first in line %d",
					app.Path, site.Name, d.places[d.given(applicationPath(site.Name, first), "path")].Line)
			default:
				seen[folded] = i
			}
		}
	}
}

// given returns the path of a key that stands in the file, or else of the object it is missing in.
func (d *decoder) given(at, key string) string {
	if _, ok := d.places[member(at, key)]; ok {
		return member(at, key)
	}
	return at
}

// firstBinding is a binding that was looked at before another one.
type firstBinding struct {
	binding Binding
	site    string
	at      string
}

// checkBindings refuses a binding that two sites have, or one site twice, and an address that would have to speak two
// protocols.
func (d *decoder) checkBindings(cfg *Config) {
	bound, speaks := map[string]firstBinding{}, map[string]firstBinding{}
	for _, site := range d.sitesInFile(cfg) {
		for i, b := range site.Bindings {
			at := bindingPath(site.Name, i)
			if d.failed[at] {
				continue
			}
			mine := firstBinding{b, site.Name, at}
			for _, socket := range b.sockets() {
				if other, ok := otherProtocol(speaks, b, socket); ok {
					d.failPath(at, "choose another port for one of the two",
						"%s is %s here and %s in the site %q, line %d", socket, b.Protocol, other.binding.Protocol, other.site, d.places[other.at].Line)
					break
				}
				if other, ok := bound[socket+" "+b.Host]; ok {
					d.failPath(at, "give one of the two another port, or a host name of its own", "%s is bound already, by %s in line %d",
						b, sameSite(site.Name, other.site), d.places[other.at].Line)
					break
				}
				bound[socket+" "+b.Host] = mine
				speaks[string(b.Protocol)+" "+socket] = mine
				speaks[string(b.Protocol)+" any:"+strconv.Itoa(b.Port)] = mine
			}
			if b.UnixPath() != "" && b.UnixPath() == cfg.Control.Socket {
				d.failPath(at, "choose another path", "%s is the socket of the lanner command", b.UnixPath())
			}
		}
	}
}

// otherProtocol finds a binding that needs the same socket as b, with the other protocol. One socket serves every address of a port
// together with single ones.
func otherProtocol(speaks map[string]firstBinding, b Binding, socket string) (other firstBinding, ok bool) {
	protocol := string(HTTPS) + " "
	if b.Protocol == HTTPS {
		protocol = string(HTTP) + " "
	}
	if other, ok = speaks[protocol+socket]; ok || b.UnixPath() != "" {
		return other, ok
	}
	port := ":" + strconv.Itoa(b.Port)
	if b.Address == "*" {
		other, ok = speaks[protocol+"any"+port]
	} else {
		other, ok = speaks[protocol+"*"+port]
	}
	return other, ok
}

func sameSite(name, other string) string {
	if name == other {
		return "the same site"
	}
	return fmt.Sprintf("the site %q", other)
}

// checkLogFiles refuses one output file for two applications: each would rotate it under the other's feet.
func (d *decoder) checkLogFiles(cfg *Config) {
	seen := map[string]string{}
	for _, site := range d.sitesInFile(cfg) {
		for i, app := range site.Applications {
			at := member(member(applicationPath(site.Name, i), "stdout"), "file")
			if _, ok := d.places[at]; !ok || d.failed[at] {
				continue
			}
			if first, ok := seen[app.Stdout.File]; ok {
				d.failPath(at, "choose another file", "%s is the output of another application too, in line %d", app.Stdout.File, d.places[first].Line)
				continue
			}
			seen[app.Stdout.File] = at
		}
	}
}

// keyOwners maps a key to the objects that have it, in words.
func keyOwners() map[string][]string {
	owners := map[string][]string{}
	add := func(a string, names []string) {
		for _, name := range names {
			owners[name] = append(owners[name], a)
		}
	}
	add(configObject.a, configObject.names())
	add(siteObject.a, siteObject.names())
	add(applicationObject.a, applicationObject.names())
	add(poolObject.a, poolObject.names())
	add(bindingObject.a, bindingObject.names())
	add(rapidFailObject.a, rapidFailObject.names())
	add(recyclingObject.a, recyclingObject.names())
	add(limitsObject.a, limitsObject.names())
	add(stdoutObject.a, stdoutObject.names())
	add(healthCheckObject.a, healthCheckObject.names())
	add(certificateObject.a, certificateObject.names())
	add(clientCertificateObject.a, clientCertificateObject.names())
	add(controlObject.a, controlObject.names())
	add(logObject.a, logObject.names())
	add(acmeObject.a, acmeObject.names())
	add(externalAccountObject.a, externalAccountObject.names())
	return owners
}
