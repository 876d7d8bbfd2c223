package control

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
)

// logs streams lines as JSON, one object a line (application/x-ndjson). A failure after the first line ends the stream with
// an object that has the member "error" only.
func (s *Server) logs(w http.ResponseWriter, r *http.Request) {
	query, err := s.logQuery(r)
	if err != nil {
		writeError(w, err)
		return
	}
	ctx, cancel := context.WithCancelCause(r.Context())
	defer cancel(nil)
	defer context.AfterFunc(s.streams, func() { cancel(errStopping) })()

	out := &lineWriter{w: w, control: http.NewResponseController(w), json: json.NewEncoder(w), live: query.Follow}
	out.json.SetEscapeHTML(false)
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.WriteHeader(http.StatusOK)
	out.flush() // the caller learns that it is heard before there is a first line
	err = s.host.Logs(ctx, query, out.line)
	extendDeadline(w)                   // for the end of the body
	if err == nil || ctx.Err() != nil { // whoever ended ctx, the caller or Stop, needs no explanation
		return
	}
	out.write(failure{Error: asError(err)})
}

// lineWriter writes lines of JSON. In a live stream each line is sent at once.
type lineWriter struct {
	w       http.ResponseWriter
	control *http.ResponseController
	json    *json.Encoder
	live    bool
}

func (o *lineWriter) line(l LogLine) error {
	if err := o.write(l); err != nil {
		return err
	}
	if !o.live {
		return nil
	}
	return o.flush()
}

func (o *lineWriter) write(v any) error {
	if err := extendDeadline(o.w); err != nil {
		return err
	}
	return o.json.Encode(v)
}

func (o *lineWriter) flush() error { return o.control.Flush() }

// logQuery reads ?site=&application=&follow=&tail= and looks that they name something.
func (s *Server) logQuery(r *http.Request) (LogQuery, error) {
	values := r.URL.Query()
	q := LogQuery{Site: values.Get("site"), Application: values.Get("application"), Tail: DefaultTail}
	for name := range values {
		if known := []string{"site", "application", "follow", "tail"}; !slices.Contains(known, name) {
			return q, badQuery(fmt.Sprintf("there is no parameter %q", name), DidYouMean(name, known))
		}
	}
	if err := parseQuery(values.Get("follow"), &q.Follow, strconv.ParseBool); err != nil {
		return q, badQuery(fmt.Sprintf("follow is %q", values.Get("follow")), "write follow=true or follow=false")
	}
	if tail := values.Get("tail"); tail == "all" {
		q.Tail = TailAll
	} else if err := parseQuery(tail, &q.Tail, strconv.Atoi); err != nil || q.Tail < 0 {
		return q, badQuery(fmt.Sprintf("tail is %q", tail), "write a number of lines, or tail=all")
	}
	site, err := s.find(q.Site)
	if err != nil {
		return q, err
	}
	return q, checkApplication(site, q.Application)
}

func checkApplication(site Site, path string) error {
	if path == "" {
		return nil
	}
	var known []string
	for _, app := range site.Applications {
		if app.Path == path {
			return nil
		}
		known = append(known, app.Path)
	}
	return &Error{Status: http.StatusNotFound,
		Message: fmt.Sprintf("site %q has no application %q", site.Name, path), Hint: DidYouMean(path, known)}
}

// parseQuery sets to unless text is empty.
func parseQuery[T any](text string, to *T, parse func(string) (T, error)) error {
	if text == "" {
		return nil
	}
	value, err := parse(text)
	if err == nil {
		*to = value
	}
	return err
}

func badQuery(message, hint string) *Error {
	return &Error{Status: http.StatusBadRequest, Message: message, Hint: hint}
}
