package compat

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
)

func TestGinHandles(t *testing.T) {
	gin.SetMode(gin.ReleaseMode)
	everywhere(t, func(t *testing.T, serve func(http.Handler) *site) {
		e := gin.New()
		e.HandleMethodNotAllowed = true
		e.Use(gin.RecoveryWithWriter(io.Discard), func(c *gin.Context) {
			c.Header("X-Before", "1")
			c.Next()
			c.Set("after", c.Writer.Size())
		})
		e.GET("/users/:id/*rest", func(c *gin.Context) { c.String(200, "%s %s %s", c.Param("id"), c.Param("rest"), c.Query("q")) })
		e.POST("/json", func(c *gin.Context) {
			var in struct {
				Name  string `json:"name" binding:"required"`
				Count int    `json:"count" binding:"gte=1"`
			}
			if err := c.ShouldBindJSON(&in); err != nil {
				c.JSON(400, gin.H{"error": "invalid"})
				return
			}
			c.JSON(201, gin.H{"name": in.Name, "twice": 2 * in.Count})
		})
		e.GET("/panic", func(*gin.Context) { panic("on purpose") })
		e.GET("/abort", func(c *gin.Context) { c.AbortWithStatus(403) }, func(c *gin.Context) { c.String(200, "never") })
		e.GET("/ip", func(c *gin.Context) { c.String(200, c.ClientIP()) })
		e.POST("/form", func(c *gin.Context) {
			file, err := c.FormFile("file")
			if err != nil {
				c.String(400, err.Error())
				return
			}
			c.String(200, "%s %s %d", c.PostForm("name"), file.Filename, file.Size)
		})
		e.GET("/redirect", func(c *gin.Context) { c.Redirect(302, "/ip") })
		s := serve(e)
		first := s.get(t, "/users/7/a/b?q=x")
		first.want(t, "parameters", 200, "7 /a/b x")
		first.wantField(t, "middleware", "X-Before", "1")
		s.do(t, "POST", "/json", strings.NewReader(`{"name":"a","count":21}`)).want(t, "JSON binding", 201, `{"name":"a","twice":42}`)
		s.do(t, "POST", "/json", strings.NewReader(`{"count":0}`)).want(t, "validation", 400, `{"error":"invalid"}`)
		s.get(t, "/panic").want(t, "recovery", 500, "")
		s.get(t, "/abort").want(t, "an aborted chain", 403, "")
		s.get(t, "/ip").want(t, "the client's address", 200, "127.0.0.1")
		s.get(t, "/redirect").wantField(t, "a redirect", "Location", "/ip")
		s.do(t, "DELETE", "/json", nil).want(t, "the method does not match", 405, "405 method not allowed")
		s.get(t, "/nowhere").want(t, "no route", 404, "404 page not found")
		body, contentType := multipartBody(t, map[string]string{"name": "n"}, "file", "f.bin", pattern(100_000))
		s.do(t, "POST", "/form", body, "Content-Type", contentType).want(t, "a form with a file", 200, "n f.bin 100000")
	})
}

func TestGinStreamsEventsUntilTheClientLeaves(t *testing.T) {
	gin.SetMode(gin.ReleaseMode)
	everywhere(t, func(t *testing.T, serve func(http.Handler) *site) {
		next, left := make(chan int), make(chan bool, 1)
		e := gin.New()
		e.GET("/events", func(c *gin.Context) {
			left <- c.Stream(func(io.Writer) bool {
				select {
				case n := <-next:
					c.SSEvent("number", n)
					return true
				case <-c.Request.Context().Done():
					return true
				}
			})
		})
		s := serve(e)
		ctx, leave := context.WithCancel(t.Context())
		defer leave()
		req, _ := http.NewRequestWithContext(ctx, "GET", s.URL+"/events", nil)
		res := make(chan *http.Response, 1)
		go func() {
			r, err := s.Client.Do(req)
			if err != nil {
				t.Errorf("GET /events: %v", err)
			}
			res <- r
		}()
		send(t, next, 0)
		r := wait(t, res, "the response begins with the first event")
		if r == nil {
			return
		}
		defer r.Body.Close()
		if got := r.Header.Get("Content-Type"); got != "text/event-stream;charset=utf-8" && got != "text/event-stream" {
			t.Errorf("Content-Type %q", got)
		}
		lines := bufio.NewScanner(r.Body)
		for n := range 5 {
			if n > 0 {
				send(t, next, n)
			}
			for _, want := range []string{"event:number", fmt.Sprintf("data:%d", n), ""} {
				if !lines.Scan() || lines.Text() != want {
					t.Fatalf("event %d: got line %q (%v), want %q, before the next event is written", n, lines.Text(), lines.Err(), want)
				}
			}
		}
		leave()
		if !wait(t, left, "the client's leaving ends the stream") {
			t.Error("c.Stream returned false, want true: the client has left")
		}
	})
}
