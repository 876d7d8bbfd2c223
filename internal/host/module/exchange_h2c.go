package module

import (
	"context"
	"net/http"
	"net/url"
)

// sendH2C sends the message over HTTP/2. What it consists of has been checked.
func (m message) sendH2C(ctx context.Context, port int) (int, error) {
	t := &http.Transport{
		DisableCompression: true, MaxResponseHeaderBytes: maxAnswer, Protocols: new(http.Protocols),
	}
	t.Protocols.SetUnencryptedHTTP2(true)
	defer t.CloseIdleConnections()
	req := (&http.Request{
		Method: m.method, URL: &url.URL{Scheme: "http", Host: addr(port), Opaque: m.target}, Host: m.host,
		Header: http.Header{"User-Agent": nil},
	}).WithContext(ctx)
	if m.event != "" {
		req.Header.Set("MS-ASPNETCORE-EVENT", m.event)
	}
	if !m.token.IsZero() {
		req.Header.Set("MS-ASPNETCORE-TOKEN", m.token.Reveal())
	}
	res, err := t.RoundTrip(req)
	if err != nil {
		return 0, because(ctx, err)
	}
	res.Body.Close()
	return res.StatusCode, nil
}
