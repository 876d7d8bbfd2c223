package control

import (
	"context"
	"time"
)

// Host is what the API is put in front of. All methods may be called from many goroutines at once, from [Server.Start]
// until [Server.Stop] has returned. An error that is an [*Error] reaches the caller with its status; any other is a 500.
type Host interface {
	// Status describes the host at this moment.
	Status() Status

	// Recycle replaces the workers of a site and returns when the new ones serve, with the steps it took. On an error it
	// returns the steps up to and including the one that failed, and the old workers still serve. When ctx ends, the
	// caller has gone.
	Recycle(ctx context.Context, site string) ([]Step, error)

	// StopSite drains the workers of a site, which answers 503 from then on. Stopping a stopped site is no error.
	StopSite(ctx context.Context, site string) error

	// StartSite lets a stopped site answer again. Starting a running site is no error.
	StartSite(ctx context.Context, site string) error

	// Reload reads the configuration file again and brings the host to it. A file with mistakes changes nothing and is an
	// [*Error] with status 422.
	Reload(ctx context.Context) (ReloadResult, error)

	// Logs calls emit for what the workers of a site printed, oldest line first, and with Follow goes on until ctx ends.
	// It returns the error of emit, and nil when ctx ended.
	Logs(ctx context.Context, query LogQuery, emit func(LogLine) error) error

	// Certificates lists what the host shows to clients of https, sorted by address and file.
	Certificates() []Certificate

	// Certificate describes what is shown for a name: a host name that it is for, or its file; the same certificate once for each address. A
	// name that nothing is shown for is an [*Error] with status 404.
	Certificate(name string) ([]CertificateDetail, error)

	// RenewCertificate has the certificates that are shown for a name renewed at once, and returns when that is done: those of an authority
	// are ordered, files are read again. On an error the old ones are shown.
	RenewCertificate(ctx context.Context, name string) ([]Renewal, error)

	// Config returns the effective configuration, in a form that encoding/json can write, with secrets masked.
	Config() any
}

// State is the state of the host, a site, an application or a worker.
type State string

// The states. A host is starting, running or stopping; a site or application is running, stopped or degraded, which means
// that it is wanted but not all of it can serve; a worker is any of starting, ready, draining, stopped, failed.
const (
	Starting State = "starting"
	Running  State = "running"
	Stopping State = "stopping"
	Stopped  State = "stopped"
	Degraded State = "degraded"
	Ready    State = "ready"
	Draining State = "draining"
	Failed   State = "failed"
)

// Status is a host at one moment.
type Status struct {
	// Version of the host's program.
	Version string `json:"version"`
	PID     int    `json:"pid"`
	// State is starting, running or stopping.
	State State `json:"state"`
	// Uptime in seconds.
	Uptime float64 `json:"uptime"`
	// ConfigFile is the absolute path of the configuration file.
	ConfigFile string `json:"configFile"`
	// ConfigErrors is nil unless the last reload was refused: the host then serves an older configuration.
	ConfigErrors *ConfigErrors `json:"configErrors,omitempty"`
	// Sites, sorted by name.
	Sites []Site `json:"sites"`
}

// Certificate is one that the host shows to clients.
type Certificate struct {
	// Address is where, as in the log.
	Address string `json:"address"`
	// Names are those that it is made for.
	Names []string `json:"names"`
	// Subject and Issuer say whose it is, and who made it.
	Subject string `json:"subject"`
	Issuer  string `json:"issuer"`
	// Source says where it comes from.
	Source Source `json:"source"`
	// NotAfter is when it expires, DaysLeft how many whole days are left; negative when it has expired. Zero while there is none.
	NotAfter time.Time `json:"notAfter,omitzero"`
	DaysLeft int       `json:"daysLeft"`
	// Path is its file.
	Path string `json:"path"`
	// Error says why its files cannot be used as they are now, or why its authority has not issued it or another in its place; empty if
	// nothing is wrong. The certificate is shown all the same, if there is one.
	Error string `json:"error,omitempty"`
}

// Source is where a certificate comes from.
type Source string

const (
	// SourceFile is files that the configuration names.
	SourceFile Source = "file"
	// SourceACME is an authority, by ACME.
	SourceACME Source = "acme"
	// SourceDevelopment is "lanner dev-certs".
	SourceDevelopment Source = "development"
)

// CertificateDetail is all that is known of a certificate.
type CertificateDetail struct {
	Certificate
	// KeyPath is the file of its private key, which may be Path.
	KeyPath string `json:"keyPath,omitempty"`
	// Key is the type of its key, such as "ECDSA P-256". Empty while there is no certificate.
	Key string `json:"key,omitempty"`
	// Chain is what clients are sent, the certificate first.
	Chain []ChainCertificate `json:"chain"`
	// OCSP is the response that is stapled.
	OCSP OCSP `json:"ocsp"`
	// NextAttempt is when its authority is asked for another. Zero while that is under way, and for files.
	NextAttempt time.Time `json:"nextAttempt,omitzero"`
}

// ChainCertificate is one certificate of a chain.
type ChainCertificate struct {
	Subject string `json:"subject"`
	Issuer  string `json:"issuer"`
	// Names are those that it is made for, if it is no authority's.
	Names []string `json:"names,omitempty"`
	// Serial is its number in hexadecimal, SHA256 its fingerprint.
	Serial    string    `json:"serial"`
	SHA256    string    `json:"sha256"`
	NotBefore time.Time `json:"notBefore"`
	NotAfter  time.Time `json:"notAfter"`
	// Key is the type of its key, Signature how it was signed.
	Key       string `json:"key"`
	Signature string `json:"signature"`
}

// OCSP is the state of stapling.
type OCSP struct {
	// Status is "good", or says why nothing is stapled.
	Status string `json:"status"`
	// ThisUpdate and NextUpdate are of the response. Zero without one.
	ThisUpdate time.Time `json:"thisUpdate,omitzero"`
	NextUpdate time.Time `json:"nextUpdate,omitzero"`
}

// Renewal is what came of a renewal for one address.
type Renewal struct {
	Certificate
	// Changed says that another certificate is shown than before.
	Changed bool `json:"changed"`
}

// ConfigErrors says what is wrong with the configuration file of a host that serves an older one.
type ConfigErrors struct {
	// Since is when the mistakes were first seen.
	Since time.Time `json:"since"`
	// Errors holds one text for each mistake.
	Errors []string `json:"errors"`
}

// Site is one site of a [Status].
type Site struct {
	Name string `json:"name"`
	// State is running, stopped or degraded.
	State State `json:"state"`
	// Bindings are the addresses as URLs, with the ports that were really opened.
	Bindings     []string      `json:"bindings"`
	Applications []Application `json:"applications"`
}

// Application is one application of a [Site].
type Application struct {
	// Path is the path base, "/" for the whole site.
	Path string `json:"path"`
	// Hosting is inprocess or outofprocess.
	Hosting string `json:"hosting"`
	// Pool is the name of its application pool.
	Pool string `json:"pool"`
	// State is running, stopped or degraded. An application without workers that starts one on the next request is running.
	State State `json:"state"`
	// QueueLength is how many requests may wait for a worker, Queued how many do.
	QueueLength int      `json:"queueLength"`
	Queued      int      `json:"queued"`
	Workers     []Worker `json:"workers"`
	// Restarts counts the workers that were started because another had ended unasked.
	Restarts int `json:"restarts"`
	// LastRestartReason says in words why the last of them was; empty if there was none.
	LastRestartReason string `json:"lastRestartReason,omitempty"`
	// ColdStart is how long the last start on a request took, in seconds. Zero means there was none.
	ColdStart float64 `json:"coldStart,omitempty"`
}

// Worker is one worker process of an [Application].
type Worker struct {
	ID  int `json:"id"`
	PID int `json:"pid,omitempty"`
	// Generation counts the recycles of the application; workers that share the load have the same.
	Generation int `json:"generation"`
	// State is starting, ready, draining, stopped or failed.
	State State `json:"state"`
	// Port is the loopback port of an out-of-process worker, else 0.
	Port int `json:"port,omitempty"`
	// Since is when the worker came into its state.
	Since time.Time `json:"since"`
	// Requests counts what it was given, Active what it is still working on.
	Requests int64 `json:"requests"`
	Active   int   `json:"active"`
	// CPUSeconds and RSSBytes belong to the whole process tree.
	CPUSeconds float64 `json:"cpuSeconds"`
	RSSBytes   int64   `json:"rssBytes"`
	// Restarts counts how often this worker's place has been filled again.
	Restarts int `json:"restarts"`
	// LastExit is how the worker before it in this place ended; nil if there was none.
	LastExit *Exit `json:"lastExit,omitempty"`
}

// Exit is the end of a worker.
type Exit struct {
	// Reason in words, such as "memory limit 512MiB".
	Reason string `json:"reason"`
	// Code is the exit code, -1 when a signal ended the worker.
	Code int `json:"code"`
	// Signal is the name of that signal, else empty.
	Signal string    `json:"signal,omitempty"`
	At     time.Time `json:"at"`
}

// Step is one thing that was done for a command.
type Step struct {
	// Application is the path of the application it was done to, empty for the site.
	Application string `json:"application,omitempty"`
	// Name says what was done, such as "start worker".
	Name string `json:"name"`
	// Detail says more, such as "pid 4711 is ready". May be empty.
	Detail string `json:"detail,omitempty"`
	// Duration in seconds.
	Duration float64 `json:"duration"`
	// Error says why the step failed; empty if it did not.
	Error string `json:"error,omitempty"`
}

// ReloadResult is what a reload changed.
type ReloadResult struct {
	ConfigFile string `json:"configFile"`
	// Changes in the order setting, pool, site, application, each sorted by name. Empty means that there were none.
	Changes []Change `json:"changes"`
}

// Change is one thing that differs from the configuration before.
type Change struct {
	// Kind is setting, pool, site or application.
	Kind string `json:"kind"`
	// Name is a top-level key, the name of a pool or site, or site and path of an application: "shop/api".
	Name string `json:"name"`
	// Action is added, removed or changed.
	Action string `json:"action"`
	// Keys lists the keys that differ when Action is changed.
	Keys []string `json:"keys,omitempty"`
	// Effect says what was done about it, such as "workers recycled". May be empty.
	Effect string `json:"effect,omitempty"`
}

// LogQuery selects log lines.
type LogQuery struct {
	// Site has no default.
	Site string
	// Application is a path of the site; empty means all of them.
	Application string
	// Follow goes on with new lines.
	Follow bool
	// Tail is how many of the last lines come first. [TailAll] means all that the host still has.
	Tail int
}

// TailAll in [LogQuery.Tail] means every line that the host still has.
const TailAll = -1

// DefaultTail is the number of lines when a request does not say it.
const DefaultTail = 100

// LogLine is one line that a worker printed.
type LogLine struct {
	Time        time.Time `json:"time"`
	Site        string    `json:"site"`
	Application string    `json:"application"`
	Worker      int       `json:"worker"`
	PID         int       `json:"pid"`
	// Stream is stdout or stderr.
	Stream string `json:"stream"`
	// Text has no line end. It is what the worker printed and may hold control characters.
	Text string `json:"text"`
}

// SiteResult answers the commands for a site.
type SiteResult struct {
	Site string `json:"site"`
	// State of the site after the command.
	State State `json:"state"`
	// Steps of a recycle.
	Steps []Step `json:"steps,omitempty"`
}
