package server

import (
	"context"
	"slices"
)

// Features is a typed collection: one value per type, found by that type. A collection falls back to its parent: a
// request's features to its connection's, those to the server's.
//
// The zero value is an empty collection. Set and Remove are not safe for concurrent use with each other or with Get;
// a request's features belong to the goroutine that handles the request.
type Features struct {
	request  RequestFeature
	response ResponseFeature
	native   any
	parent   *Features
	set      []entry
	revision int
}

// entry is a feature set or removed by hand. The key is a typed nil *T.
type entry struct {
	key     any
	value   any
	removed bool
}

// NewFeatures returns a collection that falls back to parent, which may be nil.
func NewFeatures(parent *Features) *Features { return &Features{parent: parent} }

// Init makes f the collection of a new request and forgets what was set before. native is the server's own object: every
// feature interface that it implements is in the collection, at no cost per request. A server that recycles the
// collection calls Init for each request.
func (f *Features) Init(req RequestFeature, res ResponseFeature, native any, parent *Features) {
	clear(f.set)
	f.request, f.response, f.native, f.parent, f.set = req, res, native, parent, f.set[:0]
	f.revision++
}

// Revision counts the changes to this collection; a cache of a looked-up feature is valid while it stays the same.
func (f *Features) Revision() int { return f.revision }

// Get returns the feature of type T, looking in f, then in its parents. T is one of the interfaces of this package or
// any other type that somebody Set.
func Get[T any](f *Features) (T, bool) {
	key := any((*T)(nil))
	for ; f != nil; f = f.parent {
		if e := f.find(key); e != nil {
			v, ok := e.value.(T)
			return v, ok && !e.removed
		}
		switch key.(type) {
		case *RequestFeature:
			if f.request != nil {
				return any(f.request).(T), true
			}
		case *ResponseFeature:
			if f.response != nil {
				return any(f.response).(T), true
			}
		}
		if v, ok := f.native.(T); ok {
			return v, true
		}
	}
	var zero T
	return zero, false
}

// Set puts v into the collection as its feature of type T, in front of what the server or a parent provides. T is
// usually named, since v's own type is seldom the interface it is asked for: server.Set[server.ConnectionFeature](f, v).
func Set[T any](f *Features, v T) {
	f.revision++
	key := any((*T)(nil))
	switch p := any(&v).(type) {
	case *RequestFeature:
		f.request = *p
		f.forget(key)
	case *ResponseFeature:
		f.response = *p
		f.forget(key)
	default:
		f.put(entry{key: key, value: v})
	}
}

// Remove hides the feature of type T, wherever it comes from.
func Remove[T any](f *Features) {
	f.revision++
	f.put(entry{key: any((*T)(nil)), removed: true})
}

func (f *Features) put(e entry) {
	if old := f.find(e.key); old != nil {
		*old = e
		return
	}
	f.set = append(f.set, e)
}

// forget takes back a Remove of the two features that are not kept in the list.
func (f *Features) forget(key any) {
	f.set = slices.DeleteFunc(f.set, func(e entry) bool { return e.key == key })
}

func (f *Features) find(key any) *entry {
	for i := range f.set {
		if f.set[i].key == key {
			return &f.set[i]
		}
	}
	return nil
}

// featuresKey is the context key of a request's features.
type featuresKey struct{}

// From returns the feature of type T of the request whose context ctx is or derives from. It reports false when the
// server does not provide it, when ctx belongs to no request, and after the handler has returned.
func From[T any](ctx context.Context) (T, bool) {
	f, _ := ctx.Value(featuresKey{}).(*Features)
	if f == nil {
		var zero T
		return zero, false
	}
	return Get[T](f)
}

// FeaturesOf returns the collection of the request whose context ctx is or derives from, or nil.
// Middleware uses it to Set features for the handlers behind it.
func FeaturesOf(ctx context.Context) *Features {
	f, _ := ctx.Value(featuresKey{}).(*Features)
	return f
}
