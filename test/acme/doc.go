// Package acme tests package acme of Lanner against Pebble, the ACME server that the makers of Let's Encrypt test clients with, in the
// process of the test. It is a module of its own, so that Pebble is in no module graph but this one.
package acme
