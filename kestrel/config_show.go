package kestrel

import (
	"encoding/json"
	"io"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/lannerhq/lanner/internal/httpconn"
	"github.com/lannerhq/lanner/server"
)

// overlay sets every field of opts that is not zero.
func (c *Configuration) overlay(opts Options, from place) {
	if c.origins == nil {
		c.origins = make(map[string]place)
	}
	endpoints := slices.Clone(c.opts.Endpoints)
	before := len(endpoints) // names are looked for among those: systemd gives one to several sockets
	for _, e := range opts.Endpoints {
		i := -1
		if e.Name != "" {
			i = endpointNamed(endpoints[:before], e.Name)
		}
		if i < 0 {
			i = len(endpoints)
			endpoints = append(endpoints, Endpoint{Name: e.Name, URL: e.URL, Listener: e.Listener})
		}
		e.Name = endpoints[i].Name // case does not count
		c.over(reflect.ValueOf(&endpoints[i]).Elem(), reflect.ValueOf(e), endpointPath(endpoints[i]), from)
	}
	opts.Endpoints = nil
	c.over(reflect.ValueOf(&c.opts).Elem(), reflect.ValueOf(opts), "", from)
	c.opts.Endpoints = endpoints
}

// over copies fields that are not zero.
func (c *Configuration) over(to, v reflect.Value, path string, from place) {
	for i := range v.NumField() {
		f := v.Field(i)
		if f.IsZero() || !v.Type().Field(i).IsExported() {
			continue
		}
		at := join(path, keyName(v.Type().Field(i).Name))
		if f.Kind() == reflect.Struct && f.Type() != rateType {
			c.over(to.Field(i), f, at, from)
			continue
		}
		to.Field(i).Set(f)
		if f.Type() == rateType {
			c.origins[at+".BytesPerSecond"], c.origins[at+".Grace"] = from, from
		}
		c.origins[at] = from
	}
}

// effective returns the options with the defaults filled in.
func (c *Configuration) effective() Options {
	full := Configuration{opts: defaults()}
	full.overlay(c.opts, place{})
	opts := full.opts
	for i := range opts.Endpoints {
		e := &opts.Endpoints[i]
		switch {
		case e.Listener != nil:
			e.URL = e.listenerURL()
		case e.UnixMode == 0 && strings.Contains(e.URL, "//unix:"):
			e.UnixMode = defaultUnixMode
		}
		if e.HandshakeTimeout == 0 && (e.encrypted() || strings.HasPrefix(e.URL, "https:")) {
			e.HandshakeTimeout = httpconn.DefaultHandshakeTimeout
		}
	}
	if len(opts.Endpoints) == 0 && !c.elsewhere {
		opts.Endpoints = []Endpoint{{URL: defaultURL}}
	}
	return opts
}

// WriteJSON writes the options as they take effect, with the defaults filled in, as a document that AddFile reads, and
// beside them the origin of each value: its file, line and column, its variable, "code", "default", or what SetEndpoints
// was told.
func (c *Configuration) WriteJSON(w io.Writer) error {
	opts := c.effective()
	var s shown
	s.object(func() {
		s.key(section)
		s.object(func() { s.fields(c, reflect.ValueOf(opts), "") })
		s.key("Origins")
		s.object(func() {
			for _, o := range s.origins {
				s.key(o[0])
				s.scalar(o[1])
			}
		})
	})
	s.b.WriteByte('\n')
	_, err := io.WriteString(w, s.b.String())
	return err
}

// shown writes JSON, with its objects in the order of the fields.
type shown struct {
	b       strings.Builder
	indent  string
	first   bool
	origins [][2]string
}

func (s *shown) object(members func()) {
	outer := s.indent
	s.b.WriteByte('{')
	s.indent, s.first = outer+"  ", true
	members()
	s.indent = outer
	if !s.first {
		s.b.WriteString("\n" + s.indent)
	}
	s.b.WriteByte('}')
	s.first = false
}

func (s *shown) key(name string) {
	if !s.first {
		s.b.WriteByte(',')
	}
	s.first = false
	s.b.WriteString("\n" + s.indent)
	s.scalar(name)
	s.b.WriteString(": ")
}

func (s *shown) scalar(v any) {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		b.Reset()
		b.WriteString("null")
	}
	s.b.WriteString(strings.TrimSuffix(b.String(), "\n"))
}

func (s *shown) fields(c *Configuration, v reflect.Value, path string) {
	for _, k := range keysOf(v.Type()) {
		f, at := v.Field(k.index), join(path, k.name)
		if f.IsZero() && shownWhenSet(f, k.name) {
			continue
		}
		if f.Kind() == reflect.Pointer {
			f = f.Elem()
		}
		s.key(k.name)
		rate, isRate := f.Interface().(server.DataRate)
		switch {
		case f.Type() == endpointsType:
			s.object(func() { s.endpoints(c, f.Interface().([]Endpoint)) })
		case isRate && rate.BytesPerSecond <= 0:
			s.scalar(nil)
			s.origin(c, at)
		case f.Kind() == reflect.Map:
			s.object(func() {
				for _, key := range slices.SortedFunc(maps.Keys(f.Interface().(map[string]SNIOptions)), strings.Compare) {
					s.key(key)
					s.object(func() { s.fields(c, f.MapIndex(reflect.ValueOf(key)), join(at, key)) })
				}
			})
		case f.Kind() == reflect.Struct:
			s.object(func() { s.fields(c, f, at) })
		default:
			s.scalar(written(f, rowOf(at)))
			s.origin(c, at)
		}
	}
}

// shownWhenSet reports whether an option is left out while it has no value: a mode is for unix sockets alone, what is of TLS for https.
func shownWhenSet(f reflect.Value, key string) bool {
	switch f.Type() {
	case modeType, durationType, certificateType, certificatesType, clientModeType:
		return true
	}
	switch f.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Slice:
		return f.Type() != endpointsType
	}
	return key == "ClientCertificateAuthorities"
}

func (s *shown) endpoints(c *Configuration, list []Endpoint) {
	seen := make(map[string]int)
	for _, e := range list {
		path := endpointPath(e)
		name := strings.TrimPrefix(path, "Endpoints.")
		if seen[strings.ToLower(name)]++; seen[strings.ToLower(name)] > 1 {
			name += " #" + strconv.Itoa(seen[strings.ToLower(name)])
		}
		s.key(name)
		s.object(func() { s.fields(c, reflect.ValueOf(e), path) })
	}
}

// origin notes where a value comes from.
func (s *shown) origin(c *Configuration, path string) {
	from := "default"
	if at, ok := c.origins[path]; ok {
		from = at.String()
	}
	s.origins = append(s.origins, [2]string{path, from})
}
