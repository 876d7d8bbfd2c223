package iisintegration

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lannerhq/lanner/server"
)

func TestRequestsWithoutTheTokenAreRefused(t *testing.T) {
	for form, through := range forms {
		for _, tt := range []struct {
			tokens []string
			want   int
			why    string
		}{
			{[]string{token}, 200, "it is the token"},
			{nil, 400, "none"},
			{[]string{""}, 400, "an empty one"},
			{[]string{"wrong"}, 400, "another"},
			{[]string{strings.ToUpper(token)}, 400, "case counts"},
			{[]string{token + " "}, 400, "every byte counts"},
			{[]string{token, token}, 400, "sent twice, somebody else has added one"},
			{[]string{token + "," + token}, 400, "twice in one line"},
			{[]string{"wrong", token}, 400, "one of two"},
		} {
			r := request("GET", "/")
			r.Header.Del(headerToken)
			for _, value := range tt.tokens {
				r.Header.Add(headerToken, value)
			}
			got, status, body := through(pair(t, module("/")), nil, r)
			if status != tt.want || got.called != (tt.want == 200) {
				t.Errorf("%s, tokens %q: %d, application called: %v, want %d: %s", form, tt.tokens, status, got.called, tt.want, tt.why)
			}
			if tt.want == 400 && body != "" {
				t.Errorf("%s: the refusal has the body %q, want none", form, body)
			}
		}
	}
}

func TestATokenWithACommaIsNotMadeOfTwoHeaders(t *testing.T) {
	env := module("/")
	env[envToken] = "left,right" // web.config may set any
	for form, through := range forms {
		for want, values := range map[int][]string{200: {"left,right"}, 400: {"left", "right"}} {
			r := request("GET", "/")
			r.Header[headerToken] = values
			if _, status, _ := through(pair(t, env), nil, r); status != want {
				t.Errorf("%s, tokens %q: %d, want %d: the module sends one header", form, values, status, want)
			}
		}
	}
}

func TestTheShutdownMessageStopsTheApplicationOnce(t *testing.T) {
	for form, through := range forms {
		stops := make(chan struct{}, 2)
		i := pair(t, module("/sub"))
		for range 2 {
			got, status, body := through(i, func() { stops <- struct{}{} }, request("POST", "/sub/iisintegration", headerEvent, "shutdown "))
			if status != http.StatusAccepted || got.called || body != "" {
				t.Errorf("%s: %d %q, application called: %v, want 202 without a body", form, status, body, got.called)
			}
		}
		i.Wait()
		if len(stops) != 1 {
			t.Errorf("%s: stopped %d times, want once for two messages", form, len(stops))
		}
	}
}

func TestTheShutdownMessageIsAnsweredBeforeTheApplicationHasStopped(t *testing.T) {
	for form, through := range forms {
		release := make(chan struct{})
		i := pair(t, module("/"))
		// A stop waits for running requests, and the message is one: called inline it would wait for itself.
		_, status, _ := through(i, func() { <-release }, request("POST", "/iisintegration", headerEvent, "shutdown"))
		if status != http.StatusAccepted {
			t.Errorf("%s: %d, want 202", form, status)
		}
		close(release)
		i.Wait()
	}
}

func TestWhatIsNotQuiteTheShutdownMessageIsARequest(t *testing.T) {
	for form, through := range forms {
		for _, tt := range []struct {
			r    *http.Request
			base string
			why  string
		}{
			{request("GET", "/iisintegration", headerEvent, "shutdown"), "/", "another method"},
			{request("post", "/iisintegration", headerEvent, "shutdown"), "/", "methods are case-sensitive"},
			{request("POST", "/iisintegration/", headerEvent, "shutdown"), "/", "another path"},
			{request("POST", "/iisintegration", headerEvent, "start"), "/", "another event"},
			{request("POST", "/iisintegration", headerEvent, "shutdown", headerEvent, "shutdown"), "/", "the event twice"},
			{request("POST", "/iisintegration"), "/", "no event"},
			{request("POST", "/other/iisintegration", headerEvent, "shutdown"), "/sub", "another application's path"},
		} {
			got, status, _ := through(pair(t, module(tt.base)), func() { t.Errorf("%s: stopped by %s", form, tt.why) }, tt.r)
			if status != 200 || !got.called {
				t.Errorf("%s: %d, application called: %v, want it to get the request: %s", form, status, got.called, tt.why)
			}
		}
	}
}

func TestTheShutdownMessageNeedsTheToken(t *testing.T) {
	for form, through := range forms {
		r := request("POST", "/iisintegration", headerEvent, "shutdown")
		r.Header.Del(headerToken)
		if _, status, _ := through(pair(t, module("/")), func() { t.Errorf("%s: stopped by a stranger", form) }, r); status != 400 {
			t.Errorf("%s: %d, want 400", form, status)
		}
	}
}

func TestWithoutAWayToStopTheMessageIsARequest(t *testing.T) {
	for form, through := range forms {
		got, _, _ := through(pair(t, module("/")), nil, request("POST", "/iisintegration", headerEvent, "shutdown"))
		if !got.called {
			t.Errorf("%s: the message was swallowed; the module would wait for nothing instead of trying CTRL_BREAK", form)
		}
	}
}

func TestThePathBaseIsCutIgnoringCase(t *testing.T) {
	for form, through := range forms {
		for _, tt := range []struct{ base, target, path, rawPath, pathBase, why string }{
			{"/", "/a", "/a", "", "", "at the root there is nothing to cut"},
			{"/sub", "/sub/a", "/a", "", "/sub", "below"},
			{"/sub", "/SUB/A", "/A", "", "/SUB", "case is ignored and kept as sent"},
			{"/sub", "/sub", "/", "", "/sub", "a handler gets at least a slash"},
			{"/sub", "/sub/", "/", "", "/sub", "and keeps the one it has"},
			{"/sub/", "/sub/a", "/a", "", "/sub", "a slash at the end of the base is none of it"},
			{"/sub", "/subway", "/subway", "", "", "a segment is whole or not at all"},
			{"/sub", "/a/sub", "/a/sub", "", "", "the front counts"},
			{"/sub", "/", "/", "", "", "shorter"},
			{"/my app", "/my%20app/a", "/a", "", "/my app", "escapes are decoded first"},
			{"/sub", "/sub/a%2Fb", "/a/b", "/a%2Fb", "/sub", "the escaped path is cut with the decoded one"},
			{"/sub", "/sub%2Fa", "/sub/a", "/sub%2Fa", "", "an escaped slash does not end a segment"},
			{"/a/b", "/a%2Fb/c", "/a/b/c", "/a%2Fb/c", "", "nor does it begin one"},
		} {
			got, status, _ := through(pair(t, module(tt.base)), nil, request("GET", tt.target))
			if status != 200 || got.path != tt.path || got.rawPath != tt.rawPath || got.pathBase != tt.pathBase {
				t.Errorf("%s: %s at %s: path %q, raw %q, base %q, want %q, %q, %q: %s", form, tt.target, tt.base,
					got.path, got.rawPath, got.pathBase, tt.path, tt.rawPath, tt.pathBase, tt.why)
			}
		}
	}
}

func TestTheEscapedPathIsCutWhereTheDecodedOneIs(t *testing.T) {
	for _, tt := range []struct{ base, target, want string }{
		{"/sub", "/s%75b/a%2Fb", "/a%2Fb"},
		{"/é", "/%C3%A9/a%2Fb", "/a%2Fb"},
		{"/my app", "/my%20app/%7e", "/%7e"},
		{"/sub", "/s%75b", ""},
	} {
		u, err := url.ParseRequestURI(tt.target)
		if err != nil {
			t.Fatal(err)
		}
		got, ok := cutPathBase(u, tt.base)
		if !ok || got.RawPath != tt.want {
			t.Errorf("%s without %s leaves %v, want the escaped path %q", tt.target, tt.base, got, tt.want)
		}
	}
}

func FuzzCutPathBaseKeepsBothFormsEqual(f *testing.F) {
	for _, seed := range [][2]string{{"/sub", "/s%75b/a%2Fb"}, {"/é", "/%C3%A9/"}, {"/a/b", "/a%2Fb/c"}, {"/sub", "/subway"}, {"/a b", "/a%20b"}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, base, target string) {
		u, err := url.ParseRequestURI(target)
		if err != nil || base == "" {
			return
		}
		got, ok := cutPathBase(u, base)
		if !ok {
			return
		}
		if got.Path == "" || got.Path[0] != '/' {
			t.Errorf("%q without %q leaves the path %q, which no handler expects", target, base, got.Path)
		}
		if decoded, err := url.PathUnescape(got.RawPath); got.RawPath != "" && (err != nil || decoded != got.Path) {
			t.Errorf("%q without %q leaves the path %q and the escaped path %q, which are not the same", target, base, got.Path, got.RawPath)
		}
	})
}

func TestDotSegmentsDoNotLeadOutOfThePathBase(t *testing.T) {
	got, _, _ := forms["a handler on a server"](pair(t, module("/sub")), nil, request("GET", "/sub/../x"))
	if got.path != "/sub/../x" || got.pathBase != "" {
		t.Errorf("path %q, base %q: the request is for /x, which is not below /sub", got.path, got.pathBase)
	}
}

func TestTheApplicationDoesNotSeeTheModulesHeaders(t *testing.T) {
	for form, through := range forms {
		r := request("GET", "/", headerWindowsAuth, "4a8", "MS-ASPNETCORE-Other", "x", "Accept", "*/*")
		r.Header["ms-aspnetcore-odd"] = []string{"y"}
		got, _, _ := through(pair(t, module("/")), nil, r)
		for name := range got.header {
			if strings.HasPrefix(strings.ToUpper(name), headerPrefix) {
				t.Errorf("%s: the application sees %s", form, name)
			}
		}
		if got.featureToken != "" {
			t.Errorf("%s: the features show the token", form)
		}
		if got.header.Get("Accept") != "*/*" {
			t.Errorf("%s: other headers are gone too", form)
		}
		if r.Header.Get(headerToken) != token {
			t.Errorf("%s: the caller's request was changed", form)
		}
	}
}

func TestTheBodyLimitIsLifted(t *testing.T) {
	for _, form := range []string{"a handler on a server", "an application"} {
		if got, _, _ := forms[form](pair(t, module("/")), nil, request("POST", "/")); got.bodyLimit != -1 {
			t.Errorf("%s: the limit is %d, want none: IIS has its own", form, got.bodyLimit)
		}
	}
}

// late is a limit that can no longer be changed.
type late struct{ bodyLimit }

func (*late) SetMaxRequestBodySize(int64) error { return server.ErrTooLate }

func TestABodyLimitThatCannotBeLiftedIsNoReasonToFail(t *testing.T) {
	f := server.NewFeatures(nil)
	server.Set[server.MaxRequestBodySizeFeature](f, &late{})
	var log bytes.Buffer
	liftBodyLimit(f, slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	if !strings.Contains(log.String(), "too late") {
		t.Errorf("the log is %q, want the reason", log.String())
	}
}

func TestTheClientCertificateIsTheApplicationsToSee(t *testing.T) {
	der := selfSigned(t)
	value := base64.StdEncoding.EncodeToString(der)
	for form, through := range forms {
		got, _, _ := through(pair(t, module("/")), nil, request("GET", "/", headerCertificate, value, "X-Forwarded-Proto", "https"))
		if form != "an application" && (got.cert == nil || !bytes.Equal(got.cert.Raw, der)) {
			t.Errorf("%s: r.TLS has no client certificate", form)
		}
		if form != "plain net/http" && (got.featureCert == nil || !bytes.Equal(got.featureCert.Raw, der)) {
			t.Errorf("%s: the connection feature has no client certificate", form)
		}
		if got.scheme != "https" {
			t.Errorf("%s: the scheme is %s, want https", form, got.scheme)
		}
	}
}

func TestACertificateThatCannotBeReadIsNone(t *testing.T) {
	good := base64.StdEncoding.EncodeToString(selfSigned(t))
	for form, through := range forms {
		for _, values := range [][]string{{"!"}, {"AAAA"}, {""}, {good, good}} {
			r := request("GET", "/")
			r.Header[headerCertificate] = values
			got, status, _ := through(pair(t, module("/")), nil, r)
			if status != 200 || got.cert != nil || got.featureCert != nil {
				t.Errorf("%s, %.10q: status %d, certificate %v, want the request without one", form, values, status, got.cert)
			}
		}
	}
}

func selfSigned(t *testing.T) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "client"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func TestForwardedHeadersOfTheModuleAreApplied(t *testing.T) {
	for form, through := range forms {
		got, _, _ := through(pair(t, module("/")), nil, request("GET", "/",
			"X-Forwarded-For", "203.0.113.1, [2001:db8::5]:4000", "X-Forwarded-Proto", "https"))
		if got.remote != "[2001:db8::5]:4000" || got.scheme != "https" {
			t.Errorf("%s: remote %s, scheme %s, want what the module appended", form, got.remote, got.scheme)
		}
		if got.header.Get("X-Forwarded-For") != "203.0.113.1" {
			t.Errorf("%s: X-Forwarded-For = %q, want the client's own part left alone", form, got.header.Get("X-Forwarded-For"))
		}
	}
}

func TestWithoutWebSocketsNothingCanBeUpgraded(t *testing.T) {
	for value, want := range map[string]bool{"": true, "true": true, "maybe": true, "false": false, " False ": false} {
		env := module("/")
		env[envWebSockets] = value
		hijack := func(w http.ResponseWriter, r *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if (err == nil) != want {
				t.Errorf("%s=%q: Hijack returns %v, want success: %v", envWebSockets, value, err, want)
			}
			if err == nil {
				conn.Close()
				return
			}
			if !errors.Is(err, http.ErrNotSupported) {
				t.Errorf("Hijack returns %v, want http.ErrNotSupported", err)
			}
			if f, ok := w.(http.Flusher); ok {
				f.Flush()
			}
			fmt.Fprint(w, "refused")
		}
		i := pair(t, env)
		plain := httptest.NewRecorder()
		i.Middleware(nil)(http.HandlerFunc(hijack)).ServeHTTP(hijackable{plain}, request("GET", "/"))
		if !want && !plain.Flushed {
			t.Error("the response can no longer be flushed")
		}
		var got seen
		onFeatures(&got, server.HTTP(i.Middleware(nil)(http.HandlerFunc(hijack))), request("GET", "/"))
		onFeatures(&got, i.Application(nil)(server.HTTP(http.HandlerFunc(hijack))), request("GET", "/"))
	}
}

func TestAResponseThatCannotBeHijackedCanStillBeCopiedTo(t *testing.T) {
	w := httptest.NewRecorder()
	if _, err := (noHijack{w}).ReadFrom(strings.NewReader("body")); err != nil || w.Body.String() != "body" {
		t.Errorf("ReadFrom: %v, body %q", err, w.Body)
	}
}

func TestBehindHttpPlatformHandlerThereIsNoToken(t *testing.T) {
	for form, through := range forms {
		i := pair(t, environment{envPlatformPort: "8081"})
		r := request("POST", "/iisintegration", headerEvent, "shutdown", headerCertificate, "AAAA",
			"X-IIS-WindowsAuthToken", "4a8", "X-Forwarded-For", "192.0.2.1")
		r.Header.Del(headerToken)
		got, status, _ := through(i, func() { t.Errorf("%s: stopped by whoever connects", form) }, r)
		if status != 200 || !got.called {
			t.Errorf("%s: %d, application called: %v, want the request to pass: there is no token to check", form, status, got.called)
		}
		if got.remote != "192.0.2.1:0" || got.header.Get("X-IIS-WindowsAuthToken") != "" || got.header.Get(headerEvent) != "" {
			t.Errorf("%s: remote %s, headers %v, want the client's address and no header of IIS", form, got.remote, got.header)
		}
		if form != "plain net/http" && got.bodyLimit != 30_000_000 {
			t.Errorf("%s: the body limit was lifted for whoever connects", form)
		}
	}
}

// journal is a log.
type journal struct {
	mu  sync.Mutex
	out strings.Builder
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.out.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.out.String()
}

func TestTheLogNeverHoldsAToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var j journal
		i, _ := FromEnvironment(module("/").get)
		i.Logger = slog.New(slog.NewTextHandler(&j, nil))
		i.Logger.Info("integration", "integration", i, "text", i.String(), "fields", fmt.Sprintf("%+v", i))
		stop := func() {}
		for range 3 {
			bad := request("GET", "/")
			bad.Header.Set(headerToken, "guessed")
			forms["an application"](i, stop, bad)
			forms["plain net/http"](i, stop, request("GET", "/", headerCertificate, "!"))
		}
		forms["plain net/http"](i, stop, request("POST", "/iisintegration", headerEvent, "shutdown"))
		i.Wait()
		log := j.String()
		for _, secret := range []string{token, "guessed"} {
			if strings.Contains(log, secret) {
				t.Errorf("the log holds a token:\n%s", log)
			}
		}
		for want, n := range map[string]int{"does not carry the token": 1, "cannot be read": 1, "asks this process to stop": 1} {
			if got := strings.Count(log, want); got != n {
				t.Errorf("%q is in the log %d times, want %d: at most once a minute\n%s", want, got, n, log)
			}
		}
		time.Sleep(time.Minute)
		bad := request("GET", "/")
		bad.Header.Del(headerToken)
		forms["an application"](i, stop, bad)
		if got := strings.Count(j.String(), "does not carry the token"); got != 2 {
			t.Errorf("a minute later the refusal is in the log %d times, want again", got)
		}
	})
}

func TestAnApplicationNeedsTheTwoFeaturesOfEveryServer(t *testing.T) {
	i := pair(t, module("/"))
	app := i.Application(nil)(server.ApplicationFunc(func(*server.Features) error {
		t.Error("called without a request")
		return nil
	}))
	if err := app.Process(server.NewFeatures(nil)); err == nil {
		t.Error("no error: a request whose token cannot be read must not pass")
	}
}

// retained is a request whose strings last only after Retain.
type retained struct {
	server.RequestFeature
	called *bool
}

func (r retained) Retain() { *r.called = true }

func TestRetainReachesTheRequestBelow(t *testing.T) {
	called := false
	var got seen
	app := pair(t, module("/sub")).Application(nil)(server.HTTP(observe(&got)))
	onFeatures(&got, server.ApplicationFunc(func(f *server.Features) error {
		below, _ := server.Get[server.RequestFeature](f)
		server.Set[server.RequestFeature](f, retained{below, &called})
		return app.Process(f)
	}), request("GET", "/sub/a", "X-Forwarded-Proto", "https"))
	if !called || got.path != "/a" {
		t.Errorf("Retain was called: %v, path %q: http.Handlers keep strings, so Retain must get through", called, got.path)
	}
}
