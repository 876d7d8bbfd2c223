package host

import (
	"cmp"
	"fmt"
	"html"
	"strconv"
	"strings"
	"time"

	"github.com/lannerhq/lanner/internal/httpcommon"
	"github.com/lannerhq/lanner/server"
)

// answer is a response that the host gives itself.
type answer struct {
	status     int
	sub        string // IIS sub status for the page and the log, such as "502.5"
	title      string
	detail     string        // for the developer: shown only in Development
	retryAfter time.Duration // 0 for none
	page       []byte        // a ready HTML page, instead of the above

	contentType string // of page, if it is something else
}

// offline is the answer of an application with app_offline.htm.
func offlineAnswer(page []byte) *answer { return &answer{status: 503, page: page} }

var (
	notFound    = &answer{status: 404, title: "Not Found", detail: "no application of this site has this path"}
	misdirected = &answer{status: 421, title: "Misdirected Request", detail: "the host of this request asks for other client certificates: use a connection made for it"}
	unknownHost = &answer{status: 400, title: "Bad Request", detail: "no site on this address has this host name"}
)

// write sends the answer through the features of a request.
func (a *answer) write(f *server.Features, development bool) error {
	res, _ := server.Get[server.ResponseFeature](f)
	req, _ := server.Get[server.RequestFeature](f)
	body, contentType := a.page, cmp.Or(a.contentType, "text/html")
	if body == nil {
		body, contentType = a.render(req.Header().Get("Accept"), development)
	}
	res.SetStatus(a.status)
	h := res.Header()
	h.Set("Content-Type", contentType)
	h.Set("Cache-Control", "no-store")
	if a.retryAfter > 0 {
		h.Set("Retry-After", a.retrySeconds())
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	_, err := res.Write(body)
	return err
}

func (a *answer) retrySeconds() string {
	return strconv.Itoa(max(1, int((a.retryAfter+time.Second-1)/time.Second)))
}

// render makes a page for a browser, JSON or a line of text for anybody else.
func (a *answer) render(accept string, development bool) ([]byte, string) {
	code := a.sub
	if code == "" {
		code = strconv.Itoa(a.status)
	}
	detail := ""
	if development || a.status < 500 {
		detail = a.detail
	}
	if strings.Contains(accept, "text/html") {
		return a.html(code, detail), "text/html; charset=utf-8"
	}
	text := fmt.Sprintf("HTTP Error %s - %s\n", code, a.title)
	if detail != "" {
		text += detail + "\n"
	}
	return []byte(text), "text/plain; charset=utf-8"
}

func (a *answer) html(code, detail string) []byte {
	var b strings.Builder
	title := html.EscapeString("HTTP Error " + code + " - " + a.title)
	b.WriteString("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>" + title + "</title>\n" +
		"<style>body{font:16px/1.5 system-ui,sans-serif;margin:10vh auto;max-width:46rem;padding:0 1rem;color:#222;background:#fff}" +
		"h1{font-size:1.4rem}pre{background:#f4f4f4;padding:1rem;overflow:auto;white-space:pre-wrap}" +
		"@media(prefers-color-scheme:dark){body{color:#ddd;background:#1b1b1b}pre{background:#262626}}</style></head>\n<body><h1>" + title + "</h1>\n")
	if detail != "" {
		b.WriteString("<pre>" + html.EscapeString(detail) + "</pre>\n")
	} else if a.status >= 500 {
		b.WriteString("<p>The application could not answer. Whoever runs it finds the reason in <code>lanner status</code> and <code>lanner logs</code>.</p>\n")
	}
	b.WriteString("</body></html>\n")
	return []byte(b.String())
}

// raw is the answer as bytes, for a connection whose request has been read by somebody who is gone.
func (a *answer) raw() []byte {
	body, contentType := a.render("", false)
	b := []byte("HTTP/1.1 " + strconv.Itoa(a.status) + " " + httpcommon.StatusText(a.status) + "\r\nContent-Length: " + strconv.Itoa(len(body)) +
		"\r\nConnection: close\r\n")
	b = append(b, "Date: "...)
	b = httpcommon.AppendDate(b, time.Now())
	b = append(b, "\r\n"...)
	b = httpcommon.AppendField(b, "Content-Type", contentType)
	b = append(b, "\r\n"...)
	return append(b, body...)
}
