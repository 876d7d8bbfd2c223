package app

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/lannerhq/lanner/server"
)

// view is what an application sees of its request.
type view struct {
	Method     string              `json:"method"`
	Scheme     string              `json:"scheme"`
	Host       string              `json:"host"`
	PathBase   string              `json:"pathBase"`
	Path       string              `json:"path"`
	RawQuery   string              `json:"rawQuery"`
	Protocol   string              `json:"protocol"`
	RemoteAddr string              `json:"remoteAddr"`
	Headers    map[string][]string `json:"headers"`
}

// encode returns v as JSON on one line.
func (v view) encode() ([]byte, error) {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return out.Bytes(), err
}

// apart reports whether a field is not among an http.Request's header fields.
func apart(name string) bool {
	return name == "Host" || name == "Transfer-Encoding" || name == "Trailer"
}

func headersHTTP(w http.ResponseWriter, r *http.Request) {
	v := view{Method: r.Method, Scheme: "http", Host: r.Host, Path: r.URL.Path, RawQuery: r.URL.RawQuery, Protocol: r.Proto,
		RemoteAddr: r.RemoteAddr, Headers: map[string][]string{}}
	if r.TLS != nil {
		v.Scheme = "https"
	}
	if q, ok := server.From[server.RequestFeature](r.Context()); ok {
		v.PathBase = q.PathBase()
	}
	for name, values := range r.Header {
		if !apart(name) {
			v.Headers[name] = values
		}
	}
	body, err := v.encode()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	writeJSON(w, body)
}

func writeJSON(w http.ResponseWriter, body []byte) {
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.Header().Set("Content-Type", "application/json")
	w.Write(body)
}

func headersNative(c *server.Context) error {
	v := view{Method: c.Method(), Scheme: c.Scheme(), Host: c.Host(), PathBase: c.PathBase(), Path: c.Path(),
		RawQuery: c.RawQuery(), Protocol: c.Protocol(), Headers: map[string][]string{}}
	if conn, ok := server.Get[server.ConnectionFeature](c.Features()); ok {
		v.RemoteAddr = conn.RemoteAddrText()
	}
	for name, value := range c.RequestHeaders().All() {
		if name = http.CanonicalHeaderKey(name); !apart(name) {
			v.Headers[name] = append(v.Headers[name], value)
		}
	}
	body, err := v.encode()
	if err != nil {
		return err
	}
	c.SetContentLength(int64(len(body)))
	c.SetHeader("Content-Type", "application/json")
	_, _ = c.Write(body)
	return nil
}
