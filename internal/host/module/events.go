package module

// Events of this package. "id" is the number of the same event of the ASP.NET
// Core Module for IIS, so that what is known about it applies. Further keys: site,
// worker, and those listed.
//
//	INFO  application started process            1001  pid, listener, port, after, attempt
//	INFO  shutdown message sent                  1006  pid, status, or error when there was no answer
//	WARN  process did not shut down gracefully   1005  pid, error
//	INFO  process exited                         1030  pid, status, requested; WARN when nobody asked for it
//	WARN  process start failed, trying again     1020  reason, port, error, output
//	INFO  listening process ended                1030  pid, listener: the process of the tree that listens now;
//	                                                   WARN with error when there is none: the tree is ended
//	WARN  environment variables overwritten      1004  names: pool or application set what the module must set
//
// The last failed attempt is not logged but returned: a *StartError logs itself as
// event 1020. Errors of ReadWebConfig are event 1034.
const (
	eventStarted     = "application started process"
	eventShutdown    = "shutdown message sent"
	eventUngraceful  = "process did not shut down gracefully"
	eventExited      = "process exited"
	eventRetry       = "process start failed, trying again"
	eventListener    = "listening process ended"
	eventOverwritten = "environment variables overwritten"
)

// The ids of the module's events, from its message file.
const (
	IDStarted      = 1001
	IDConfigNotice = 1004
	IDUngraceful   = 1005
	IDShutdownSent = 1006
	IDStartFailure = 1020
	IDProcessExit  = 1030
	IDConfigError  = 1034
)
