package app

import (
	"encoding/json"
	"io"
	"net/http"

	"github.com/lannerhq/lanner/server"
)

const (
	hello       = "Hello, World!"
	helloLength = "13"
	helloJSON   = `{"message":"Hello, World!"}`
)

// message is the answer of /json.
type message struct {
	Message string `json:"message"`
}

func textHTTP(w http.ResponseWriter, _ *http.Request) {
	h := w.Header()
	h.Set("Content-Length", helloLength)
	h.Set("Content-Type", "text/plain")
	io.WriteString(w, hello)
}

func textNative(c *server.Context) error {
	c.SetHeader("Content-Length", helloLength)
	c.SetHeader("Content-Type", "text/plain")
	return writeNative(c, hello)
}

func jsonHTTP(w http.ResponseWriter, _ *http.Request) {
	body, err := json.Marshal(message{hello})
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	writeJSON(w, body)
}

func jsonNative(c *server.Context) error {
	c.SetContentLength(int64(len(helloJSON)))
	c.SetHeader("Content-Type", "application/json")
	return writeNative(c, helloJSON)
}
