package kestrel

import (
	"errors"
	"maps"
	"slices"
	"strings"
)

// ParseOptions reads options from a JSON document, which may have comments and commas that nothing follows. They are in
// its section "Kestrel", by the names of the fields in any case; other sections are other programs'. name is for
// messages. The error has every mistake with its line and column, each a *ConfigError. See docs/reference/kestrel-options.md.
func ParseOptions(name string, data []byte) (Options, error) {
	var c Configuration
	c.AddFile(name, data)
	return c.Options()
}

// BindEnvironment changes o by variables, in the form of os.Environ, such as Kestrel__Limits__MaxRequestBodySize=1000 and
// LANNER_KESTREL__LIMITS__MAXREQUESTBODYSIZE=1000. On a mistake o stays as it is; the error has all of them.
func (o *Options) BindEnvironment(environ []string) error {
	c := Configuration{opts: *o}
	c.AddEnvironment(environ)
	opts, err := c.Options()
	if err == nil {
		*o = opts
	}
	return err
}

// Configuration builds Options from layers: each wins over those that were added before it. It remembers where every
// value comes from, and every mistake. The zero value has the defaults. It is not safe for concurrent use.
type Configuration struct {
	opts    Options
	origins map[string]place // by path, such as Limits.KeepAliveTimeout
	errs    []error

	elsewhere bool // the endpoints are not for the options to say: none means none
}

// AddFile adds a document as ParseOptions reads it.
func (c *Configuration) AddFile(name string, data []byte) {
	root, err := readFile(name, data)
	if err != nil {
		c.errs = append(c.errs, err)
		return
	}
	c.bind(root)
}

// AddEnvironment adds variables as BindEnvironment reads them.
func (c *Configuration) AddEnvironment(environ []string) {
	root, errs := readEnvironment(environ)
	c.errs = append(c.errs, errs...)
	c.bind(root)
}

// AddCode adds what a program sets: every field of opts that is not zero. Endpoints are added to those that are there;
// one whose name is there already changes it.
func (c *Configuration) AddCode(opts Options) { c.overlay(opts, place{source: "code"}) }

// SetEndpoints replaces all endpoints by those that origin names, such as "--urls". None means that connections come from
// elsewhere.
func (c *Configuration) SetEndpoints(origin string, endpoints []Endpoint) {
	maps.DeleteFunc(c.origins, func(path string, _ place) bool { return strings.HasPrefix(path, "Endpoints.") })
	c.opts.Endpoints, c.elsewhere = nil, true
	c.overlay(Options{Endpoints: endpoints}, place{source: origin})
}

// Options returns what the layers amount to, or an error with every mistake in them. Those of Validate say where the
// value comes from.
func (c *Configuration) Options() (Options, error) {
	errs := slices.Clone(c.errs)
	for _, err := range c.opts.mistakes() {
		if at, ok := c.placeOf(err.path); ok {
			errs = append(errs, &ConfigError{at.source, at.line, at.column, err.path, err.Error(), ""})
		} else {
			errs = append(errs, err)
		}
	}
	if len(errs) > 0 {
		return Options{}, errors.Join(errs...)
	}
	opts := c.opts
	opts.Endpoints = slices.Clone(opts.Endpoints)
	return opts, nil
}

// placeOf says where a value, or else the nearest thing around it, was set.
func (c *Configuration) placeOf(path string) (place, bool) {
	for path != "" {
		if at, ok := c.origins[path]; ok {
			return at, true
		}
		path = path[:max(0, strings.LastIndexByte(path, '.'))]
	}
	return place{}, false
}

func (c *Configuration) bind(root *node) {
	if c.origins == nil {
		c.origins = make(map[string]place)
	}
	c.opts.Endpoints = slices.Clone(c.opts.Endpoints)
	b := binder{c: c}
	b.root(root)
	c.opts.Limits.MinRequestBodyDataRate = completed(c.opts.Limits.MinRequestBodyDataRate)
	c.opts.Limits.MinResponseDataRate = completed(c.opts.Limits.MinResponseDataRate)
}
