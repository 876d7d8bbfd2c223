package lanner_test

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// imports is the table of ARCHITECTURE.md: which packages of this module a package may import. "x/..." is x and all below.
// It is a statement of policy: change the code, not the table, to make the test pass.
var imports = map[string][]string{
	"internal/httpcommon":            {},
	"internal/memnet":                {},
	"internal/bufpool":               {},
	"internal/transport":             {},
	"internal/handover":              {},
	"internal/filelock":              {},
	"internal/tlsconfig":             {"internal/filelock"},
	"metrics":                        {},
	"internal/route":                 {"internal/httpcommon"},
	"internal/http1":                 {"internal/httpcommon", "internal/bufpool"},
	"internal/hpack":                 {},
	"internal/clienthello":           {},
	"internal/muxcommon":             {"internal/httpcommon", "internal/bufpool"},
	"internal/http2":                 {"internal/httpcommon", "internal/bufpool", "internal/hpack", "internal/muxcommon"},
	"internal/http3":                 {"internal/httpcommon", "internal/bufpool", "internal/hpack", "internal/muxcommon"},
	"http3":                          {"kestrel", "internal/http3", "internal/httpconn", "internal/httpcommon"},
	"accesslog":                      {"internal/editdistance"},
	"server":                         {"internal/httpcommon"},
	"connection":                     {"server"},
	"connection/connlog":             {"connection"},
	"connection/proxyprotocol":       {"connection", "server"},
	"server/servertest":              {"server", "internal/httpcommon"},
	"internal/httpconn":              {"server", "connection", "accesslog", "metrics", "internal/http1", "internal/http2", "internal/http3", "internal/muxcommon", "internal/clienthello", "internal/transport", "internal/httpcommon"},
	"kestrel":                        {"server", "connection", "accesslog", "metrics", "internal/httpconn", "internal/http1", "internal/transport", "internal/tlsconfig", "internal/httpcommon", "internal/jsonc", "internal/editdistance"},
	"inprocess":                      {"server", "kestrel", "internal/handover", "internal/httpconn", "internal/http1", "internal/transport", "internal/route"},
	"acme":                           {"internal/filelock"},
	"middleware/...":                 {"server", "internal/httpcommon", "middleware/..."},
	"":                               {"server", "kestrel", "inprocess", "middleware/iisintegration", "internal/devcert"},
	"internal/editdistance":          {},
	"internal/host/config":           {"internal/editdistance", "internal/devcert"},
	"internal/host/process":          {},
	"internal/host/control":          {"internal/editdistance", "internal/filelock"},
	"internal/host/module":           {"internal/host/process"},
	"internal/host/forwarder":        {"server", "internal/httpcommon"},
	"internal/host":                  {"server", "kestrel", "internal/host/...", "internal/handover", "internal/httpconn", "internal/http1", "internal/httpcommon", "internal/route", "internal/tlsconfig", "internal/devcert", "internal/clienthello", "acme"},
	"internal/jsonc":                 {},
	"internal/launch":                {"internal/jsonc"},
	"internal/scaffold":              {},
	"internal/devcert":               {"internal/filelock"},
	"cmd/lanner":                     {"internal/host/...", "internal/host", "internal/launch", "internal/scaffold", "internal/devcert"},
	"examples/customserver/nethttp":  {"server"},
	"examples/customserver/fasthttp": {"server"},
	"examples/acme":                  {"acme", "kestrel", "server"},
	"examples/demo/site":             {"", "server", "inprocess"},
	"test/...":                       {"..."},
}

// budget is what the library's packages may link besides the standard library and this module.
var budget = map[string][]string{
	"metrics": {},
	"server":  {"golang.org/x/net", "golang.org/x/sys", "golang.org/x/text"},
	"kestrel": {"golang.org/x/net", "golang.org/x/sys", "golang.org/x/text", "golang.org/x/crypto", "software.sslmate.com/src/go-pkcs12"},
}

const module = "github.com/lannerhq/lanner"

type listedPackage struct {
	ImportPath string
	Imports    []string
	Module     *struct{ Path string }
}

func list(t *testing.T, args ...string) []listedPackage {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-json=ImportPath,Imports,Module"}, args...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	var pkgs []listedPackage
	for dec := json.NewDecoder(bytes.NewReader(out)); dec.More(); {
		var p listedPackage
		if err := dec.Decode(&p); err != nil {
			t.Fatal(err)
		}
		pkgs = append(pkgs, p)
	}
	return pkgs
}

func relative(path string) (string, bool) {
	if path == module {
		return "", true
	}
	return strings.CutPrefix(path, module+"/")
}

// matches reports whether a package is meant by an entry of the table.
func matches(entry, pkg string) bool {
	if prefix, ok := strings.CutSuffix(entry, "..."); ok {
		return strings.HasPrefix(pkg+"/", prefix)
	}
	return entry == pkg
}

func TestPackagesImportOnlyWhatTheTableAllows(t *testing.T) {
	for _, p := range list(t, "./...") {
		name, _ := relative(p.ImportPath)
		allowed, found := imports[name]
		for entry, list := range imports {
			if !found && matches(entry, name) {
				allowed, found = list, true
			}
		}
		if !found {
			t.Errorf("package %s is not in the import table: add it to ARCHITECTURE.md and deps_test.go", name)
			continue
		}
		for _, path := range p.Imports {
			if imported, ours := relative(path); ours && !slices.ContainsFunc(allowed, func(entry string) bool { return matches(entry, imported) }) {
				t.Errorf("%s imports %s, which the import table does not allow", name, imported)
			}
		}
	}
}

func TestTheLibraryLinksFewModules(t *testing.T) {
	for pkg, allowed := range budget {
		for _, p := range list(t, "-deps", "./"+pkg) {
			if p.Module != nil && p.Module.Path != module && !slices.Contains(allowed, p.Module.Path) {
				t.Errorf("%s links %s of module %s, which its dependency budget does not allow", pkg, p.ImportPath, p.Module.Path)
			}
		}
	}
}

// Whoever does not import package acme does not link certmagic, and the host alone does so by itself.
func TestServersDoNotLinkCertmagic(t *testing.T) {
	for _, pkg := range []string{".", "./server", "./kestrel", "./inprocess", "./http3", "./middleware/..."} {
		for _, p := range list(t, "-deps", pkg) {
			if p.ImportPath == module+"/acme" || strings.HasPrefix(p.ImportPath, "github.com/caddyserver/") {
				t.Errorf("%s links %s", pkg, p.ImportPath)
			}
		}
	}
}

// Whoever does not import package http3 does not link a QUIC implementation.
func TestOnlyPackageHTTP3LinksQUIC(t *testing.T) {
	for _, p := range list(t, "./...") {
		name, _ := relative(p.ImportPath)
		if name == "http3" || strings.HasPrefix(name, "test/") {
			continue
		}
		for _, path := range p.Imports {
			if strings.HasPrefix(path, "github.com/quic-go/") || path == module+"/http3" && !strings.HasPrefix(name, "examples/") {
				t.Errorf("%s imports %s", name, path)
			}
		}
	}
}
