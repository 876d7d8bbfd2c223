// Command app is the application of test/target as a program that is hosted: it calls lanner.New(...).Run and so serves by
// itself when it is started by hand, and takes its clients from the host when the host started it. The benchmarks compare
// the same program in all of its places.
//
//	app [-api http|native] [-files DIR [-static]] [-urls http://127.0.0.1:PORT] [-debug HOST:PORT]
//
// With -files it answers GET /files/NAME from a folder as well: by http.FileServer or a plain sendfile, with -static by
// middleware/staticfiles. With -debug it tells there how many objects it has allocated: GET /debug/mallocs.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"os"
	"strings"

	"github.com/lannerhq/lanner"
	"github.com/lannerhq/lanner/middleware/staticfiles"
	"github.com/lannerhq/lanner/server"
	"github.com/lannerhq/lanner/test/target/app"
	"github.com/lannerhq/lanner/test/target/mallocs"
)

func main() {
	api := flag.String("api", "http", "programming interface: http or native")
	files := flag.String("files", "", "folder for GET /files/NAME")
	static := flag.Bool("static", false, "serve the folder by middleware/staticfiles")
	debug := flag.String("debug", "", "where to tell allocations")
	flag.String("urls", "", "where to listen, when started by hand; lanner.Run reads it")
	flag.Parse()
	application, err := choose(*api, *files, *static)
	if err != nil {
		log.Fatal("app: ", err)
	}
	if *debug != "" {
		if _, _, err := mallocs.Serve(*debug); err != nil { // until the program ends
			log.Fatal("app: ", err)
		}
	}
	quiet := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	if err := lanner.New(application, lanner.WithLogger(quiet)).Run(context.Background()); err != nil {
		log.Fatal("app: ", err)
	}
}

// choose returns the application in one of the two programming interfaces. What it opens stays open until the program ends.
func choose(api, folder string, static bool) (server.Application, error) {
	if api != "http" && api != "native" {
		return nil, fmt.Errorf("-api %q: it must be http or native", api)
	}
	if static {
		files, err := staticfiles.New(staticfiles.Options{Root: folder, Prefix: strings.TrimSuffix(filesPath, "/")})
		if err != nil {
			return nil, fmt.Errorf("cannot serve the folder of -files: %w", err)
		}
		if api == "native" {
			return files.Application(app.Native()), nil
		}
		return server.HTTP(files.Middleware(app.HTTP())), nil
	}
	var root *os.Root
	if folder != "" {
		var err error
		if root, err = os.OpenRoot(folder); err != nil {
			return nil, fmt.Errorf("cannot open the folder of -files: %w", err)
		}
	}
	if api == "native" {
		return nativeApplication(root), nil
	}
	return server.HTTP(httpApplication(root)), nil
}

func httpApplication(root *os.Root) http.Handler {
	target := app.HTTP()
	if root == nil {
		return target
	}
	mux := http.NewServeMux()
	mux.Handle("/", target)
	mux.Handle("GET "+filesPath, http.StripPrefix(filesPath, http.FileServerFS(root.FS())))
	return mux
}
