package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/lannerhq/lanner/server"
)

// counts is what http2Application has seen.
type counts struct {
	mu        sync.Mutex
	Protocols map[string]int  // requests by version
	Requests  map[string]int  // by connection
	Connects  map[string]int  // extended CONNECTs by connection
	Agents    map[string]bool // the clients' names
}

func (c *counts) add(r *http.Request) {
	connection, _ := server.From[server.ConnectionFeature](r.Context())
	c.mu.Lock()
	defer c.mu.Unlock()
	c.Protocols[r.Proto]++
	c.Agents[r.UserAgent()] = true
	c.Requests[connection.ConnectionID()]++
	if _, extended := server.From[server.ExtendedConnectFeature](r.Context()); extended {
		c.Connects[connection.ConnectionID()]++
	}
}

// pageResources is how many scripts the page of http2Application loads, unless it is asked for n of them.
const pageResources = 50

// http2Application adds to peerApplication a page, trailers, and counts of what was asked.
func http2Application() http.Handler {
	seen := &counts{Protocols: map[string]int{}, Requests: map[string]int{}, Connects: map[string]int{}, Agents: map[string]bool{}}
	mux := http.NewServeMux()
	mux.Handle("/", peerApplication())
	mux.HandleFunc("/counts", func(w http.ResponseWriter, _ *http.Request) {
		seen.mu.Lock()
		defer seen.mu.Unlock()
		json.NewEncoder(w).Encode(seen)
	})
	mux.HandleFunc("/trailers", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "Grpc-Status, X-Count")
		w.Header().Set("Content-Type", r.Header.Get("Content-Type"))
		n, err := io.Copy(w, r.Body)
		w.Header().Set("Grpc-Status", "0")
		w.Header().Set("X-Count", fmt.Sprint(n, " ", err, " ", r.Trailer.Get("X-Sent")))
	})
	mux.HandleFunc("/resource", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/javascript")
		fmt.Fprintf(w, "window.loaded = (window.loaded || 0) + 1; // %s %s", r.FormValue("n"), strings.Repeat("x", 5000))
	})
	mux.HandleFunc("/page", func(w http.ResponseWriter, r *http.Request) {
		resources, err := strconv.Atoi(r.FormValue("n"))
		if err != nil {
			resources = pageResources
		}
		w.Header().Set("Content-Type", "text/html")
		io.WriteString(w, "<!doctype html><title>HTTP/2</title><link rel=icon href=data:,><p id=protocols></p><p id=socket></p>\n")
		for n := range resources {
			fmt.Fprintf(w, "<script src=\"/resource?n=%d\" async></script>\n", n)
		}
		io.WriteString(w, pageScript)
	})
	mux.HandleFunc("/switch", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		io.WriteString(w, "<!doctype html><link rel=icon href=data:,><p id=protocols></p>\n"+switchScript)
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/counts" {
			seen.add(r)
		}
		mux.ServeHTTP(w, r)
	})
}

// pageScript writes into the page by which protocols it came, and what a WebSocket echoes.
const pageScript = `<script>
addEventListener("load", () => {
  const entries = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")];
  const protocols = {};
  for (const e of entries) protocols[e.nextHopProtocol] = (protocols[e.nextHopProtocol] || 0) + 1;
  document.getElementById("protocols").textContent = "loaded " + window.loaded + ", protocols " + JSON.stringify(protocols);
  const socket = new WebSocket("wss://" + location.host + "/ws");
  socket.onopen = () => socket.send("hello by WebSocket");
  socket.onmessage = (m) => { document.getElementById("socket").textContent = "echoed: " + m.data; };
  socket.onerror = () => { document.getElementById("socket").textContent = "failed"; };
});
</script>
`

// switchScript asks again and again until a request goes by HTTP/3, and writes into the page by which protocols they went.
const switchScript = `<script>
(async () => {
  const protocols = [performance.getEntriesByType("navigation")[0].nextHopProtocol];
  for (let n = 0; n < 2000 && protocols.at(-1) !== "h3"; n++) {
    const url = new URL("/resource?switch=" + n, location).href;
    await (await fetch(url, {cache: "no-store"})).text();
    protocols.push(performance.getEntriesByName(url).at(-1)?.nextHopProtocol);
    await new Promise((done) => setTimeout(done, 10));
  }
  document.getElementById("protocols").textContent = "from " + protocols[0] + " to " + protocols.at(-1);
})();
</script>
`
