// Command app is the application of test/target as a program that is hosted: it calls lanner.New(...).Run and so serves by
// itself when it is started by hand, and takes its clients from the host when the host started it. The benchmarks compare
// the same program in all of its places.
//
//	app [-api http|native] [-files DIR] [-urls http://127.0.0.1:PORT]
//
// With -files it answers GET /files/NAME from a folder as well.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"os"

	"github.com/lannerhq/lanner"
	"github.com/lannerhq/lanner/server"
	"github.com/lannerhq/lanner/test/target/app"
)

func main() {
	api := flag.String("api", "http", "programming interface: http or native")
	files := flag.String("files", "", "folder for GET /files/NAME")
	flag.String("urls", "", "where to listen, when started by hand; lanner.Run reads it")
	flag.Parse()
	application, err := choose(*api, *files)
	if err != nil {
		log.Fatal("app: ", err)
	}
	quiet := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	if err := lanner.New(application, lanner.WithLogger(quiet)).Run(context.Background()); err != nil {
		log.Fatal("app: ", err)
	}
}

// choose returns the application in one of the two programming interfaces.
func choose(api, files string) (server.Application, error) {
	var root *os.Root
	if files != "" {
		var err error
		if root, err = os.OpenRoot(files); err != nil {
			return nil, fmt.Errorf("cannot open the folder of -files: %w", err)
		}
	}
	switch api {
	case "http":
		return server.HTTP(httpApplication(root)), nil
	case "native":
		return nativeApplication(root), nil
	}
	return nil, fmt.Errorf("-api %q: it must be http or native", api)
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
