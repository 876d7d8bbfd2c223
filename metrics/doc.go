// Package metrics counts what a server does, under the names of OpenTelemetry's semantic conventions.
//
// [Server] has the instruments of a server: Kestrel's connection metrics and the HTTP server metrics. Whoever serves
// calls its methods; a nil *Server does nothing, so that the caller needs no branches. It records through a [Meter],
// which is all that another metrics library has to implement.
//
// [Registry] is the Meter of this package. It keeps everything in memory, and [Registry.Handler] shows it to Prometheus:
//
//	registry := metrics.NewRegistry(metrics.RegistryOptions{Process: true})
//	server := metrics.NewServer(registry, metrics.ServerOptions{})
//	http.Handle("/metrics", registry.Handler())
//
// # What recording costs
//
// An attribute set is bound once, with Bind, which may allocate and lock. Recording through what Bind returned does
// neither: it is an atomic addition to a cell that this core's goroutines share with few others. A Server binds each
// combination of attributes when it first meets it and finds it without a lock afterwards.
//
// # What a client can do to it
//
// Some attributes are chosen by clients. Methods are therefore replaced by _OTHER unless they are known, and every
// instrument of a Registry has at most RegistryOptions.CardinalityLimit series: what comes later is counted in one
// series marked otel.metric.overflow, as the OpenTelemetry SDK does.
package metrics
