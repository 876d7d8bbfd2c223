package server

import "github.com/lannerhq/lanner/internal/httpcommon"

// Rebase moves base from the front of the request's path to the end of its path base, ignoring ASCII case and keeping
// the spelling as sent (ASP.NET's UsePathBase). base is "/sub", without a slash at the end. It reports whether the path
// was under base; if not, nothing changes.
func Rebase(f *Features, base string) bool {
	req, ok := Get[RequestFeature](f)
	if !ok || !underBase(req.Path(), base) {
		return false
	}
	if base != "" {
		Set[RequestFeature](f, rebased{req, len(base)})
	}
	return true
}

// rebased is a request seen from n bytes further into its path.
type rebased struct {
	RequestFeature
	n int
}

func (r rebased) PathBase() string {
	return r.RequestFeature.PathBase() + r.RequestFeature.Path()[:r.n]
}
func (r rebased) Path() string { return r.RequestFeature.Path()[r.n:] }

// Retain lets the request below last.
func (r rebased) Retain() {
	if below, ok := r.RequestFeature.(Retainer); ok {
		below.Retain()
	}
}

// underBase reports whether path equals base or continues it with a slash.
func underBase(path, base string) bool {
	return len(path) >= len(base) && httpcommon.EqualFold(path[:len(base)], base) &&
		(len(path) == len(base) || path[len(base)] == '/')
}
