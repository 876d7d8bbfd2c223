package compat

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
)

// multipartBody is a form with some fields and one file.
func multipartBody(t *testing.T, fields map[string]string, name, filename string, content []byte) (io.Reader, string) {
	t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for field, value := range fields {
		if err := w.WriteField(field, value); err != nil {
			t.Fatal(err)
		}
	}
	part, err := w.CreateFormFile(name, filename)
	if err != nil {
		t.Fatal(err)
	}
	part.Write(content)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return &body, w.FormDataContentType()
}

func TestMultipartUploads(t *testing.T) {
	content := pattern(3 << 20)
	sum := sha256.Sum256(content)
	want := "hello upload.bin " + hex.EncodeToString(sum[:])
	everywhere(t, func(t *testing.T, serve func(http.Handler) *site) {
		s := serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if err := r.ParseMultipartForm(64 << 10); err != nil { // beyond that into files
				http.Error(w, err.Error(), 400)
				return
			}
			defer r.MultipartForm.RemoveAll()
			file, header, err := r.FormFile("file")
			if err != nil {
				http.Error(w, err.Error(), 400)
				return
			}
			defer file.Close()
			h := sha256.New()
			io.Copy(h, file)
			fmt.Fprintf(w, "%s %s %x", r.FormValue("greeting"), header.Filename, h.Sum(nil))
		}))
		body, contentType := multipartBody(t, map[string]string{"greeting": "hello"}, "file", "upload.bin", content)
		s.do(t, "POST", "/", body, "Content-Type", contentType).want(t, "an upload with a length", 200, want)
		body, contentType = multipartBody(t, map[string]string{"greeting": "hello"}, "file", "upload.bin", content)
		chunked := io.MultiReader(body) // hides the length
		s.do(t, "POST", "/", chunked, "Content-Type", contentType).want(t, "an upload in chunks", 200, want)
		s.do(t, "POST", "/", strings.NewReader("--x\r\nContent-Disposition: form-data; name=a\r\n\r\nhalf"), "Content-Type", "multipart/form-data; boundary=x").want(t, "a form that is cut off", 400, "unexpected EOF\n")
	})
}

func TestCookiesGoThereAndBack(t *testing.T) {
	everywhere(t, func(t *testing.T, serve func(http.Handler) *site) {
		s := serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if session, err := r.Cookie("session"); err == nil {
				fmt.Fprintf(w, "%s of %d", session.Value, len(r.Cookies()))
				return
			}
			http.SetCookie(w, &http.Cookie{Name: "session", Value: "abc def", Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode})
			http.SetCookie(w, &http.Cookie{Name: "theme", Value: "dark", MaxAge: 60})
			io.WriteString(w, "set")
		}))
		jar, err := cookiejar.New(nil)
		if err != nil {
			t.Fatal(err)
		}
		s.Client.Jar = jar
		first := s.get(t, "/")
		first.want(t, "the first visit", 200, "set")
		if got := len(first.Cookies()); got != 2 {
			t.Errorf("%d cookies are set, want 2: %q", got, first.Header.Values("Set-Cookie"))
		}
		s.get(t, "/").want(t, "the second visit", 200, "abc def of 2")
	})
}

func TestBasicAuthAndForms(t *testing.T) {
	everywhere(t, func(t *testing.T, serve func(http.Handler) *site) {
		s := serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			user, password, ok := r.BasicAuth()
			if !ok || password != "pass:word" {
				w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
				http.Error(w, "who are you?", http.StatusUnauthorized)
				return
			}
			fmt.Fprintf(w, "%s %s", user, r.PostFormValue("a"))
		}))
		refused := s.get(t, "/")
		refused.want(t, "no credentials", 401, "who are you?\n")
		refused.wantField(t, "the challenge", "WWW-Authenticate", `Basic realm="test"`)
		form := url.Values{"a": {"1 & 2"}}
		req, _ := http.NewRequestWithContext(t.Context(), "POST", s.URL, bytes.NewReader([]byte(form.Encode())))
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.SetBasicAuth("someone", "pass:word")
		s.send(t, req).want(t, "credentials and a form", 200, "someone 1 & 2")
	})
}
