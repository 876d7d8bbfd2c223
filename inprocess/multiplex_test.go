package inprocess

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/lannerhq/lanner/internal/handover"
	"github.com/lannerhq/lanner/server"
)

// clientOf speaks HTTP/2 with prior knowledge to the worker.
func clientOf(t *testing.T) *http.Client {
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: time.Minute}
}

func TestHTTP2IsServedWhereEveryRequestIsTheApplications(t *testing.T) {
	for _, share := range []bool{true, false} {
		h := newHosted(share)
		if err := h.Start(t.Context(), server.HTTP(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Header().Set("X-Proto", r.Proto) }))); err != nil {
			t.Fatal(err)
		}
		client, url := clientOf(t), h.addresses.Addresses()[0]
		get := func(path string) (string, error) {
			res, err := client.Get(url + path)
			if err != nil {
				return "", err
			}
			res.Body.Close()
			return res.Header.Get("X-Proto"), nil
		}
		for range 3 {
			if proto, err := get("/"); proto != "HTTP/2.0" || err != nil {
				t.Errorf("shared socket %v: the application saw %q, %v, want HTTP/2", share, proto, err)
			}
		}
		// A reload gives a path to another application.
		h.Server.own(newOwnership([]handover.Route{{PathPrefix: "/"}}, []string{"/theirs"}, nil))
		deadline := time.Now().Add(time.Minute)
		for { // on the old connection, as long as the client has not read that it is to make a new one
			if _, err := get("/"); err != nil {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("shared socket %v: HTTP/2 goes on, want HTTP/1.1 to be required", share)
			}
		}
		client.CloseIdleConnections()
		if err := h.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

func TestAStreamOfAnotherApplicationIsRefused(t *testing.T) {
	h := newHosted(true)
	entered, goOn := make(chan struct{}), make(chan struct{})
	if err := h.Start(t.Context(), server.HTTP(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/wait" {
			close(entered)
			<-goOn
		}
	}))); err != nil {
		t.Fatal(err)
	}
	client, url := clientOf(t), h.addresses.Addresses()[0]
	done := make(chan error)
	go func() {
		res, err := client.Get(url + "/wait")
		if err == nil {
			res.Body.Close()
		}
		done <- err
	}()
	<-entered
	h.Server.routes.Store(newOwnership([]handover.Route{{PathPrefix: "/"}}, []string{"/theirs"}, nil)) // before clients are told
	if res, err := client.Get(url + "/theirs/x"); err == nil {
		res.Body.Close()
		t.Errorf("it was answered %d", res.StatusCode)
	} else if !strings.Contains(err.Error(), "HTTP_1_1_REQUIRED") {
		t.Errorf("%v, want HTTP_1_1_REQUIRED", err)
	}
	close(goOn)
	if err := <-done; err != nil {
		t.Errorf("the request that ran was lost: %v", err)
	}
	client.CloseIdleConnections()
	if err := h.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}
