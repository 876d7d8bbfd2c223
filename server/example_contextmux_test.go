package server_test

import (
	"fmt"
	"net/http/httptest"
	"strconv"
	"strings"

	"github.com/lannerhq/lanner/server"
)

// An API without allocations: a route with a parameter, an answer that is rendered into the Context's own memory, and a
// body of at most 4 KiB that comes back. lanner.New(mux) would serve it; here net/http carries it.
func ExampleContextMux() {
	mux := new(server.ContextMux)
	mux.Handle("GET /users/{id}", func(c *server.Context) error {
		id, err := strconv.Atoi(c.PathValue("id"))
		if err != nil {
			c.SetStatus(400)
			return nil
		}
		b := append(c.Buffer(64), `{"id":`...)
		b = strconv.AppendInt(b, int64(id), 10)
		b = append(b, `,"active":true}`...)
		c.SetHeader("Content-Type", "application/json")
		return c.WriteBody(b)
	})
	mux.Handle("POST /echo", func(c *server.Context) error {
		body, err := c.ReadBody(nil, 4096)
		if err != nil {
			return err // a body that is too large is answered with 413
		}
		return c.WriteBody(body)
	})
	// Whatever runs around the mux learns which route it was.
	app := server.ApplicationFunc(func(f *server.Features) error {
		err := mux.Process(f)
		if route, ok := server.Get[server.RouteFeature](f); ok {
			fmt.Println("route:", route.Route())
		}
		return err
	})

	handler := server.Handler(app)
	for _, request := range []string{"GET /users/42", "POST /echo", "DELETE /users/42"} {
		method, target, _ := strings.Cut(request, " ")
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(method, target, strings.NewReader("hello")))
		fmt.Println(w.Code, w.Header().Get("Allow"), strings.TrimSpace(w.Body.String()))
	}
	// Output:
	// route: GET /users/{id}
	// 200  {"id":42,"active":true}
	// route: POST /echo
	// 200  hello
	// 405 GET, HEAD Method Not Allowed
}
