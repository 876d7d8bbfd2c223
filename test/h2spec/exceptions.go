package main

// exceptions are the cases that fail on Lanner, by their names as in the summary, and why that is right: the rule in RFC 9113 or
// in Kestrel's behaviour that differs from RFC 7540, which the suite tests. There are none. A port that speaks HTTP/1.1 as well fails
// http2/3.5/2, by answering what is not the preface with 400: the suite is for endpoints of HTTP/2 alone, or TLS.
var exceptions = map[string]string{}
