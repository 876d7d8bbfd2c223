// Package devcert keeps a certificate for https://localhost that the browsers of this computer can be told to trust: a small
// authority of the user's own, and a certificate by it.
//
// Ensure returns the certificate, and makes or renews it first when that is needed. Trust and Clean change what the computer trusts, and
// only they do. The files are in the folder lanner/dev-certs of [os.UserConfigDir], which is the user's alone (0700):
//
//	root.pem        the authority's certificate, which clients are given (curl --cacert)
//	root.key        its key, 0600
//	localhost.pem   the server's certificate
//	localhost.key   its key, 0600
//	lock            held by whoever changes one of these
//	retired-*.pem   certificates of former authorities that Clean and Trust have yet to remove from where they are trusted
//
// # The authority keeps its key
//
// The key could be dropped once the certificate is signed: then nobody could sign another, but the certificate, which ends after 397 days
// at most, could not be renewed without asking the user for trust again. It is kept, because dropping it would protect nothing. The
// authority is constrained (RFC 5280, section 4.2.1.10, critical) to the name localhost and what is below it, and to loopback addresses,
// for TLS servers only. Whoever can read root.key can read localhost.key beside it, and has with that all that root.key could give them.
//
// RFC 5280 (section 6.2) lets clients ignore what an anchor of trust says of itself. OpenSSL, NSS, Chromium (since version 112) and
// crypto/x509 do not ignore it; the tests of this package and test/e2e try each. What remains is a client that does ignore it and was
// told to trust the authority: it would be deceived, for any name, by a thief of root.key.
//
// # Renewal
//
// The certificate is renewed 30 days before its end, and when it is not of the present authority or lacks a name; its key stays, so that
// one rename replaces it and no server ever reads a certificate without its key. The authority is replaced 30 days before its own
// end, after five years, and when its files are damaged; then trust has to be given anew.
package devcert
