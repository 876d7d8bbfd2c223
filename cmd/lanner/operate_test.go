package main

import (
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lannerhq/lanner/internal/host/control"
)

func TestStatusIsATableForPeopleAndPlainInAPipe(t *testing.T) {
	host := newFakeHost()
	socket := serve(t, host)
	out, errs, code := lanner("status", socket)
	if code != exitOK || errs != "" {
		t.Errorf("all is well: exit code %d, %s", code, errs)
	}
	golden(t, "status.txt", out)
	out, _, _ = lanner("status", "shop", socket)
	golden(t, "status-shop.txt", out)
	if strings.Contains(out, "\x1b") {
		t.Error("no colours go into a pipe")
	}
	host.status.ConfigErrors = &control.ConfigErrors{Since: noon, Errors: []string{"lanner.yaml:3:1: unknown key\n  3 | x"}}
	out, _, code = lanner("status", socket)
	golden(t, "status-config-errors.txt", out)
	if code != exitOK {
		t.Errorf("the sites are well, whatever the file says: exit code %d", code)
	}
}

func TestStatusForProgramsIsThatOfTheAPI(t *testing.T) {
	host := newFakeHost()
	out, _, _ := lanner("status", "--json", serve(t, host))
	var got control.Status
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatal(err)
	}
	if got.Sites[0].Applications[0].Workers[0].PID != 4712 || strings.Contains(out, "null") {
		t.Errorf("%s", out)
	}
}

func TestExitCodeOfStatusTellsTheHealth(t *testing.T) {
	host := newFakeHost()
	socket := serve(t, host)
	for _, c := range []struct {
		why   string
		state control.State
		args  []string
		want  int
	}{
		{"a site that somebody stopped is no illness", control.Stopped, nil, exitOK},
		{"the site that was asked for does not run", control.Stopped, []string{"shop"}, exitNotRunning},
		{"degraded", control.Degraded, nil, exitDegraded},
		{"degraded", control.Degraded, []string{"shop"}, exitDegraded},
		{"the other site is asked for", control.Degraded, []string{"blog"}, exitNotRunning},
		{"an unknown site", control.Running, []string{"shpo"}, exitUsage},
	} {
		host.status.Sites[0].State = c.state
		args := append(append([]string{"status"}, c.args...), socket)
		if _, errs, code := lanner(args...); code != c.want {
			t.Errorf("%s: exit code %d, want %d: %s", c.why, code, c.want, errs)
		}
	}
	if _, errs, code := lanner("status", "--socket", filepath.Join(t.TempDir(), "none")); code != exitNotRunning || errs == "" {
		t.Errorf("no host: exit code %d, want 3 as LSB has it: %s", code, errs)
	}
}

func TestCommandsForASite(t *testing.T) {
	host := newFakeHost()
	host.steps = []control.Step{
		{Application: "/", Name: "start worker", Detail: "pid 4713 is ready", Duration: 0.204},
		{Application: "/", Name: "drain worker", Duration: 1},
	}
	socket := serve(t, host)
	for _, c := range []struct{ args, want string }{
		{"stop shop", "shop is stopped\n"},
		{"start shop", "shop is running\n"},
		{"recycle shop", "/          start worker: ok, pid 4713 is ready (0.20s)\n/          drain worker: ok (1.00s)\nshop is running\n"},
		{"stop shop --json", "{\n  \"site\": \"shop\",\n  \"state\": \"stopped\"\n}\n"},
	} {
		out, errs, code := lanner(append(strings.Fields(c.args), socket)...)
		want(t, c.args+errs, code, exitOK, out, c.want)
	}
}

func TestFailedRecyclePrintsTheStepsBeforeIt(t *testing.T) {
	host := newFakeHost()
	host.steps = []control.Step{{Application: "/", Name: "start worker", Error: "exit code 3", Duration: 0.1}}
	host.err = errors.New("the new worker did not become ready")
	out, errs, code := lanner("recycle", "shop", serve(t, host))
	want(t, "standard output", code, exitFailed, out, "/          start worker: failed, exit code 3 (0.10s)\n")
	want(t, "standard error", code, exitFailed, errs, "lanner: the new worker did not become ready\n")
}

func TestAnswersOfTheHostBecomeExitCodes(t *testing.T) {
	host := newFakeHost()
	socket := serve(t, host)
	for status, wantCode := range map[int]int{
		http.StatusForbidden: exitPermission, http.StatusConflict: exitTemporary, http.StatusServiceUnavailable: exitTemporary,
		http.StatusUnprocessableEntity: exitConfig, http.StatusInternalServerError: exitFailed, http.StatusBadRequest: exitUsage,
	} {
		host.err = &control.Error{Status: status, Message: "no", Hint: "way out"}
		_, errs, code := lanner("reload", socket)
		want(t, http.StatusText(status), code, wantCode, errs, "lanner: no\n  help: way out\n")
	}
	host.err = nil
	_, errs, code := lanner("recycle", "shpo", socket)
	want(t, "an unknown site", code, exitUsage, errs, "lanner: there is no site \"shpo\"\n  help: did you mean \"shop\"?\n")
	_, errs, code = lanner("recycle", "shop", "--socket", filepath.Join(t.TempDir(), "none"))
	if code != exitUnavailable || !strings.Contains(errs, "no lanner host answers on") {
		t.Errorf("no host: exit code %d, %s", code, errs)
	}
	denied := &control.PermissionError{Socket: "/x", Err: fs.ErrPermission}
	if got := newCall().code(denied); got != exitPermission {
		t.Errorf("a socket of somebody else: exit code %d", got)
	}
}

func TestReloadTellsWhatChanged(t *testing.T) {
	host := newFakeHost()
	host.reload.ConfigFile = "/f"
	socket := serve(t, host)
	out, _, code := lanner("reload", socket)
	want(t, "nothing", code, exitOK, out, "/f: nothing has changed\n")
	host.reload.Changes = []control.Change{
		{Kind: "site", Name: "shop", Action: "changed", Keys: []string{"bindings", "limits"}, Effect: "endpoints replaced"},
		{Kind: "application", Name: "shop/api", Action: "removed"},
	}
	out, _, code = lanner("reload", socket)
	want(t, "two changes", code, exitOK, out,
		"site shop changed: bindings, limits (endpoints replaced)\napplication shop/api removed\n")
}

func TestLogLinesCannotControlTheTerminal(t *testing.T) {
	host := newFakeHost()
	host.lines = []control.LogLine{
		{Time: noon, Application: "/", Worker: 2, Stream: "stdout", Text: "plain\tkäse"},
		{Time: noon, Application: "/api", Worker: 1, Stream: "stderr", Text: "\x1b]0;title\x07\x1b[31mred\x1b[0m\x1b[2J\r\u009bx\x7f"},
	}
	out, errs, code := lanner("logs", "shop", "--application", "/", "--tail", "all", serve(t, host))
	want(t, errs, code, exitOK, out, "2026-11-24 12:00:00 /[2] plain\tkäse\n"+
		"2026-11-24 12:00:00 /api[1] \uFFFD]0;title\uFFFDred\uFFFD[2J\uFFFD\uFFFDx\uFFFD\n")
	asked := control.LogQuery{Site: "shop", Application: "/", Tail: control.TailAll}
	if diff := cmp.Diff(asked, host.asked); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestLogLinesForProgramsAreUnchanged(t *testing.T) {
	host := newFakeHost()
	host.lines = []control.LogLine{{Time: noon, Site: "shop", Application: "/", Worker: 2, PID: 1, Stream: "stdout", Text: "<\x1b[1m>"}}
	out, _, _ := lanner("logs", "shop", "--json", serve(t, host))
	var got control.LogLine
	if err := json.Unmarshal([]byte(out), &got); err != nil || got.Text != "<\x1b[1m>" {
		t.Errorf("%s, %v", out, err)
	}
}

func TestCtrlCEndsFollowing(t *testing.T) {
	host := newFakeHost()
	socket := serve(t, host)
	c := newCall()
	go func() {
		<-host.entered
		c.signals <- syscall.SIGINT
	}()
	if code := c.run([]string{"logs", "shop", "-f", socket}); code != 130 {
		t.Errorf("exit code %d, want that of SIGINT: %s", code, &c.errs)
	}
	select {
	case <-c.exited:
		t.Error("one Ctrl-C ends in order")
	case <-time.After(0):
	}
}

func TestRunningConfigurationComesFromTheHost(t *testing.T) {
	out, _, code := lanner("config", "show", "--running", serve(t, newFakeHost()))
	want(t, "JSON", code, exitOK, strings.Join(strings.Fields(out), ""), `{"sites":["shop"]}`)
}

func TestSitesAreOfferedByTheShell(t *testing.T) {
	out, _, code := lanner("__complete", serve(t, newFakeHost()), "recycle", "")
	if code != exitOK || !strings.HasPrefix(out, "shop\nblog\n") {
		t.Errorf("%d: %s", code, out)
	}
}

func TestCertificatesAreATableForPeople(t *testing.T) {
	host := newFakeHost()
	socket := serve(t, host)
	out, errs, code := lanner("certs", "list", socket)
	want(t, "a host without https", code, exitOK, errs+out, "the host has no binding for https\n")
	host.certificates = []control.Certificate{
		{Address: "https://*:443", Names: []string{"shop.example.org", "*.shop.example.org"}, Issuer: "An Authority", NotAfter: noon, DaysLeft: 61, Path: "/etc/shop.pem"},
	}
	if _, _, code := lanner("certs", "list", socket); code != exitOK {
		t.Errorf("all is well: exit code %d", code)
	}
	host.certificates = append(host.certificates, control.Certificate{
		Address: "https://*:443", Names: []string{"old.example.org"}, Issuer: "An Authority\x1b[2J", NotAfter: noon.AddDate(0, 0, -3), DaysLeft: -3, Path: "/etc/old.pem", Error: "it has expired"})
	out, _, code = lanner("certs", "list", socket)
	golden(t, "certs.txt", out)
	if code != exitDegraded {
		t.Errorf("one has expired: exit code %d, want %d", code, exitDegraded)
	}
	out, _, _ = lanner("certs", "list", "--json", socket)
	var got struct{ Certificates []control.Certificate }
	if err := json.Unmarshal([]byte(out), &got); err != nil || len(got.Certificates) != 2 || got.Certificates[1].Error != "it has expired" {
		t.Errorf("for programs: %v\n%s", err, out)
	}
}

func TestACertificateIsShownWhole(t *testing.T) {
	host := newFakeHost()
	socket := serve(t, host)
	host.details = []control.CertificateDetail{
		{
			Certificate: control.Certificate{Address: "https://*:443", Names: []string{"shop.example.org"}, Issuer: "An Authority\x1b[2J", Source: control.SourceACME,
				NotAfter: noon, DaysLeft: 61, Path: "/var/lib/shop.crt"},
			KeyPath: "/var/lib/shop.key", Key: "ECDSA P-256", NextAttempt: noon.AddDate(0, 0, -30), OCSP: control.OCSP{Status: "good", ThisUpdate: noon, NextUpdate: noon},
			Chain: []control.ChainCertificate{
				{Subject: "CN=shop.example.org", Issuer: "CN=An Authority", Serial: "1f", SHA256: "ab12", NotBefore: noon.AddDate(0, 0, -29), NotAfter: noon, Key: "ECDSA P-256", Signature: "ECDSA-SHA256"},
				{Subject: "CN=An Authority", Issuer: "CN=A Root", Serial: "2", SHA256: "cd34", NotBefore: noon.AddDate(-1, 0, 0), NotAfter: noon.AddDate(1, 0, 0), Key: "RSA 2048", Signature: "SHA256-RSA"},
			},
		},
		{Certificate: control.Certificate{Address: "https://*:8443", Names: []string{"shop.example.org"}, Source: control.SourceACME, Error: "the authority is away; retried in 5 min"},
			OCSP: control.OCSP{Status: "there is no certificate"}},
	}
	out, errs, code := lanner("certs", "show", "shop.example.org", socket)
	golden(t, "certs-show.txt", out)
	if code != exitDegraded || errs != "" || host.named != "shop.example.org" {
		t.Errorf("one cannot be had: exit code %d, %q, asked for %q", code, errs, host.named)
	}
	out, _, _ = lanner("certs", "show", "--json", "shop.example.org", socket)
	var got struct{ Certificates []control.CertificateDetail }
	if err := json.Unmarshal([]byte(out), &got); err != nil || len(got.Certificates) != 2 || len(got.Certificates[0].Chain) != 2 {
		t.Errorf("for programs: %v\n%s", err, out)
	}
	host.details = host.details[:1]
	if _, _, code := lanner("certs", "show", "shop.example.org", socket); code != exitOK {
		t.Errorf("all is well: exit code %d", code)
	}
	host.details, host.err = nil, &control.Error{Status: 404, Message: "no certificate is shown for \"shpo\"", Hint: "did you mean \"shop\"?"}
	_, errs, code = lanner("certs", "show", "shpo", socket)
	want(t, "an unknown name", code, exitUsage, errs, "lanner: no certificate is shown for \"shpo\"\n  help: did you mean \"shop\"?\n")
}

func TestARenewalTellsWhatCameOfIt(t *testing.T) {
	host := newFakeHost()
	socket := serve(t, host)
	c := control.Certificate{Address: "https://*:443", Names: []string{"shop.example.org"}, Issuer: "An Authority", NotAfter: noon}
	host.renewals = []control.Renewal{{Certificate: c, Changed: true}, {Certificate: c}}
	out, _, code := lanner("certs", "renew", "shop.example.org", socket)
	want(t, "for people", code, exitOK, out, "https://*:443 shop.example.org: another certificate is shown, valid until 2026-11-24 12:00:00, by An Authority\n"+
		"https://*:443 shop.example.org: nothing has changed, it is valid until 2026-11-24 12:00:00, by An Authority\n")
	out, _, _ = lanner("certs", "renew", "--json", "shop.example.org", socket)
	var got struct{ Certificates []control.Renewal }
	if err := json.Unmarshal([]byte(out), &got); err != nil || len(got.Certificates) != 2 || !got.Certificates[0].Changed {
		t.Errorf("for programs: %v\n%s", err, out)
	}
	for status, want := range map[int]int{502: exitFailed, 422: exitConfig} {
		host.err = &control.Error{Status: status, Message: "it was refused"}
		if _, errs, code := lanner("certs", "renew", "shop.example.org", socket); code != want || !strings.Contains(errs, "it was refused") {
			t.Errorf("%d: exit code %d, want %d\n%s", status, code, want, errs)
		}
	}
}
