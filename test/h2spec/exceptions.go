package main

// exceptions are the cases that fail on Lanner, by their names as in the summary, and why that is right: the rule in RFC 9113 or
// in Kestrel's behaviour that differs from RFC 7540, which the suite tests.
var exceptions = map[string]string{}
