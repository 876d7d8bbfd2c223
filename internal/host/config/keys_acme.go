package config

import (
	"net/url"
	"path/filepath"
	"slices"
	"strings"
)

var acmeObject = &object[ACME]{
	name: "acme",
	a:    "the certificate authority",
	doc:  "The authority of the bindings with `certificate: {acme: true}`, and how it validates their names. See [automatic certificates](../howto/host-certificates.md).",
	fields: []field[ACME]{
		key("agreeToTerms", func(a *ACME) *bool { return &a.AgreeToTerms }, boolean(),
			"Whether you agree to the terms of service of the authority, to which its directory has a link. Nothing is ordered without it.").or("false"),
		key("email", func(a *ACME) *string { return &a.Email }, emailAddress(),
			"Where the authority may write to."),
		key("directory", func(a *ACME) *string { return &a.Directory }, directoryURL(),
			"The URL of the authority's directory. http is for authorities on this machine or a private network.").or(letsEncrypt),
		key("roots", func(a *ACME) *string { return &a.Roots }, optionalPath("the path of a PEM file"),
			"The authorities that the certificate of the directory itself may be of, for an authority of your own. Left out: those of the system."),
		key("externalAccount", func(a *ACME) **ExternalAccount { return &a.ExternalAccount }, pointer[ExternalAccount]{externalAccountObject},
			"The account that you have at the authority, where it wants one."),
		key("profile", func(a *ACME) *string { return &a.Profile }, profile(),
			"One of the profiles in the directory, such as shortlived at Let's Encrypt. Left out: as the authority likes."),
		key("folder", func(a *ACME) *string { return &a.Folder }, filePath("the path of a folder"),
			"The folder for accounts, certificates and keys. Its owner alone may enter it. Several hosts may share it.").
			orElse("acme in the folder of `state`", func(*decoder, *ACME) {}),
		key("challenges", func(a *ACME) *[]Challenge { return &a.Challenges }, challenges(),
			"How the authority may validate names: http-01 by a request to port 80, tls-alpn-01 by a handshake with port 443. The one that works is found out.").
			orElse("[http-01, tls-alpn-01]", func(_ *decoder, a *ACME) { a.Challenges = []Challenge{HTTP01, TLSALPN01} }),
		key("httpPort", func(a *ACME) *int { return &a.HTTPPort }, integer[int](1, 65535, ""),
			"The port of this machine at which requests to port 80 arrive. Where no binding has it, it is opened for the time of a validation.").or("80"),
		key("tlsPort", func(a *ACME) *int { return &a.TLSPort }, integer[int](1, 65535, ""),
			"The same for port 443.").or("443"),
	},
}

var externalAccountObject = &object[ExternalAccount]{
	name: "externalAccount",
	a:    "an account at the authority",
	doc:  "What the authority has given out for an account there (RFC 8555 section 7.3.4).",
	fields: []field[ExternalAccount]{
		key("keyId", func(e *ExternalAccount) *string { return &e.KeyID }, keyID(), "The identifier of the key.").need(),
		key("macKey", func(e *ExternalAccount) *string { return &e.MACKey }, macKey(),
			"The key, in base64url. Write ${env:NAME} or ${file:PATH} to keep it elsewhere.").need(),
	},
}

func challenges() codec[[]Challenge] {
	return &list[Challenge]{what: "a list of challenges", some: true,
		item: &enum[Challenge]{what: "a challenge", words: []string{"http-01", "tls-alpn-01"}, values: []Challenge{HTTP01, TLSALPN01}}}
}

func profile() codec[string] {
	return optionalWord{text("the name of a certificate profile", "shortlived", "", nil)}
}

func keyID() codec[string] { return text("the identifier of a key", "kid-1", "", notEmpty) }

func macKey() codec[string] {
	w := text("a key in base64url", "", "", notEmpty)
	w.private = true
	return w
}

func notEmpty(text string) *complaint {
	if text == "" {
		return &complaint{"is empty", "write what the authority has given out"}
	}
	return nil
}

func emailAddress() codec[string] {
	return optionalWord{text("an e-mail address", "ops@example.org", "", checkEmail)}
}

func checkEmail(text string) *complaint {
	name, host, ok := strings.Cut(text, "@")
	if !ok || name == "" || host == "" || strings.ContainsAny(text, " \t\r\n<>") {
		return &complaint{"is not an e-mail address", "write an address alone, such as ops@example.org"}
	}
	return nil
}

func directoryURL() codec[string] {
	return text("the URL of an ACME directory", letsEncrypt, `^https?://`, func(text string) *complaint {
		u, err := url.Parse(text)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
			return &complaint{"is not the URL of a directory", "write a URL such as " + letsEncrypt}
		}
		return nil
	})
}

// checkACME demands the agreement where a binding has an automatic certificate, and fills in the folder.
func (d *decoder) checkACME(cfg *Config) {
	if cfg.ACME.Folder == "" {
		cfg.ACME.Folder = filepath.Join(cfg.State, "acme")
	}
	if cfg.ACME.AgreeToTerms || d.failed["acme"] {
		return
	}
	for _, site := range d.sitesInFile(cfg) {
		i := slices.IndexFunc(site.Bindings, func(b Binding) bool { return b.Certificate != nil && b.Certificate.ACME })
		if i < 0 || d.failed[bindingPath(site.Name, i)] {
			continue
		}
		hint := "read the terms of service of the authority, and write acme: {agreeToTerms: true, email: you@example.org} at the top level"
		if at := "acme.agreeToTerms"; d.places[at] != nil {
			d.failPath(at, hint, "there are automatic certificates, and it is not agreed to the terms of service of %s", cfg.ACME.Directory)
		} else {
			d.failPath(d.given(member(bindingPath(site.Name, i), "certificate"), "acme"), hint, "an automatic certificate needs your agreement to the terms of service of %s", cfg.ACME.Directory)
		}
		return
	}
}
