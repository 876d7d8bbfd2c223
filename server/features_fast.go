package server

// What follows is Get for the features that the bridge to net/http asks for in each request. Get looks a type up in the
// runtime's table, since it is generic; an assertion to a type that is known here is remembered where it stands. A test holds
// them equal.

func (f *Features) requestFeature() RequestFeature {
	if f.request != nil && len(f.set) == 0 {
		return f.request
	}
	v, _ := Get[RequestFeature](f)
	return v
}

func (f *Features) responseFeature() ResponseFeature {
	if f.response != nil && len(f.set) == 0 {
		return f.response
	}
	v, _ := Get[ResponseFeature](f)
	return v
}

func (f *Features) connectionFeature() (ConnectionFeature, bool) {
	if len(f.set) == 0 {
		if v, ok := f.native.(ConnectionFeature); ok {
			return v, true
		}
	}
	return Get[ConnectionFeature](f)
}

func (f *Features) hasUpgrade() bool {
	if len(f.set) == 0 {
		if _, ok := f.native.(UpgradeFeature); ok {
			return true
		}
	}
	_, ok := Get[UpgradeFeature](f)
	return ok
}

func (f *Features) tlsHandshakeFeature() (TLSHandshakeFeature, bool) {
	for at := f; at != nil; at = at.parent {
		if _, ok := at.native.(TLSHandshakeFeature); ok || len(at.set) > 0 && at.find((*TLSHandshakeFeature)(nil)) != nil {
			return Get[TLSHandshakeFeature](f)
		}
	}
	return nil, false
}

func (f *Features) routeFeature() (RouteFeature, bool) {
	if len(f.set) == 0 {
		if v, ok := f.native.(RouteFeature); ok {
			return v, true
		}
	}
	return Get[RouteFeature](f)
}

// setRoute tells the server the pattern that matched, or puts it into the collection of one that does not ask.
func (f *Features) setRoute(p *contextPattern) {
	if route, ok := f.routeFeature(); ok {
		route.SetRoute(p.Pattern())
		return
	}
	Set[RouteFeature](f, p)
}
