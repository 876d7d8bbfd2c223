package main

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/lannerhq/lanner/server"
)

func TestBothInterfacesServeTheFileAndTheTargetsPaths(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "4k.bin"), []byte("content"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, api := range []string{"http", "native"} {
		for _, static := range []bool{false, true} {
			application, err := choose(api, dir, static)
			if err != nil {
				t.Fatal(err)
			}
			for path, want := range map[string]string{"/files/4k.bin": "content", "/plaintext": "Hello, World!"} {
				got := httptest.NewRecorder()
				server.Handler(application).ServeHTTP(got, httptest.NewRequest("GET", path, nil))
				if got.Code != 200 || got.Body.String() != want {
					t.Errorf("-api %s -static=%t: GET %s is answered %d %q, want 200 %q", api, static, path, got.Code, got.Body, want)
				}
				if tagged := got.Header().Get("Etag") != ""; tagged != (static && path == "/files/4k.bin") {
					t.Errorf("-api %s -static=%t: GET %s has an entity tag: %t; only staticfiles makes one", api, static, path, tagged)
				}
			}
			missing := httptest.NewRecorder()
			server.Handler(application).ServeHTTP(missing, httptest.NewRequest("GET", "/files/missing", nil))
			if missing.Code != 404 {
				t.Errorf("-api %s -static=%t: a file that is not there is answered %d, want 404", api, static, missing.Code)
			}
		}
	}
}

func TestWrongArgumentsAreRefused(t *testing.T) {
	if _, err := choose("soap", "", false); err == nil {
		t.Error("an interface that does not exist is accepted")
	}
	for _, static := range []bool{false, true} {
		if _, err := choose("http", filepath.Join(t.TempDir(), "missing"), static); err == nil {
			t.Errorf("-static=%t: a folder that does not exist is accepted", static)
		}
	}
}
