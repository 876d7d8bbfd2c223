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
		application, err := choose(api, dir)
		if err != nil {
			t.Fatal(err)
		}
		for path, want := range map[string]string{"/files/4k.bin": "content", "/plaintext": "Hello, World!"} {
			got := httptest.NewRecorder()
			server.Handler(application).ServeHTTP(got, httptest.NewRequest("GET", path, nil))
			if got.Code != 200 || got.Body.String() != want {
				t.Errorf("-api %s: GET %s is answered %d %q, want 200 %q", api, path, got.Code, got.Body, want)
			}
		}
		missing := httptest.NewRecorder()
		server.Handler(application).ServeHTTP(missing, httptest.NewRequest("GET", "/files/missing", nil))
		if missing.Code != 404 {
			t.Errorf("-api %s: a file that is not there is answered %d, want 404", api, missing.Code)
		}
	}
}

func TestWrongArgumentsAreRefused(t *testing.T) {
	if _, err := choose("soap", ""); err == nil {
		t.Error("an interface that does not exist is accepted")
	}
	if _, err := choose("http", filepath.Join(t.TempDir(), "missing")); err == nil {
		t.Error("a folder that does not exist is accepted")
	}
}
