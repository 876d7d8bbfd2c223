package config

import (
	"fmt"

	yaml "go.yaml.in/yaml/v4"
)

// bindingCodec reads the two forms of a binding: a URL, or a mapping for what no URL can say.
type bindingCodec struct{}

const bindingForm = "a binding, such as http://127.0.0.1:8080 or {protocol: http, address: 127.0.0.1, port: 8080, host: www.example.org}"

func (bindingCodec) expects() string { return bindingForm }

func (bindingCodec) read(d *decoder, at string, n *yaml.Node) (Binding, bool) {
	if n.Kind == yaml.MappingNode {
		return bindingObject.read(d, at, n)
	}
	if n.Kind != yaml.ScalarNode {
		d.wrongKind(at, n, "a binding", "write a URL such as http://127.0.0.1:8080, or its parts as a mapping")
		return Binding{}, false
	}
	text, ok := d.scalar(at, n, "a binding", "http://127.0.0.1:8080")
	if !ok {
		return Binding{}, false
	}
	b, wrong, token := parseBindingURL(text)
	if wrong != nil {
		if d.expanded(at) {
			token, wrong.hint = "", "it must be a binding, such as http://127.0.0.1:8080"
		}
		d.failToken(at, n, token, wrong.hint, "%s %s", d.quote(at, n), wrong.problem)
		return Binding{}, false
	}
	if !d.checkTLS(at, n, b) {
		return Binding{}, false
	}
	return b, true
}

func (bindingCodec) show(s *shower, at string, b Binding) *yaml.Node {
	if url, ok := b.url(); ok && b.Certificate == nil && b.ClientCertificate == nil {
		return s.scalar(at, url, false, true)
	}
	s.unix = b.UnixPath() != ""
	return bindingObject.show(s, at, b)
}

func (bindingCodec) schema(g definitions) schema {
	url := orExpansion(schema{"type": "string", "pattern": `^https?://[^/?#@\s]+/?$|^https?://unix:/`})
	return schema{"anyOf": []schema{url, bindingObject.schema(g)}}
}

// checkTLS reports a binding that cannot work.
func (d *decoder) checkTLS(at string, n *yaml.Node, b Binding) bool {
	switch {
	case b.Protocol == HTTPS && b.Certificate == nil && !b.onlyThisComputer():
		d.fail(at, n, fmt.Sprintf("write {protocol: https, address: %q, port: %d, certificate: {path: cert.pem, keyPath: key.pem}}; only on a loopback address, for localhost, is there one for development", b.Address, b.Port),
			"https without a certificate")
	case b.Protocol == HTTP && b.Certificate != nil:
		d.fail(at, n, "write protocol: https, or remove the certificate", "a certificate belongs to https only")
	case b.Protocol == HTTP && b.ClientCertificate != nil:
		d.fail(at, n, "write protocol: https, or remove clientCertificate", "only https asks clients for a certificate")
	default:
		return true
	}
	return false
}
