// Package host runs sites: it listens on their bindings, starts the workers of their applications on the first request,
// gives requests to them, watches, recycles and restarts them, and brings all of this to a new configuration without
// losing a request.
//
// Read in this order: host.go (the whole), front.go (a listening address), table.go (which application a request
// belongs to), handler.go (requests answered or forwarded by the host), application.go (workers, the queue, restarts),
// worker.go with backend_outofprocess.go and backend_inprocess.go (one process), delivery.go (connections handed to
// workers), certificates.go and link.go (https). DESIGN.md has the states, owners and the failure matrix.
package host
