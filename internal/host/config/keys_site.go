package config

import (
	"math"
	"time"
)

var limitsObject = &object[Limits]{
	name: "limits",
	a:    "the limits of a site",
	doc:  "What a client may send, and how slowly.",
	fields: []field[Limits]{
		key("maxRequestBodySize", func(l *Limits) *int64 { return &l.MaxRequestBodySize }, size(1, "unlimited"),
			"The largest request body; a larger one is answered 413.").or("30000000"),
		key("maxRequestLineSize", func(l *Limits) *int64 { return &l.MaxRequestLineSize }, size(256, ""),
			"The longest request line; a longer one is answered 414.").or("8KiB"),
		key("maxRequestHeadersTotalSize", func(l *Limits) *int64 { return &l.MaxRequestHeadersTotalSize }, size(256, ""),
			"The largest size of all header fields together; more is answered 431.").or("32KiB"),
		key("maxRequestHeaderCount", func(l *Limits) *int { return &l.MaxRequestHeaderCount }, integer[int](1, 100_000, ""),
			"The largest number of header fields; more are answered 431.").or("100"),
		key("maxConnections", func(l *Limits) *int { return &l.MaxConnections }, integer[int](1, math.MaxInt32, "unlimited"),
			"The largest number of open connections; more are closed at once.").or("unlimited"),
		key("keepAliveTimeout", func(l *Limits) *time.Duration { return &l.KeepAliveTimeout }, duration(24*time.Hour, ""),
			"Closes a connection that has had no request for this long.").or("130s"),
		key("requestHeadersTimeout", func(l *Limits) *time.Duration { return &l.RequestHeadersTimeout }, duration(time.Hour, ""),
			"The time from the first octet of a request to the end of its header fields; later is answered 408.").or("30s"),
		key("minRequestBodyDataRate", func(l *Limits) *int { return &l.MinRequestBodyDataRate }, integer[int](1, math.MaxInt32, "off"),
			"The lowest rate of a request body in octets a second, after 5s of grace; slower is answered 408.").or("240"),
		key("minResponseDataRate", func(l *Limits) *int { return &l.MinResponseDataRate }, integer[int](1, math.MaxInt32, "off"),
			"The lowest rate at which a client takes a response in octets a second, after 5s of grace; a slower one is cut off.").or("240"),
	},
}

var siteObject = &object[Site]{
	name: "site",
	a:    "a site",
	doc:  "What answers under a set of bindings: applications by path.",
	fields: []field[Site]{
		key("bindings", func(s *Site) *[]Binding { return &s.Bindings },
			&list[Binding]{what: "a list of bindings, such as [http://127.0.0.1:8080]", item: bindingCodec{}, some: true},
			"The addresses and host names the site answers on.").need(),
		key("applications", func(s *Site) *[]Application { return &s.Applications },
			&list[Application]{what: "a list of applications, such as [{hosting: inprocess, command: ./server}]", item: applicationObject, some: true},
			"The programs of the site, by path.").need(),
		key("autoStart", func(s *Site) *bool { return &s.AutoStart }, boolean(),
			"Starts the site with the host.").or("true"),
		key("limits", func(s *Site) *Limits { return &s.Limits }, limitsObject,
			"What a client may send, and how slowly."),
	},
}
