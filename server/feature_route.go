package server

// RouteFeature is there once a router has found the request's handler. Middleware reads it when the application has
// returned: a pattern is a good value of a metric, such as http.route, since clients cannot make more of them.
type RouteFeature interface {
	// Pattern is the pattern that matched, as it was registered: "GET /users/{id}". It stays valid after the request.
	Pattern() string
}
