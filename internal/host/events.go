package host

import "log/slog"

// event is a log event with an id; ids of the ASP.NET Core Module where it has one.
type event struct {
	id  slog.Attr
	msg string
}

func newEvent(id int, name, msg string) event {
	return event{slog.Group("event", slog.Int("id", id), slog.String("name", name)), msg}
}

// The events of the host. Keys are site, application, and worker, pid, generation where there is one.
var (
	// Info: a worker is ready. Keys: after (duration), port.
	eventWorkerReady = newEvent(1001, "WorkerReady", "the worker is ready")
	// Warning: too many failures, the next start waits. Keys: failures, delay.
	eventRapidFail = newEvent(1003, "RapidFail", "the application keeps failing, its next start waits")
	// Warning: a worker did not end by itself. Keys: error.
	eventShutdownForced = newEvent(1005, "ShutdownForced", "the worker did not end in time and was killed")
	// Info: app_offline.htm appeared or went. Keys: file.
	eventOffline = newEvent(1012, "AppOffline", "the application was taken offline by app_offline.htm")
	eventOnline  = newEvent(1012, "AppOnline", "app_offline.htm is gone, the application is back")
	// Error: a worker could not start. Keys: error.
	eventStartFailed = newEvent(1020, "StartFailed", "the worker could not start")
	// Info: workers are replaced. Keys: reason.
	eventRecycle = newEvent(1021, "Recycle", "the application is being recycled")
	// Error: the new workers could not start, the old ones stay. Keys: error.
	eventRecycleFailed = newEvent(1022, "RecycleFailed", "recycling failed, the old workers stay")
	// Warning: a worker ended unasked. Keys: reason.
	eventWorkerExit = newEvent(1030, "WorkerExit", "the worker ended unexpectedly")
	// Info: a worker ended as asked. Keys: reason.
	eventWorkerStopped = newEvent(1033, "WorkerStopped", "the worker has stopped")
	// Info: an address is served. Keys: address.
	eventListening = newEvent(14, "Listening", "now listening")
	// Error: a binding cannot accept. Keys: address, error.
	eventAcceptFailed = newEvent(15, "AcceptFailed", "cannot accept connections")
	// Info, Error: the configuration was loaded again, or refused. Keys: file, changes, error.
	eventReloaded     = newEvent(16, "Reloaded", "the configuration was loaded again")
	eventReloadFailed = newEvent(17, "ReloadFailed", "the configuration has errors, the old one stays in force")
	// Warning: a health check failed. Keys: failures (in a row), error.
	eventUnhealthy = newEvent(19, "Unhealthy", "the worker did not answer its health check well")
	// Warning: a worker broke the protocol. Keys: error.
	eventWorkerProtocol = newEvent(18, "WorkerProtocol", "the worker broke the protocol of in-process workers")
	// The events of certificates have the ids of kestrel's.
	//
	// Info: files of certificates have changed, and what they have is shown from now on. Keys: address, certificates.
	eventCertificatesReloaded = newEvent(90, "CertificatesReloaded", "the certificates were read again")
	// Error: they have changed, and cannot be used. Keys: address, error.
	eventCertificatesFailed = newEvent(91, "CertificatesReloadFailed", "the certificates have changed and cannot be used: the old ones stay")
	// Warning: a certificate was not renewed, 30, 7 and 1 days before its end. Keys: address, certificate, path, expires, left.
	eventCertificateExpiring = newEvent(92, "CertificateExpiring", "a certificate expires soon: renew it")
	// Error: it has expired; clients refuse it. Keys: address, certificate, path, expires.
	eventCertificateExpired = newEvent(93, "CertificateExpired", "a certificate has expired: renew it")
	// Warning: there is no new OCSP response. Keys: address, certificate, error.
	eventStaplingFailed = newEvent(94, "OcspStaplingFailed", "there is no new OCSP response to staple")
	// Debug: a client asked for a name that the address has nothing for. Keys: address, host.
	eventNameUnknown = newEvent(95, "SniNotFound", "there is no certificate for the name that a client asks for")
	// Error: the file of session ticket keys cannot be used; keys in memory are. Keys: error.
	eventTicketKeysFailed = newEvent(96, "TicketKeysFailed", "the session ticket keys cannot be read or rotated")
	// Error, Warning: automatic certificates cannot be started or stopped. What happens to them is logged by package acme. Keys: error.
	eventACMEFailed = newEvent(98, "AutomaticCertificatesFailed", "automatic certificates cannot be looked after")
	// Warning: a worker has asked for a signature that it must not have. Keys: error, refused (since the last).
	eventSignRefused = newEvent(99, "SignatureRefused", "a signature by a private key was refused to the worker")
	// Debug: there is a new session ticket key.
	eventTicketKeysRotated = newEvent(97, "TicketKeysRotated", "the session ticket keys were rotated")
)
