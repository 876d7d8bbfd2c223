package main

// exceptions are the cases that fail on Lanner, by their names as in the summary, and why that is right: the rule in RFC 9113 or
// in Kestrel's behaviour that differs from RFC 7540, which the suite tests.
var exceptions = map[string]struct {
	why       string
	cleartext bool // it fails there alone
}{
	"http2/3.5/2": {"a port that also speaks HTTP/1.1 answers a preface that is none with 400 of HTTP/1.1, and closes", true},
}

// expected are the exceptions for a connection, and why.
func expected(encrypted bool) map[string]string {
	whys := map[string]string{}
	for id, e := range exceptions {
		if !e.cleartext || !encrypted {
			whys[id] = e.why
		}
	}
	return whys
}
