package acme

// The events of this package; docs/reference/acme.md has them, too. What certmagic logs is beside them, one level lower than certmagic
// has it.
const (
	// Info: a certificate from storage is served; nothing was ordered. Keys: name, directory, expires.
	eventLoaded = "a certificate was found in storage"
	// Info: the authority has issued a certificate, and it is served. Keys: name, directory, expires, renewal.
	eventIssued = "a certificate was issued"
	// Warning, or Error when there is no valid certificate to serve meanwhile: an order failed. Keys: name, error, attempt, retry.
	eventFailed = "a certificate could not be had"
	// Info: a certificate was revoked, and another is ordered. Keys: name, directory, reason.
	eventRevoked = "a certificate was revoked"
	// Warning: the authority's OCSP says that a certificate was revoked, not by this manager; another is ordered. Keys: name.
	eventFoundRevoked = "a certificate was revoked by its authority"
	// Debug: a client wants a name that the policy refuses. Keys: name, error.
	eventRefused = "no certificate is ordered for a name that a client asks for"
	// Info: the policy does not let a certificate be renewed; it is served no longer. Keys: name, error.
	eventDropped = "a certificate is no longer wanted"
	// Warning: what another authority has issued before cannot be deleted from storage. Keys: name, error.
	eventNotForgotten = "an old certificate cannot be deleted"
	// Debug: the authority has not said when to renew. Keys: directory, error.
	eventNoRenewalInfo = "the time to renew cannot be asked"
)
