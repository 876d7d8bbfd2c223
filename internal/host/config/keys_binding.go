package config

import (
	"strconv"

	yaml "go.yaml.in/yaml/v4"
)

var certificateObject = &object[Certificate]{
	name: "certificate",
	a:    "a certificate",
	doc:  "Files of a certificate, PEM encoded.",
	fields: []field[Certificate]{
		key("path", func(c *Certificate) *string { return &c.Path }, filePath("the path of a PEM file"),
			"The certificate and the chain up to its authority. Relative paths start from the folder of the configuration file.").need(),
		key("keyPath", func(c *Certificate) *string { return &c.KeyPath }, filePath("the path of a PEM file"),
			"The private key.").orElse("the same file as path", func(*decoder, *Certificate) {}),
	},
	check: func(_ *decoder, _ string, _ keys, c *Certificate) {
		if c.KeyPath == "" {
			c.KeyPath = c.Path
		}
	},
}

// hostCodec is the codec of a host name that may begin with a wildcard.
func hostCodec() codec[string] {
	return optionalWord{&word[string]{
		what: "a host name, or *. and a host name", example: "www.example.org",
		parse: parseHost, shape: orExpansion(schema{"type": "string", "pattern": `^(\*\.)?[A-Za-z0-9_][A-Za-z0-9_.-]*$`}),
	}}
}

func addressCodec() *word[string] {
	return &word[string]{
		what: `"*", localhost, an IP address or unix:/path`, example: "127.0.0.1",
		parse: parseAddress, shape: orExpansion(schema{"type": "string", "pattern": `^(\*|localhost|unix:/.*|[0-9a-fA-F:.%\[\]]+.*)$`}),
	}
}

var bindingObject = &object[Binding]{
	name: "binding",
	a:    "a binding",
	doc:  "One address, with or without a host name, on which a site answers. The short form is a URL: a name in it means every address for that host name, an address in it means every host name.",
	fields: []field[Binding]{
		key("protocol", func(b *Binding) *Protocol { return &b.Protocol },
			&enum[Protocol]{what: "a protocol", words: []string{"http", "https"}, values: []Protocol{HTTP, HTTPS}},
			"http, or https with a certificate.").or("http"),
		key("address", func(b *Binding) *string { return &b.Address }, addressCodec(),
			`The address to listen on: "*" for all, localhost for 127.0.0.1 and ::1, an IP address, or unix: and the absolute path of a socket.`).or("*"),
		key("port", func(b *Binding) *int { return &b.Port }, port(),
			"The port. 0 lets the system choose one. A unix socket has none.").orElse("80 for http, 443 for https", func(*decoder, *Binding) {}),
		key("host", func(b *Binding) *string { return &b.Host }, hostCodec(),
			"The host name to answer for; *.example.org answers for every name below example.org. Left out: every host name."),
		key("certificate", func(b *Binding) **Certificate { return &b.Certificate }, pointer[Certificate]{certificateObject},
			"The certificate, for https."),
	},
	check: checkBinding,
}

// checkBinding holds the parts of a binding against each other, and chooses the port.
func checkBinding(d *decoder, at string, k keys, b *Binding) {
	if !k.usable("protocol", "address", "port") {
		return
	}
	unix := b.UnixPath() != ""
	if unix && k.ok("port") {
		d.fail(member(at, "port"), k.value["port"], `remove "port"`, "a unix socket has no port")
	}
	if !unix && k.value["port"] == nil {
		b.Port = defaultPort(b.Protocol)
	}
	n := k.node
	if value := k.value["protocol"]; value != nil {
		n = value
	}
	if k.usable("certificate") {
		d.checkTLS(at, n, *b, b.Certificate != nil)
	}
}

// portCodec leaves the port out where it is that of a unix socket.
type portCodec struct{ *word[int] }

func port() codec[int] { return portCodec{integer[int](0, 65535, "")} }

func (p portCodec) show(s *shower, at string, port int) *yaml.Node {
	if s.unix {
		return nil
	}
	return s.scalar(at, strconv.Itoa(port), false, false)
}

// optionalWord leaves a text out when it is empty.
type optionalWord struct{ *word[string] }

func (o optionalWord) show(s *shower, at string, text string) *yaml.Node {
	if text == "" {
		return nil
	}
	return o.word.show(s, at, text)
}
