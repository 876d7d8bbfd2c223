package h2

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"

	"github.com/lannerhq/lanner/server"
)

// pathAsLanner answers with the path that server.RequestFeature has, "" where there is no such feature.
func pathAsLanner(w http.ResponseWriter, req *http.Request) {
	path := ""
	if f, ok := server.From[server.RequestFeature](req.Context()); ok {
		path = f.Path()
	}
	json.NewEncoder(w).Encode(described{Method: req.Method, Target: req.RequestURI, Path: path})
}

// asks is a scenario of one request that is answered, whose description must satisfy want.
func asks(f fields, want func(d described) bool) func(*run) {
	return func(r *run) {
		w := r.open(describe)
		w.headers(1, true, f)
		if d := w.expectDescribed(1); !want(d) {
			r.Errorf("the application sees %+v", d)
		}
	}
}

// resets is a scenario for each of the header sections, for which the stream is reset.
func resets(sections ...fields) func(*run) {
	return func(r *run) {
		var each []func(*wire)
		for _, f := range sections {
			each = append(each, func(w *wire) { w.headers(1, true, f) })
		}
		r.variants(quiet, each...)
	}
}

// hostIs is a scenario whose application sees that host.
func hostIs(f fields, host string) func(*run) {
	return asks(f, func(d described) bool { return d.Host == host })
}

// Methods, targets and hosts: RFC 9113 §8.3.1.
var requestScenarios = map[string]func(*run){
	"HEADERS_Received_EmptyMethod_Reset": resets(request("", "/")),
	"HEADERS_Received_CustomMethod_Accepted": asks(request("Custom", "/"), func(d described) bool {
		return d.Method == "Custom" && d.Path == "/"
	}),
	"HEADERS_Received_CONNECTMethod_Accepted": func(r *run) {
		w := r.open(func(w http.ResponseWriter, req *http.Request) { io.WriteString(w, req.Method+" "+req.Host) })
		w.headers(1, true, pairs(":method", "CONNECT", ":authority", "test.example:80"))
		w.expectBody(1, "CONNECT test.example:80")
	},
	"HEADERS_Received_OPTIONSStar_LeftOutOfPath": func(r *run) {
		w := r.open(pathAsLanner)
		w.headers(1, true, request("OPTIONS", "*"))
		if d := w.expectDescribed(1); d.Method != "OPTIONS" || d.Target != "*" || d.Path != "" {
			r.Errorf("the application sees %+v, want the target * and no path", d)
		}
	},
	"HEADERS_Received_OPTIONSSlash_Accepted": asks(request("OPTIONS", "/"), func(d described) bool {
		return d.Method == "OPTIONS" && d.Path == "/"
	}),
	"HEADERS_Received_PathAndQuery_Separated": asks(get("/a/path?a&query=%20"), func(d described) bool {
		return d.Path == "/a/path" && d.Query == "a&query=%20" && d.Target == "/a/path?a&query=%20"
	}),
	"HEADERS_Received_CONNECTMethod_WithSchemeOrPath_Reset": resets(
		pairs(":method", "CONNECT", ":scheme", "http", ":authority", "test.example"),
		pairs(":method", "CONNECT", ":path", "/", ":authority", "test.example"),
		pairs(":method", "CONNECT", ":scheme", "http", ":path", "/", ":authority", "test.example")),
	"HEADERS_Received_MissingAuthority_200Status":              hostIs(get("/").without(":authority"), ""),
	"HEADERS_Received_EmptyAuthority_200Status":                hostIs(get("/").with(":authority", ""), ""),
	"HEADERS_Received_EmptyAuthorityIgnoredOverHost_200Status": hostIs(append(get("/").with(":authority", ""), pairs("host", "abc")...), "abc"),
	"HEADERS_Received_AuthorityOverridesHost_200Status":        hostIs(append(get("/").with(":authority", "def"), pairs("host", "abc")...), "def"),
	"HEADERS_Received_AuthorityOverridesInvalidHost_200Status": hostIs(append(get("/").with(":authority", "def"), pairs("host", "a=bc")...), "def"),
	"HEADERS_Received_InvalidAuthorityWithValidHost_Reset": resets(
		append(get("/").with(":authority", "local=host:80"), pairs("host", "abc")...)),
	"HEADERS_Received_TwoHosts_StreamReset":     resets(append(get("/").without(":authority"), pairs("host", "host1", "host", "host2")...)),
	"HEADERS_Received_MaxRequestLineSize_Reset": resets(get("/" + strings.Repeat("a", 8192))),
}
