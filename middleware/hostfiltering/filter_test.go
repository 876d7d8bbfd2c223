package hostfiltering

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"testing"
)

func TestFilterPassesAllowedHostsAndRefusesTheRest(t *testing.T) {
	for form, build := range forms {
		t.Run(form, func(t *testing.T) {
			h, err := build(t, Options{AllowedHosts: []string{"localhost;*.example.com"}, Logger: quiet()})
			if err != nil {
				t.Fatal(err)
			}
			for host, want := range map[string]int{
				"localhost:5000": http.StatusOK, "a.example.com": http.StatusOK,
				"evil.example": http.StatusBadRequest, "localhost:x": http.StatusBadRequest,
			} {
				if w := ask(h, "GET", host); w.Code != want {
					t.Errorf("host %q gets %d, want %d", host, w.Code, want)
				}
			}
		})
	}
}

func TestFilterAnswers400WithAPage(t *testing.T) {
	for form, build := range forms {
		t.Run(form, func(t *testing.T) {
			h, err := build(t, Options{AllowedHosts: []string{"localhost"}, Logger: quiet()})
			if err != nil {
				t.Fatal(err)
			}
			w := ask(h, "GET", "evil.example")
			if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "Invalid Hostname") {
				t.Errorf("got %d %q, want 400 and the page that says why", w.Code, w.Body)
			}
			if got := w.Header().Get("Content-Type"); !strings.HasPrefix(got, "text/html") {
				t.Errorf("Content-Type = %q, want text/html", got)
			}
			if got := w.Header().Get("Content-Length"); got != strconv.Itoa(len(failurePage)) {
				t.Errorf("Content-Length = %q, want the page's", got)
			}
			if strings.Contains(w.Body.String(), "evil.example") {
				t.Error("the page repeats what the client sent")
			}
		})
	}
}

func TestFilterLeavesTheBodyOutWhenAsked(t *testing.T) {
	for form, build := range forms {
		t.Run(form, func(t *testing.T) {
			h, err := build(t, Options{AllowedHosts: []string{"localhost"}, OmitFailureMessage: true, Logger: quiet()})
			if err != nil {
				t.Fatal(err)
			}
			if w := ask(h, "GET", "evil.example"); w.Code != http.StatusBadRequest || w.Body.Len() != 0 {
				t.Errorf("got %d with %d bytes, want 400 without a body", w.Code, w.Body.Len())
			}
		})
	}
}

func TestFilterPassesEmptyHostsUnlessToldNotTo(t *testing.T) {
	for form, build := range forms {
		for reject, want := range map[bool]int{false: http.StatusOK, true: http.StatusBadRequest} {
			for _, hosts := range []string{"localhost", "*"} {
				h, err := build(t, Options{AllowedHosts: []string{hosts}, RejectEmptyHosts: reject, Logger: quiet()})
				if err != nil {
					t.Fatal(err)
				}
				if w := ask(h, "GET", ""); w.Code != want {
					t.Errorf("%s, hosts %q, RejectEmptyHosts %v: no host gets %d, want %d", form, hosts, reject, w.Code, want)
				}
			}
		}
	}
}

func TestFilterIsNotMadeWithoutHosts(t *testing.T) {
	for form, build := range forms {
		if _, err := build(t, Options{}); !errors.Is(err, ErrNoHosts) {
			t.Errorf("%s: %v, want ErrNoHosts: a filter that lets nothing or everything through is a mistake", form, err)
		}
	}
}

func TestFilterLogsRefusalsAtDebugLevel(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	filter, err := New(Options{AllowedHosts: []string{"localhost"}, Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	ask(filter(http.HandlerFunc(passed)), "GET", "evil.example")
	if got := out.String(); !strings.Contains(got, "level=DEBUG") || !strings.Contains(got, "host=evil.example") {
		t.Errorf("the log is %q, want the refused host at debug level: anybody can cause it", got)
	}
}
