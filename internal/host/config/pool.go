package config

import (
	"fmt"
	"time"
)

// Pool is an application pool: how the worker processes of its applications start, live and end.
type Pool struct {
	// Name is the key under pools, or site and path for a pool of its own.
	Name string

	// Own says that the pool belongs to one application, which named no pool.
	Own bool

	// StartMode says when worker processes start. Default onDemand, as in IIS.
	StartMode StartMode

	// IdleTimeout stops the workers of a pool that has had no request for this long. Zero means never.
	// Default 20m, as in IIS; zero in a pool that is always running, since the two contradict each other.
	IdleTimeout time.Duration

	// QueueLength is how many requests wait for a worker; more are answered 503. Default 1000, as in IIS.
	QueueLength int

	// MaxProcesses is how many worker processes share the requests of an application, 1 to 100. Default 1, as in IIS.
	MaxProcesses int

	// StartupTimeLimit bounds a worker's start, until it is ready. Default 120s, as in the ASP.NET Core Module.
	StartupTimeLimit time.Duration

	// ShutdownTimeLimit bounds a worker's graceful stop; then it is killed. Default 30s. The ASP.NET Core Module gives 10s
	// inside the 90s of IIS, the conventions of container platforms and of .NET's own host give 30s: one number that
	// lets a slow request end and a deployment still move.
	ShutdownTimeLimit time.Duration

	// RapidFail slows down the restarts of a worker that keeps failing.
	RapidFail RapidFail

	// Recycling replaces workers while they work.
	Recycling Recycling

	// DisallowOverlappingRotation stops the old worker before the new one starts, for applications that tolerate only
	// one instance. Default false.
	DisallowOverlappingRotation bool

	// Environment is added to the environment of the pool's workers; an application's own wins. Nil means none.
	Environment map[string]string
}

// StartMode says when the workers of a pool start.
type StartMode string

const (
	// OnDemand starts a worker for the first request.
	OnDemand StartMode = "onDemand"
	// AlwaysRunning starts the workers with the host and never stops them for idleness.
	AlwaysRunning StartMode = "alwaysRunning"
)

// RapidFail protects the machine from an application that cannot start or keeps crashing. When Failures happen within
// Window, the next start waits FirstDelay, and twice as long after each further failure, at most MaxDelay. It ends by
// itself: unlike in IIS no operator has to start the pool again.
type RapidFail struct {
	// Failures is how many failures within Window begin the delays. Zero switches the protection off. Default 5, as in IIS.
	Failures int
	// Window is the time in which failures are counted. Default 5m, as in IIS.
	Window time.Duration
	// FirstDelay is the first delay before a restart. Default 1s.
	FirstDelay time.Duration
	// MaxDelay is the longest delay before a restart. Default 1m.
	MaxDelay time.Duration
}

// Recycling says when a worker is replaced by a fresh one.
type Recycling struct {
	// Time is the age at which a worker is replaced. Zero means never. Default 29h, as in IIS: not a whole number of days,
	// so that it does not fall on the same hour each time.
	Time time.Duration
	// Requests is the number of requests after which a worker is replaced. Zero, the default, means no limit.
	Requests int64
	// Memory is the number of bytes, over the worker's whole process tree, above which it is replaced. Zero, the default,
	// means no limit.
	Memory int64
	// Schedule lists times of day, in the machine's local time, at which workers are replaced. Nil means none.
	Schedule []TimeOfDay
}

// TimeOfDay is a time of day in minutes after midnight, 0 to 1439.
type TimeOfDay int

// String returns the form of the file, such as 03:00.
func (t TimeOfDay) String() string { return fmt.Sprintf("%02d:%02d", int(t)/60, int(t)%60) }
