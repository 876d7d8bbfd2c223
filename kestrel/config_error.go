package kestrel

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lannerhq/lanner/internal/editdistance"
)

// ConfigError is a mistake in a configuration file or in the environment.
type ConfigError struct {
	// Source is the file, or "environment variable NAME".
	Source string
	// Line and Column count from 1, columns in characters; 0 where there are none.
	Line, Column int
	// Option is the place among the options, such as Limits.KeepAliveTimeout. Empty for the whole.
	Option  string
	Message string
	// Hint is the way out. Empty when the message says it already.
	Hint string
}

// Error returns the mistake as a compiler would print it.
func (e *ConfigError) Error() string {
	text := place{e.Source, e.Line, e.Column}.String() + ": " + e.Message
	if e.Hint != "" {
		text += "; " + e.Hint
	}
	return text
}

// place is where a value comes from.
type place struct {
	source       string
	line, column int
}

func (p place) String() string {
	if p.line == 0 {
		return p.source
	}
	return fmt.Sprintf("%s:%d:%d", p.source, p.line, p.column)
}

func (p place) error(option, hint, format string, args ...any) *ConfigError {
	return &ConfigError{p.source, p.line, p.column, option, fmt.Sprintf(format, args...), hint}
}

// optionError is a mistake in one option, by whatever way it came in.
type optionError struct {
	path string
	err  error
}

func (e *optionError) Error() string { return e.err.Error() }
func (e *optionError) Unwrap() error { return e.err }

// otherNames are what Kestrel has and Lanner writes otherwise; they are explained, not accepted.
var otherNames = map[string]string{
	"addserverheader":            `write "ServerHeader" with the text to send, or leave it out to send none`,
	"allowsynchronousio":         "remove it: handlers may always block",
	"allowhostheaderoverride":    `write "HostHeaderOverride" under "Compat"`,
	"subject":                    "remove it: the certificate stores of Windows are not read; export the certificate to a PKCS#12 (PFX) file and name that by \"Path\"",
	"store":                      "remove it: see \"Subject\"; export the certificate to a PKCS#12 (PFX) file and name that by \"Path\"",
	"location":                   "remove it: the certificate stores of Windows are not read",
	"allowinvalid":               "remove it: a certificate that clients refuse is always an error",
	"development":                "name the files of a certificate for development by \"Default\"",
	"checkcertificaterevocation": "remove it: revocation of certificates of clients is for TLS.VerifyConnection in code",
	"disablestringreuse":         "remove it: no text outlives its request",
}

// meant is the hint for a key that is none of names: what it is called here, the nearest name, where it belongs, or all.
func meant(key string, names []string) string {
	if hint := otherNames[strings.ToLower(key)]; hint != "" {
		return hint
	}
	if name := editdistance.Nearest(key, names); name != "" {
		return fmt.Sprintf("did you mean %q?", name)
	}
	for path := range leaves() {
		if dot := strings.LastIndexByte(path, '.'); dot > 0 && strings.EqualFold(path[dot+1:], key) {
			return fmt.Sprintf("it belongs under %q", path[:dot])
		}
	}
	sorted := slices.Clone(names)
	slices.Sort(sorted)
	return "there is " + strings.Join(sorted, ", ")
}
