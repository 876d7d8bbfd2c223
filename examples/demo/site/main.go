// Command site is the demo's application in Go. It is an ordinary http.Handler: run it by hand and kestrel serves it, let
// lanner host start it and it takes its clients' connections from the host.
package main

import (
	"embed"
	"html/template"
	"io"
	"log"
	"net/http"
	"os"
	"runtime"
	"time"

	"github.com/coder/websocket"

	"github.com/lannerhq/lanner"
	"github.com/lannerhq/lanner/inprocess"
	"github.com/lannerhq/lanner/server"
)

//go:embed page.html style.css page.js
var files embed.FS

var page = template.Must(template.ParseFS(files, "page.html"))

func main() {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", home)
	mux.HandleFunc("GET /ws", echo)
	mux.HandleFunc("POST /upload", upload)
	mux.Handle("GET /style.css", http.FileServerFS(files))
	mux.Handle("GET /page.js", http.FileServerFS(files))
	if err := lanner.Run(mux); err != nil {
		log.Fatal(err)
	}
}

// facts is what the page says about the request that made it.
type facts struct {
	Hosting, Worker, Protocol, Remote, Connection, Request, Go, Neighbour string
	PID                                                                   int
	Started                                                               string
}

var started = time.Now()

func home(w http.ResponseWriter, r *http.Request) {
	f := facts{
		Hosting: "by hand: this process listens itself", Protocol: r.Proto, Remote: r.RemoteAddr, PID: os.Getpid(),
		Go: runtime.Version(), Started: started.Format(time.TimeOnly), Neighbour: os.Getenv("DEMO_NEIGHBOUR"),
	}
	if env, ok := server.From[inprocess.Environment](r.Context()); ok {
		f.Hosting = "in-process: the host handed over the connection, no request crosses a second hop"
		f.Worker = env.Worker
	}
	if c, ok := server.From[server.ConnectionFeature](r.Context()); ok {
		f.Connection = c.ConnectionID()
	}
	if id, ok := server.From[server.RequestIdentifierFeature](r.Context()); ok {
		f.Request = id.TraceIdentifier()
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if err := page.Execute(w, f); err != nil {
		log.Print(err)
	}
}

// echo is a WebSocket, by a library that knows nothing of Lanner.
func echo(w http.ResponseWriter, r *http.Request) {
	c, err := websocket.Accept(w, r, nil)
	if err != nil {
		return // the library has answered
	}
	defer c.CloseNow()
	for {
		kind, message, err := c.Read(r.Context())
		if err != nil {
			return
		}
		if err := c.Write(r.Context(), kind, message); err != nil {
			return
		}
	}
}

func upload(w http.ResponseWriter, r *http.Request) {
	n, err := io.Copy(io.Discard, r.Body)
	if err != nil {
		return // the server answers for what the client did wrong
	}
	log.Printf("took an upload of %d bytes", n)
	w.WriteHeader(http.StatusNoContent)
}
