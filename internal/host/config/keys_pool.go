package config

import (
	"math"
	"slices"
	"time"
)

// year bounds durations against typing mistakes.
const year = 365 * 24 * time.Hour

var rapidFailObject = &object[RapidFail]{
	name: "rapidFail",
	a:    "the rapid-fail protection",
	doc:  "Slows down the restarts of a worker that keeps failing, and recovers by itself.",
	fields: []field[RapidFail]{
		key("failures", func(r *RapidFail) *int { return &r.Failures }, integer[int](0, 1000, ""),
			"How many failures within window begin the delays. 0 switches the protection off.").or("5"),
		key("window", func(r *RapidFail) *time.Duration { return &r.Window }, duration(24*time.Hour, ""),
			"The time in which failures are counted.").or("5m"),
		key("firstDelay", func(r *RapidFail) *time.Duration { return &r.FirstDelay }, duration(time.Hour, ""),
			"The first delay before a restart; it doubles with each further failure.").or("1s"),
		key("maxDelay", func(r *RapidFail) *time.Duration { return &r.MaxDelay }, duration(24*time.Hour, ""),
			"The longest delay before a restart.").or("1m"),
	},
	check: func(d *decoder, at string, k keys, r *RapidFail) {
		if !k.usable("firstDelay", "maxDelay") || r.FirstDelay <= r.MaxDelay {
			return
		}
		name := "firstDelay"
		if !k.ok(name) {
			name = "maxDelay"
		}
		d.fail(member(at, name), k.value[name], "make maxDelay at least as long as firstDelay",
			"firstDelay (%s) is longer than maxDelay (%s)", formatDuration(r.FirstDelay), formatDuration(r.MaxDelay))
	},
}

var recyclingObject = &object[Recycling]{
	name: "recycling",
	a:    "the recycling of a pool",
	doc:  "When a worker is replaced by a fresh one.",
	fields: []field[Recycling]{
		key("time", func(r *Recycling) *time.Duration { return &r.Time }, duration(year, "never"),
			"The age at which a worker is replaced. 0 means never.").or("29h"),
		key("requests", func(r *Recycling) *int64 { return &r.Requests }, integer[int64](0, math.MaxInt64, ""),
			"The number of requests after which a worker is replaced. 0 means no limit.").or("0"),
		key("memory", func(r *Recycling) *int64 { return &r.Memory }, size(0, ""),
			"The memory of a worker's whole process tree above which it is replaced. 0 means no limit.").or("0"),
		key("schedule", func(r *Recycling) *[]TimeOfDay { return &r.Schedule },
			&list[TimeOfDay]{what: "a list of times of day, such as [\"03:00\"]", item: timeOfDay()},
			"Times of day, in local time, at which workers are replaced."),
	},
	check: func(d *decoder, at string, k keys, r *Recycling) {
		if !k.ok("schedule") {
			return
		}
		for i, t := range r.Schedule {
			path := element(member(at, "schedule"), i)
			if slices.Index(r.Schedule, t) < i && !d.failed[path] {
				d.fail(path, d.places[path], "remove one of the two", "%s is in the schedule twice", t)
			}
		}
	},
}

var poolObject = &object[Pool]{
	name: "pool",
	a:    "a pool",
	doc:  "How the worker processes of its applications start, live and end.",
	fields: []field[Pool]{
		key("startMode", func(p *Pool) *StartMode { return &p.StartMode },
			&enum[StartMode]{what: "a start mode", words: []string{"onDemand", "alwaysRunning"}, values: []StartMode{OnDemand, AlwaysRunning}},
			"onDemand starts a worker for the first request; alwaysRunning starts it with the host and never stops it for idleness.").or("onDemand"),
		key("idleTimeout", func(p *Pool) *time.Duration { return &p.IdleTimeout }, duration(year, "never"),
			"Stops the workers of a pool that has had no request for this long. 0 means never.").
			orElse("20m; 0 with startMode alwaysRunning", func(_ *decoder, p *Pool) {
				p.IdleTimeout = 20 * time.Minute
				if p.StartMode == AlwaysRunning {
					p.IdleTimeout = 0
				}
			}),
		key("queueLength", func(p *Pool) *int { return &p.QueueLength }, integer[int](1, 1_000_000, ""),
			"How many requests wait for a worker; more are answered 503 with Retry-After.").or("1000"),
		key("maxProcesses", func(p *Pool) *int { return &p.MaxProcesses }, integer[int](1, 100, ""),
			"How many worker processes share the requests of an application.").or("1"),
		key("startupTimeLimit", func(p *Pool) *time.Duration { return &p.StartupTimeLimit }, duration(time.Hour, ""),
			"The time a worker has to become ready.").or("120s"),
		key("shutdownTimeLimit", func(p *Pool) *time.Duration { return &p.ShutdownTimeLimit }, duration(time.Hour, "no grace"),
			"The time a worker has to finish its requests and end; then it is killed.").or("30s"),
		key("rapidFail", func(p *Pool) *RapidFail { return &p.RapidFail }, rapidFailObject,
			"Slows down the restarts of a worker that keeps failing."),
		key("recycling", func(p *Pool) *Recycling { return &p.Recycling }, recyclingObject,
			"When a worker is replaced by a fresh one."),
		key("disallowOverlappingRotation", func(p *Pool) *bool { return &p.DisallowOverlappingRotation }, boolean(),
			"Stops the old worker before the new one starts, for applications that tolerate only one instance.").or("false"),
		key("environment", func(p *Pool) *map[string]string { return &p.Environment }, environment(),
			"Variables for the workers of the pool. Those of an application win."),
	},
	check: func(d *decoder, at string, k keys, p *Pool) {
		if k.ok("startMode", "idleTimeout") && p.StartMode == AlwaysRunning && p.IdleTimeout > 0 {
			d.fail(member(at, "idleTimeout"), k.value["idleTimeout"], `remove "idleTimeout", or write startMode: onDemand`,
				"a pool that is always running does not stop when it is idle")
		}
	},
}

func environment() *dict[string] {
	return &dict[string]{
		what: "a mapping of names to values", item: looseText("the value of an environment variable"),
		check: checkVariable, form: `^[^=]+$`,
	}
}
