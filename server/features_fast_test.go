package server

import (
	"crypto/tls"
	"net"
	"testing"
)

// nativeAll has the features that the bridge asks for without Get.
type nativeAll struct{}

func (nativeAll) ConnectionID() string              { return "" }
func (nativeAll) LocalAddr() net.Addr               { return nil }
func (nativeAll) RemoteAddr() net.Addr              { return nil }
func (nativeAll) RemoteAddrText() string            { return "native" }
func (nativeAll) EndpointName() string              { return "" }
func (nativeAll) Upgradable() bool                  { return false }
func (nativeAll) Upgrade() (net.Conn, error)        { return nil, ErrNotSupported }
func (nativeAll) Hijack() (net.Conn, []byte, error) { return nil, nil, ErrNotSupported }
func (nativeAll) TLSState() *tls.ConnectionState    { return nil }
func (nativeAll) Route() string                     { return "" }
func (nativeAll) SetRoute(string)                   {}

// TestTheShortCutsOfFeaturesFindWhatGetFinds asks both ways of collections in which the features are native, set, removed,
// or the parent's.
func TestTheShortCutsOfFeaturesFindWhatGetFinds(t *testing.T) {
	collection := func(native any, parent *Features) *Features {
		f := new(Features)
		f.Init(nil, nil, native, parent)
		return f
	}
	set := NewFeatures(nil)
	Set[ConnectionFeature](set, nativeAll{})
	Set[UpgradeFeature](set, nativeAll{})
	Set[TLSHandshakeFeature](set, nativeAll{})
	Set[RouteFeature](set, nativeAll{})
	removed := collection(nativeAll{}, nil)
	Remove[ConnectionFeature](removed)
	Remove[UpgradeFeature](removed)
	Remove[TLSHandshakeFeature](removed)
	Remove[RouteFeature](removed)
	for name, f := range map[string]*Features{
		"nothing": collection(nil, nil), "native": collection(nativeAll{}, nil), "the parent's": collection(nil, set),
		"the parent's native": collection(nil, collection(nativeAll{}, nil)), "set": set, "removed": removed,
		"removed above": collection(nil, removed),
	} {
		_, conn := Get[ConnectionFeature](f)
		_, upgrade := Get[UpgradeFeature](f)
		_, handshake := Get[TLSHandshakeFeature](f)
		_, route := Get[RouteFeature](f)
		want := [4]bool{conn, upgrade, handshake, route}
		_, conn = f.connectionFeature()
		_, handshake = f.tlsHandshakeFeature()
		_, route = f.routeFeature()
		if got := [4]bool{conn, f.hasUpgrade(), handshake, route}; got != want {
			t.Errorf("%s: connection, upgrade, handshake, route are there by the short cuts %v, by Get %v", name, got, want)
		}
	}
}
