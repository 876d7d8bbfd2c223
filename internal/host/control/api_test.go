package control

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestStatusArrivesAsTheHostGaveIt(t *testing.T) {
	host := newFakeHost()
	_, c := start(t, host)
	got, err := c.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(host.Status(), got); diff != "" {
		t.Errorf("nothing is lost on the way through JSON (-host +client):\n%s", diff)
	}
}

func TestListsAreNeverNull(t *testing.T) {
	_, c := start(t, &fakeHost{status: Status{Sites: []Site{{Name: "a", Applications: []Application{{Path: "/"}}}}}})
	body := fetch(t, c, "GET", "/api/v1/status", http.StatusOK)
	if strings.Contains(body, "null") {
		t.Errorf("a script that walks the lists meets no null:\n%s", body)
	}
}

func TestCertificatesArriveAsTheHostGaveThem(t *testing.T) {
	host := newFakeHost()
	_, c := start(t, host)
	got, err := c.Certificates(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := host.Certificates()
	want[1].Names = []string{}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("nothing is lost on the way through JSON, and no list is null (-host +client):\n%s", diff)
	}
}

func TestCommandsChangeTheSiteTheyName(t *testing.T) {
	_, c := start(t, newFakeHost())
	for _, step := range []struct {
		do   func(context.Context, string) (SiteResult, error)
		site string
		want SiteResult
	}{
		{c.StopSite, "shop", SiteResult{Site: "shop", State: Stopped}},
		{c.StartSite, "shop", SiteResult{Site: "shop", State: Running}},
		{c.Recycle, "shop", SiteResult{Site: "shop", State: Running, Steps: []Step{
			{Application: "/", Name: "start worker", Detail: "pid 4713 is ready", Duration: 0.2}}}},
	} {
		got, err := step.do(t.Context(), step.site)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(step.want, got); diff != "" {
			t.Errorf("the answer tells the new state (-want +got):\n%s", diff)
		}
	}
}

func TestUnknownSiteIsToldWithTheNearestName(t *testing.T) {
	_, c := start(t, newFakeHost())
	for _, do := range []func(context.Context, string) (SiteResult, error){c.Recycle, c.StopSite, c.StartSite} {
		_, err := do(t.Context(), "shpo")
		wantError(t, "a typing mistake", err, &Error{http.StatusNotFound, `there is no site "shpo"`, `did you mean "shop"?`})
	}
	_, err := c.Recycle(t.Context(), "unlike/any")
	wantError(t, "a name with a slash, which must not become a path", err,
		&Error{http.StatusNotFound, `there is no site "unlike/any"`, "there is blog, shop"})
}

func TestFailedRecycleTellsTheStepsThatWereDone(t *testing.T) {
	host := newFakeHost()
	steps := []Step{{Name: "start worker", Error: "exit code 3"}}
	host.recycle = func(context.Context, string) ([]Step, error) {
		return steps, errors.New("the new worker ended before it was ready: exit code 3")
	}
	_, c := start(t, host)
	got, err := c.Recycle(t.Context(), "shop")
	wantError(t, "an error without a status", err,
		&Error{http.StatusInternalServerError, "the new worker ended before it was ready: exit code 3", ""})
	if diff := cmp.Diff(steps, got.Steps); diff != "" {
		t.Errorf("the operator sees how far it came (-want +got):\n%s", diff)
	}
}

func TestHostChoosesTheStatusOfItsError(t *testing.T) {
	host := newFakeHost()
	want := &Error{http.StatusUnprocessableEntity, "lanner.yaml:3:1: unknown key", "nothing was changed"}
	host.reload = func(context.Context) (ReloadResult, error) { return ReloadResult{}, want }
	_, c := start(t, host)
	_, err := c.Reload(t.Context())
	wantError(t, "a broken file", err, want)
}

func TestReloadTellsWhatChanged(t *testing.T) {
	host := newFakeHost()
	want := ReloadResult{ConfigFile: "/f", Changes: []Change{
		{Kind: "site", Name: "shop", Action: "changed", Keys: []string{"bindings"}, Effect: "endpoints replaced"}}}
	host.reload = func(context.Context) (ReloadResult, error) { return want, nil }
	_, c := start(t, host)
	got, err := c.Reload(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestReadinessFollowsTheStateOfTheHost(t *testing.T) {
	host := newFakeHost()
	_, c := start(t, host)
	for state, want := range map[State]bool{Starting: false, Running: true, Stopping: false} {
		host.mu.Lock()
		host.status.State = state
		host.mu.Unlock()
		got, err := c.Ready(t.Context())
		if err != nil || got != want {
			t.Errorf("a load balancer sends requests only to a running host: %s gives %v, %v", state, got, err)
		}
	}
	fetch(t, c, "GET", "/livez", http.StatusOK)
}

func TestConfigIsPassedThrough(t *testing.T) {
	_, c := start(t, newFakeHost())
	raw, err := c.Config(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got any
	if err := json.Unmarshal(raw, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(newFakeHost().Config(), got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestWrongRequestsAreExplained(t *testing.T) {
	_, c := start(t, newFakeHost())
	for _, req := range []struct {
		method, path string
		status       int
		want         string
	}{
		{"GET", "/api/v1/reload", 405, "use POST"},
		{"POST", "/api/v1/status", 405, "use GET"},
		{"GET", "/api/v2/status", 404, "there is no /api/v2/status"},
		{"POST", "/api/v1/sites/shop/restart", 404, "there is no"},
		{"GET", "/api/v1/logs", 404, `there is no site \"\"`},
		{"GET", "/api/v1/logs?site=shop&application=/ap", 404, `no application \"/ap\"`},
		{"GET", "/api/v1/logs?site=shop&tail=-5", 400, "number of lines"},
		{"GET", "/api/v1/logs?site=shop&folow=1", 400, `did you mean \"follow\"?`},
		{"GET", "/api/v1/logs?site=shop&follow=maybe", 400, "follow=true"},
	} {
		body := fetch(t, c, req.method, req.path, req.status)
		if !strings.Contains(body, req.want) || !json.Valid([]byte(body)) {
			t.Errorf("%s %s must say %q in JSON, it says %s", req.method, req.path, req.want, body)
		}
	}
}

func fetch(t *testing.T, c *Client, method, path string, status int) string {
	t.Helper()
	resp, err := c.send(t.Context(), method, path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != status {
		t.Errorf("%s %s: status %d, want %d: %s", method, path, resp.StatusCode, status, body)
	}
	return string(body)
}

func wantError(t *testing.T, why string, err error, want *Error) {
	t.Helper()
	got, ok := errors.AsType[*Error](err)
	if !ok {
		t.Fatalf("%s: the error is %v (%T), not the host's", why, err, err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", why, diff)
	}
}
