package kestrel

import (
	"net/http"
	"testing"

	"github.com/lannerhq/lanner/middleware/hostfiltering"
	"github.com/lannerhq/lanner/server"
)

func TestHostFilteringGoesInFrontOfBothKindsOfHandlers(t *testing.T) {
	opts := hostfiltering.Options{AllowedHosts: []string{"shop.example"}, Logger: discard}
	mid, err := hostfiltering.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	app, err := hostfiltering.NewApplication(opts)
	if err != nil {
		t.Fatal(err)
	}
	low := server.ContextHandler(func(c *server.Context) error {
		_, err := c.Write([]byte("hello"))
		return err
	})
	for name, a := range map[string]server.Application{
		"http.Handler": server.HTTP(mid(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write([]byte("hello")) }))),
		"low-level":    app(low),
		"both":         app(hello),
	} {
		for transport, kind := range transports() {
			t.Run(name+", "+transport, func(t *testing.T) {
				s := start(t, Options{Transport: kind, Endpoints: []Endpoint{{URL: "http://127.0.0.1:0"}}}, a)
				client := newClient(t, nil)
				for host, want := range map[string]int{"shop.example": 200, "shop.example:8080": 200, "other.example": 400} {
					req, err := http.NewRequest("GET", s.Addresses()[0], nil)
					if err != nil {
						t.Fatal(err)
					}
					req.Host = host
					res, err := client.Do(req)
					if err != nil {
						t.Fatal(err)
					}
					res.Body.Close()
					if res.StatusCode != want {
						t.Errorf("%s: %d, want %d", host, res.StatusCode, want)
					}
				}
			})
		}
	}
}
