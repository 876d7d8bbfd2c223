package e2e

import (
	"strings"
	"testing"
)

const inProcessSite = `
sites:
  shop:
    bindings: [http://127.0.0.1:0]
    applications:
      - path: /
        hosting: inprocess
        command: [SELF]
        directory: DIR
        environment: {LANNER_E2E_PROGRAM: app, NAME: shop}
`

const outOfProcessSite = `
sites:
  shop:
    bindings: [http://127.0.0.1:0]
    applications:
      - path: /
        hosting: outofprocess
        command: [SELF]
        directory: DIR
        environment: {LANNER_E2E_PROGRAM: app, NAME: shop}
`

func TestAnInProcessApplicationStartsOnItsFirstRequest(t *testing.T) {
	r := startHost(t, inProcessSite)
	if n := len(r.app("shop", "/").Workers); n != 0 {
		t.Errorf("%d workers run before the first request, want none", n)
	}
	body := r.wantGet("the first request starts the worker", "/x?y=z", 200, "name=shop")
	if !strings.Contains(body, "path=/x query=y=z") {
		t.Errorf("the application saw %q", body)
	}
	if n := len(r.app("shop", "/").Workers); n != 1 {
		t.Errorf("%d workers run after it, want 1", n)
	}
	for range 50 {
		r.wantGet("the same connection goes on", "/", 200, "name=shop")
	}
}

func TestAnOutOfProcessApplicationStartsOnItsFirstRequest(t *testing.T) {
	r := startHost(t, outOfProcessSite)
	for range 50 {
		r.wantGet("every request is forwarded", "/x?y=z", 200, "path=/x query=y=z")
	}
}

const twoSites = `
sites:
  shop:
    bindings: ["http://127.0.0.1:0"]
    applications:
      - {path: /, hosting: inprocess, command: [SELF], directory: DIR, environment: {LANNER_E2E_PROGRAM: app, NAME: root}}
      - {path: /api, hosting: inprocess, command: [SELF], directory: DIR, environment: {LANNER_E2E_PROGRAM: app, NAME: api}}
      - {path: /py, hosting: outofprocess, command: [SELF], directory: DIR, environment: {LANNER_E2E_PROGRAM: app, NAME: py}}
`

func TestApplicationsShareAConnectionByPath(t *testing.T) {
	r := startHost(t, twoSites)
	for range 3 { // one kept-alive connection goes from worker to worker and to the host
		if body := r.wantGet("the root", "/a/b", 200, "name=root"); !strings.Contains(body, "base= path=/a/b") {
			t.Errorf("the root saw %q", body)
		}
		if body := r.wantGet("the longest path wins", "/api/v1", 200, "name=api"); !strings.Contains(body, "base=/api path=/v1") {
			t.Errorf("/api saw %q", body)
		}
		if body := r.wantGet("also out-of-process", "/py/x", 200, "name=py"); !strings.Contains(body, "base=/py path=/x") {
			t.Errorf("/py saw %q", body)
		}
		r.wantGet("a prefix ends at a segment", "/apix", 200, "name=root")
	}
}

func TestSitesShareAPortByHostName(t *testing.T) {
	r := startHost(t, strings.ReplaceAll(`
sites:
  a:
    bindings: [{address: 127.0.0.1, port: PORTNO, host: a.example}]
    applications:
      - {path: /, hosting: inprocess, command: [SELF], directory: DIR, environment: {LANNER_E2E_PROGRAM: app, NAME: a}}
  b:
    bindings: [{address: 127.0.0.1, port: PORTNO, host: "*.b.example"}]
    applications:
      - {path: /, hosting: inprocess, command: [SELF], directory: DIR, environment: {LANNER_E2E_PROGRAM: app, NAME: b}}
`, "PORTNO", itoa(freePort(t))))
	for range 3 {
		for host, want := range map[string]string{"a.example": "name=a", "x.b.example:80": "name=b"} {
			if status, body := r.getHost(host, "/"); status != 200 || !strings.Contains(body, want) {
				t.Errorf("host %s: %d %q, want %s", host, status, body, want)
			}
		}
	}
	if status, body := r.getHost("c.example", "/"); status != 400 {
		t.Errorf("a host that no site has: %d %q, want 400", status, body)
	}
}
