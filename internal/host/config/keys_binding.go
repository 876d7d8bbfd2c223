package config

import (
	"strconv"
	"strings"

	yaml "go.yaml.in/yaml/v4"
)

var certificateObject = &object[Certificate]{
	name: "certificate",
	a:    "a certificate",
	doc:  "Files of a certificate, PEM or PKCS#12 (PFX), or an authority that issues it. Files are watched: what they hold is shown without a reload. One that clients would refuse is an error of the configuration when it is loaded by the host.",
	fields: []field[Certificate]{
		key("acme", func(c *Certificate) *bool { return &c.ACME }, boolean(),
			"Whether the authority of [acme](#acme) issues a certificate for the host of the binding, and renews it. There are no files to name then.").or("false"),
		key("path", func(c *Certificate) *string { return &c.Path }, optionalPath("the path of a PEM or PFX file"),
			"The certificate and the chain up to its authority. Relative paths start from the folder of the configuration file."),
		key("keyPath", func(c *Certificate) *string { return &c.KeyPath }, optionalPath("the path of a PEM file"),
			"The private key. Only its owner may be able to read it.").orElse("the same file as path", func(*decoder, *Certificate) {}),
		key("password", func(c *Certificate) *string { return &c.Password }, secretText(),
			"The password of PFX files. Write ${env:NAME} or ${file:PATH} to keep it elsewhere."),
		key("directory", func(c *Certificate) *string { return &c.Directory }, optionalPath("the path of a folder"),
			"A folder of certificates, each for the names that it is made for: NAME.pem or NAME.crt with NAME.key, NAME.pfx, and folders with fullchain.pem and privkey.pem, as certbot keeps them. New ones are noticed. For other names there is path."),
	},
	check: checkCertificate,
}

// checkCertificate holds the places of a certificate against each other.
func checkCertificate(d *decoder, at string, k keys, c *Certificate) {
	switch {
	case !k.usable("acme", "path", "keyPath", "password", "directory"):
	case c.ACME:
		for _, other := range []string{"path", "keyPath", "password", "directory"} {
			if k.ok(other) {
				d.fail(member(at, other), k.value[other], "remove it, or remove acme", "a certificate that is issued automatically has no %q", other)
			}
		}
	case c.Path == "" && c.Directory == "" && !k.meant["path"] && !k.meant["directory"] && !k.meant["acme"]:
		d.fail(at, k.node, `add "path", a PEM or PFX file, or "directory", a folder of certificates, or acme: true`, "a certificate without a file")
	case c.Path == "" && c.KeyPath != "":
		d.fail(member(at, "keyPath"), k.value["keyPath"], `add "path", the certificate of this key, or remove keyPath`, "a key without its certificate")
	case c.KeyPath == "":
		c.KeyPath = c.Path
	}
}

var clientCertificateObject = &object[ClientCertificate]{
	name: "clientCertificate",
	a:    "what is asked of clients",
	doc:  "Whether clients must show a certificate, and which.",
	fields: []field[ClientCertificate]{
		key("mode", func(c *ClientCertificate) *ClientCertificateMode { return &c.Mode },
			&enum[ClientCertificateMode]{what: "a mode", words: []string{"none", "optional", "required"},
				values: []ClientCertificateMode{ClientCertificateNone, ClientCertificateOptional, ClientCertificateRequired}},
			"none does not ask; optional serves clients without a certificate, too; required serves no others. A certificate that is not of the authorities is refused in the handshake.").or("none"),
		key("authorities", func(c *ClientCertificate) *string { return &c.Authorities }, optionalPath("the path of a PEM file"),
			"The authorities that client certificates may be of."),
	},
	check: func(d *decoder, at string, k keys, c *ClientCertificate) {
		switch {
		case !k.usable("mode", "authorities"):
		case c.Mode != ClientCertificateNone && c.Authorities == "":
			d.fail(at, k.node, `add "authorities", a PEM file`, "client certificates are asked for, but which authorities they may be of is not said")
		case c.Mode == ClientCertificateNone && c.Authorities != "":
			d.fail(at, k.node, "write mode: required or mode: optional, or remove the authorities", "authorities of clients that are asked for no certificate")
		}
	},
}

// optionalPathCodec leaves a path out when it is empty.
type optionalPathCodec struct{ *pathCodec }

func optionalPath(what string) codec[string] { return optionalPathCodec{newPathCodec(what)} }

func (o optionalPathCodec) show(s *shower, at string, path string) *yaml.Node {
	if path == "" {
		return nil
	}
	return o.word.show(s, at, path)
}

// secretText is the codec of a text that may be left out; what of it was put in by ${...} is shown as the file has it.
func secretText() codec[string] { return optionalWord{looseText("the password of PFX files")} }

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
			"The certificate, for https.").orElse("on a loopback address the one of \"lanner dev-certs https\"", func(*decoder, *Binding) {}),
		key("clientCertificate", func(b *Binding) **ClientCertificate { return &b.ClientCertificate }, pointer[ClientCertificate]{clientCertificateObject},
			"Whether clients must show a certificate, for https. Left out: they are not asked."),
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
	if k.usable("certificate", "clientCertificate") && d.checkTLS(at, n, *b) && b.Certificate != nil && b.Certificate.ACME && k.usable("host") {
		d.checkAutomatic(at, *b)
	}
}

// checkAutomatic reports a binding whose name cannot be validated.
func (d *decoder) checkAutomatic(at string, b Binding) {
	acme := member(member(at, "certificate"), "acme")
	switch {
	case b.Host == "":
		d.failPath(acme, "add \"host\" to the binding, such as host: www.example.org; write a binding for each name", "an automatic certificate needs the name that it is for")
	case strings.HasPrefix(b.Host, "*."):
		d.failPath(acme, "write a binding for each name, or get the wildcard's certificate elsewhere and name its files", "the wildcard %s cannot be validated by http-01 or tls-alpn-01", b.Host)
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
