package staticfiles

import (
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"path"
	"slices"
	"strings"
	"testing"
)

// defined are the fields in which we answer as http.FileServer, where both have them.
var defined = []string{"Content-Type", "Content-Length", "Content-Range", "Content-Encoding", "Last-Modified", "Accept-Ranges", "Etag", "Location"}

// mustHave are those of them that we do not leave out where http.FileServer has them, except Last-Modified in a 412.
var mustHave = []string{"Content-Type", "Content-Length", "Accept-Ranges", "Etag", "Location"}

// fixture is a root with what requests can be for, both small and large.
func fixture(t testing.TB) string {
	return tree(t, map[string]string{
		"small.txt": letters(1000), "large.txt": letters(100_000), "empty.txt": "", "index.html": "<p>root",
		"dir/index.html": "<p>dir", "dir/a b.css": "p{}", "noext": "<html>", "binary": "\x00\x01\x02", "image.svg": "<svg/>",
		"data.json": "{}", "app.js": "1", "page.HTML": "upper", "odd:name/index.html": "odd", "module.wasm": "\x00asm",
	})
}

func letters(n int) string {
	return strings.Repeat("abcdefghijklmnopqrstuvwxyz0123456789", n/36+1)[:n]
}

// requestFields are conditions and ranges; TAG is the file's entity tag.
var requestFields = [][]string{
	{},
	{"If-None-Match", `TAG`}, {"If-None-Match", `W/TAG`}, {"If-None-Match", `"x"`}, {"If-None-Match", `*`},
	{"If-None-Match", `"a", TAG, "b"`}, {"If-None-Match", `"a,b", W/TAG`}, {"If-None-Match", `,, TAG`},
	{"If-None-Match", `garbage`}, {"If-None-Match", `"unclosed`}, {"If-None-Match", `garbage, TAG`}, {"If-None-Match", ``},
	{"If-Modified-Since", "Mon, 03 Feb 2020 04:05:06 GMT"}, {"If-Modified-Since", "Mon, 03 Feb 2020 04:05:05 GMT"},
	{"If-Modified-Since", "Mon, 03 Feb 2020 04:05:07 GMT"}, {"If-Modified-Since", "yesterday"},
	{"If-Modified-Since", "Monday, 03-Feb-20 04:05:06 GMT"}, {"If-Modified-Since", "Mon Feb  3 04:05:06 2020"},
	{"If-None-Match", `"x"`, "If-Modified-Since", "Mon, 03 Feb 2020 04:05:06 GMT"},
	{"If-None-Match", `TAG`, "If-Modified-Since", "Mon, 03 Feb 2019 04:05:06 GMT"},
	{"If-Match", `TAG`}, {"If-Match", `W/TAG`}, {"If-Match", `"x"`}, {"If-Match", `*`}, {"If-Match", `"x", TAG`}, {"If-Match", `nonsense`},
	{"If-Unmodified-Since", "Mon, 03 Feb 2020 04:05:06 GMT"}, {"If-Unmodified-Since", "Mon, 03 Feb 2020 04:05:05 GMT"},
	{"If-Unmodified-Since", "nonsense"},
	{"If-Match", `TAG`, "If-Unmodified-Since", "Mon, 03 Feb 2019 04:05:05 GMT"},
	{"If-Match", `TAG`, "If-None-Match", `TAG`}, {"If-Match", `"x"`, "If-None-Match", `TAG`},
	{"Range", "bytes=0-0"}, {"Range", "bytes=0-99"}, {"Range", "bytes=990-"}, {"Range", "bytes=-10"}, {"Range", "bytes=-5000000"},
	{"Range", "bytes=10-5"}, {"Range", "bytes=5000000-"}, {"Range", "bytes=0-5000000"}, {"Range", "bytes=a-b"}, {"Range", "bytes="},
	{"Range", "bytes=-"}, {"Range", "bytes=0--1"}, {"Range", "bytes= 0-1"}, {"Range", "bytes=0 - 1"},
	{"Range", "bytes=0-1,3-4"}, {"Range", "bytes=0-1, 990-,-1"}, {"Range", "bytes=0-1,5000000-"}, {"Range", "bytes=3-4,0-1"},
	{"Range", "bytes=0-,0-"}, {"Range", "bytes=0-1,x"}, {"Range", "bytes=,0-1,"}, {"Range", "bytes=5000000-,6000000-"},
	{"Range", "bytes=0-9", "If-Range", `TAG`}, {"Range", "bytes=0-9", "If-Range", `W/TAG`}, {"Range", "bytes=0-9", "If-Range", `"x"`},
	{"Range", "bytes=0-9", "If-Range", "Mon, 03 Feb 2020 04:05:06 GMT"}, {"Range", "bytes=0-9", "If-Range", "Mon, 03 Feb 2020 04:05:07 GMT"},
	{"Range", "bytes=0-9", "If-Range", "nonsense"}, {"If-Range", `"x"`},
	{"Range", "bytes=0-9", "If-None-Match", `TAG`}, {"Range", "bytes=0-9", "If-Match", `"x"`}, {"Range", "bytes=5000000-", "If-None-Match", `TAG`},
}

// differs names where we follow the RFC and http.FileServer does not; see TestRFCRulesThatFileServerDoesNotFollow.
func differs(method, target string, fields []string) bool {
	return slices.Contains(fields, "Range") && (method == "HEAD" || target == "/empty.txt")
}

func TestAnswersAreThoseOfFileServer(t *testing.T) {
	root := fixture(t)
	ours := serve(t, Options{Root: root})
	for _, target := range []string{"/small.txt", "/large.txt", "/empty.txt"} {
		tag := ask(ours, "HEAD", target).Header().Get("Etag")
		reference := tagged(http.FileServer(http.Dir(root)), tag)
		for _, method := range []string{"GET", "HEAD"} {
			for _, fields := range requestFields {
				if differs(method, target, fields) {
					continue
				}
				fields := withTag(fields, tag)
				compare(t, method+" "+target+" "+strings.Join(fields, " "), ask(ours, method, target, fields...), ask(reference, method, target, fields...))
			}
		}
	}
}

func TestPathsAreTakenAsFileServerTakesThem(t *testing.T) {
	root := fixture(t)
	ours, reference := serve(t, Options{Root: root}), http.FileServer(http.Dir(root))
	for _, target := range []string{
		"/", "/index.html", "/index.html?q", "/dir", "/dir?a=b&c", "/dir/", "/dir/index.html", "/dir/a b.css", "/small.txt/",
		"/none", "/none/", "/small.txt/x", "//small.txt", "/./small.txt", "/dir/../small.txt", "/../small.txt", "/../../etc/passwd",
		"/noext", "/binary", "/image.svg", "/data.json", "/app.js", "/page.HTML", "/odd:name/", "/module.wasm", "small.txt", "/small.txt\x00", "/a%2fb",
	} {
		compare(t, target, ask(ours, "GET", target), ask(reference, "GET", target))
	}
	// net/http's Location is a URL with another scheme here.
	if got := ask(ours, "GET", "/odd:name").Header().Get("Location"); got != "./odd:name/" {
		t.Errorf("/odd:name: Location %q, want ./odd:name/: a colon in the first segment would be a scheme", got)
	}
}

// tagged gives http.FileServer, which makes no entity tags, ours to work with.
func tagged(h http.Handler, tag string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Etag", tag)
		h.ServeHTTP(w, r)
	})
}

func withTag(fields []string, tag string) []string {
	out := make([]string, len(fields))
	for i, field := range fields {
		out[i] = strings.ReplaceAll(field, "TAG", tag)
	}
	return out
}

func compare(t *testing.T, what string, got, want *httptest.ResponseRecorder) {
	t.Helper()
	if got.Code != want.Code {
		t.Errorf("%q: status %d, http.FileServer's is %d", what, got.Code, want.Code)
		return
	}
	if want.Code >= 400 {
		return // the words differ
	}
	gotParts, wantParts := parts(t, got), parts(t, want)
	if gotParts != wantParts {
		t.Errorf("%q: content %.100q, http.FileServer's is %.100q", what, gotParts, wantParts)
	}
	for _, name := range defined {
		ours, theirs := comparableValue(got, name), comparableValue(want, name)
		if ours != "" && theirs != "" && ours != theirs {
			t.Errorf("%q: %s is %q, http.FileServer's is %q", what, name, ours, theirs)
		}
	}
	for _, name := range mustHave {
		if got.Header().Get(name) == "" && want.Header().Get(name) != "" {
			t.Errorf("%q: no %s, http.FileServer has %q", what, name, want.Header().Get(name))
		}
	}
}

// comparableValue is a field's value without what is made up for each response.
func comparableValue(w *httptest.ResponseRecorder, name string) string {
	value := w.Header().Get(name)
	if before, _, found := strings.Cut(value, "; boundary="); found {
		return before
	}
	if name == "Location" {
		return path.Clean(strings.ReplaceAll(value, "%20", " "))
	}
	return value
}

// parts is the content, in a form in which the boundary does not count.
func parts(t *testing.T, w *httptest.ResponseRecorder) string {
	t.Helper()
	media, params, _ := mime.ParseMediaType(w.Header().Get("Content-Type"))
	if media != "multipart/byteranges" || w.Body.Len() == 0 {
		return w.Body.String()
	}
	var out strings.Builder
	for r := multipart.NewReader(w.Body, params["boundary"]); ; {
		part, err := r.NextPart()
		if err == io.EOF {
			return out.String()
		}
		must(t, err)
		body, err := io.ReadAll(part)
		must(t, err)
		out.WriteString(part.Header.Get("Content-Type") + "|" + part.Header.Get("Content-Range") + "|" + string(body) + "\n")
	}
}

func TestRFCRulesThatFileServerDoesNotFollow(t *testing.T) {
	ours := serve(t, Options{Root: fixture(t)})
	tag := ask(ours, "HEAD", "/small.txt").Header().Get("Etag")
	for _, tt := range []struct {
		method string
		fields []string
		want   int
		length string
		why    string
	}{
		{"HEAD", []string{"Range", "bytes=0-9"}, 200, "1000", "RFC 9110 §14.2: range handling is defined for GET alone"},
		{"GET", []string{"Range", "lines=0-9"}, 200, "1000", "§14.2: a range unit that is not understood MUST be ignored"},
		{"GET", []string{"Range", "nonsense"}, 200, "1000", "§14.2: nor is there a unit"},
		{"GET", []string{"Range", "Bytes=0-9"}, 206, "10", "§14.1: range unit names are case-insensitive"},
		{"GET", []string{"Range", "bytes=+1-2"}, 416, "", "§14.1.2: positions are digits"},
		{"GET", []string{"Range", "bytes=-0"}, 416, "", "§14.1.2: a suffix of no bytes is unsatisfiable"},
		{"GET", []string{"Range", "bytes=0-99999999999999999999"}, 206, "1000", "§14.1.2: beyond the end is the end, however far"},
		{"GET", []string{"Range", "bytes=99999999999999999999-"}, 416, "", "§14.1.2: and beginning there is unsatisfiable"},
		{"GET", []string{"If-None-Match", `"a"`, "If-None-Match", tag}, 304, "", "§5.3: a list may stretch over several lines"},
		{"GET", []string{"If-Match", `"a"`, "If-Match", tag}, 200, "1000", "§5.3"},
		{"GET", []string{"If-Modified-Since", "Mon, 03 Feb 2020 04:05:06 GMT", "If-Modified-Since", "Mon, 03 Feb 2020 04:05:06 GMT"}, 200, "1000",
			"§13.1.3: ignored when it has more than one member"},
		{"GET", []string{"Range", "bytes=" + strings.Repeat("0-0,", maxRanges) + "1-1"}, 200, "1000", "§17.15: too many small ranges are ignored"},
	} {
		w := ask(ours, tt.method, "/small.txt", tt.fields...)
		if w.Code != tt.want || tt.length != "" && w.Header().Get("Content-Length") != tt.length {
			t.Errorf("%s %.60q: %d, length %s, want %d, %s: %s", tt.method, tt.fields, w.Code, w.Header().Get("Content-Length"), tt.want, tt.length, tt.why)
		}
	}
	for _, value := range []string{"bytes=0-", "bytes=-10", "bytes=5-", "bytes=x", "bytes=0-1,-1"} {
		if w := ask(ours, "GET", "/empty.txt", "Range", value); w.Code != 200 {
			t.Errorf("%s of an empty file: %d, want 200: there is nothing to have a part of, and clients ask", value, w.Code)
		}
	}
	wantStatus(t, ours, "/"+strings.Repeat("x", 300), 404, "there can be no such file; http.FileServer says 500")
	wantBody(t, ours, "/dir/.", "<p>dir", "a dot segment at the end means the directory (RFC 3986 §5.2.4)")
	wantBody(t, ours, "/dir/..", "<p>root", "and so do two")
	if got := ask(ours, "GET", "/small.txt", "Range", "bytes=2000-").Header().Get("Content-Range"); got != "bytes */1000" {
		t.Errorf("Content-Range of a 416 is %q, want the size (RFC 9110 §15.5.17)", got)
	}
}
