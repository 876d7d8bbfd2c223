package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// overlay is a set of files that the go command reads instead of, or beside, those of Go's own tree (go help build,
// -overlay). Nothing of Go's is copied into this module or changed on disk.
type overlay struct {
	dir     string            // where the replacements are written
	Replace map[string]string // path in Go's tree: path of its replacement
}

func (o *overlay) add(path string, content []byte) error {
	file := filepath.Join(o.dir, fmt.Sprintf("%d-%s", len(o.Replace), filepath.Base(path)))
	o.Replace[path] = file
	return os.WriteFile(file, content, 0o644)
}

// write writes the overlay itself and returns its path.
func (o *overlay) write() (string, error) {
	b, err := json.Marshal(o)
	if err != nil {
		return "", err
	}
	path := filepath.Join(o.dir, "overlay.json")
	return path, os.WriteFile(path, b, 0o644)
}

// hooks is added to package net/http: what the patched methods of Server call when it is set.
const hooks = `package http

import (
	"context"
	"net"
)

var (
	LannerServe      func(s *Server, l, original net.Listener) (handled bool, err error)
	LannerShutdown   func(s *Server, ctx context.Context) (handled bool, err error)
	LannerClose      func(s *Server)
	LannerKeepAlives func(s *Server, enabled bool)
)
`

// patch is text to be inserted into a method of http.Server, before the first statement that begins with anchor.
type patch struct{ method, anchor, text string }

var patches = []patch{
	{"Serve", "baseCtx :=", "if LannerServe != nil {\nif handled, err := LannerServe(s, l, origListener); handled {\nreturn err\n}\n}\n"},
	{"Shutdown", "s.listenerGroup.Wait()", "if LannerShutdown != nil {\nif handled, err := LannerShutdown(s, ctx); handled {\nif lnerr == nil {\nlnerr = err\n}\nreturn lnerr\n}\n}\n"},
	{"Close", "s.inShutdown.Store", "if LannerClose != nil {\nLannerClose(s)\n}\n"},
	{"SetKeepAlivesEnabled", "", "if LannerKeepAlives != nil {\nLannerKeepAlives(s, v)\n}\n"},
}

// insertion is text to be put at an offset of a file.
type insertion struct {
	at   int
	text string
}

// splice applies insertions; the offsets are those of src.
func splice(src []byte, insertions []insertion) []byte {
	slices.SortStableFunc(insertions, func(a, b insertion) int { return a.at - b.at })
	var out bytes.Buffer
	from := 0
	for _, in := range insertions {
		out.Write(src[from:in.at])
		out.WriteString(in.text)
		from = in.at
	}
	out.Write(src[from:])
	return out.Bytes()
}

// patchServer returns net/http's server.go with calls of the hooks.
func patchServer(path string, src []byte) ([]byte, error) {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, path, src, 0)
	if err != nil {
		return nil, err
	}
	var insertions []insertion
	for _, p := range patches {
		at, err := anchor(fset, file, src, p)
		if err != nil {
			return nil, fmt.Errorf("cannot patch %s: %w; this Go release is laid out in another way than those known: adapt the table patches in test/nethttp/overlay.go", path, err)
		}
		insertions = append(insertions, insertion{at, p.text})
	}
	return splice(src, insertions), nil
}

// anchor finds where in its method a patch goes.
func anchor(fset *token.FileSet, file *ast.File, src []byte, p patch) (int, error) {
	for _, decl := range file.Decls {
		fn, ok := decl.(*ast.FuncDecl)
		if !ok || fn.Name.Name != p.method || receiver(fn) != "Server" {
			continue
		}
		for _, stmt := range fn.Body.List {
			at := fset.Position(stmt.Pos()).Offset
			if bytes.HasPrefix(src[at:], []byte(p.anchor)) {
				return at, nil
			}
		}
		return 0, fmt.Errorf("no statement of Server.%s begins with %q", p.method, p.anchor)
	}
	return 0, fmt.Errorf("no method Server.%s", p.method)
}

// receiver returns the name of the type fn is a method of.
func receiver(fn *ast.FuncDecl) string {
	if fn.Recv == nil || len(fn.Recv.List) != 1 {
		return ""
	}
	t := fn.Recv.List[0].Type
	if star, ok := t.(*ast.StarExpr); ok {
		t = star.X
	}
	if id, ok := t.(*ast.Ident); ok {
		return id.Name
	}
	return ""
}

// patchTests returns a test file in which every test begins by asking the shim, its package, and the names of its tests. No
// test runs beside another: the shim could not tell whose servers are whose.
func patchTests(path string, src []byte) (pkg string, adapted []byte, names []string, err error) {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, path, src, 0)
	if err != nil {
		return "", nil, nil, err
	}
	var insertions []insertion
	for _, decl := range file.Decls {
		fn, ok := decl.(*ast.FuncDecl)
		if !ok || fn.Body == nil {
			continue
		}
		after := fset.Position(fn.Body.Lbrace).Offset + 1
		switch t := parameter(fn, "testing", "T"); {
		case t != "" && isTest(fn.Name.Name):
			names = append(names, fn.Name.Name)
			insertions = append(insertions, insertion{after, " lannerBegin(" + t + "); "})
		case fn.Name.Name == "run" && fn.Recv == nil:
			at, err := modes(fset, fn)
			if err != nil {
				return "", nil, nil, fmt.Errorf("cannot adapt the function run of %s: %w", path, err)
			}
			insertions = append(insertions, at)
		}
		insertions = append(insertions, serial(fset, fn)...)
	}
	return file.Name.Name, splice(src, insertions), names, nil
}

// serial disables the calls of T.Parallel in fn.
func serial(fset *token.FileSet, fn *ast.FuncDecl) (insertions []insertion) {
	ast.Inspect(fn, func(n ast.Node) bool {
		stmt, ok := n.(*ast.ExprStmt)
		if !ok {
			return true
		}
		call, ok := stmt.X.(*ast.CallExpr)
		if !ok || len(call.Args) > 0 {
			return true
		}
		if sel, ok := call.Fun.(*ast.SelectorExpr); ok && sel.Sel.Name == "Parallel" {
			insertions = append(insertions, insertion{fset.Position(stmt.Pos()).Offset, "if false { "},
				insertion{fset.Position(stmt.End()).Offset, " }"})
		}
		return true
	})
	return insertions
}

func isTest(name string) bool {
	rest, ok := strings.CutPrefix(name, "Test")
	return ok && name != "TestMain" && (rest == "" || rest[0] < 'a' || rest[0] > 'z')
}

// parameter returns the name of fn's only parameter if its type is *pkg.typ.
func parameter(fn *ast.FuncDecl, pkg, typ string) string {
	if fn.Recv != nil || len(fn.Type.Params.List) != 1 || len(fn.Type.Params.List[0].Names) != 1 {
		return ""
	}
	star, ok := fn.Type.Params.List[0].Type.(*ast.StarExpr)
	if !ok {
		return ""
	}
	sel, ok := star.X.(*ast.SelectorExpr)
	if !ok || sel.Sel.Name != typ {
		return ""
	}
	if x, ok := sel.X.(*ast.Ident); !ok || x.Name != pkg {
		return ""
	}
	return fn.Type.Params.List[0].Names[0].Name
}

// modes finds the call t.Run(string(mode), func(t T) {...}) in the function that runs a test once per protocol, and has
// the inner function ask the shim about the mode.
func modes(fset *token.FileSet, run *ast.FuncDecl) (in insertion, err error) {
	err = fmt.Errorf("it does not call t.Run(string(mode), func...)")
	ast.Inspect(run, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || len(call.Args) != 2 {
			return true
		}
		sel, isSel := call.Fun.(*ast.SelectorExpr)
		inner, isFunc := call.Args[1].(*ast.FuncLit)
		if isSel && isFunc && sel.Sel.Name == "Run" {
			in, err = insertion{fset.Position(inner.Body.Lbrace).Offset + 1, " lannerMode(t, string(mode)); "}, nil
		}
		return true
	})
	return in, err
}

// glue connects the package of the tests with the shim.
func glue(pkg string) []byte {
	return []byte("package " + pkg + `

import (
	lannerhttp "net/http"
	"testing"

	"github.com/lannerhq/lanner/test/nethttp/shim"
)

func init() {
	lannerhttp.LannerServe = shim.Serve
	lannerhttp.LannerShutdown = shim.Shutdown
	lannerhttp.LannerClose = shim.Close
	lannerhttp.LannerKeepAlives = shim.KeepAlives
}

func lannerBegin(t *testing.T)             { t.Helper(); shim.Begin(t) }
func lannerMode(t testing.TB, mode string) { t.Helper(); shim.Mode(t, mode) }

var _, _ = lannerBegin, lannerMode
`)
}
