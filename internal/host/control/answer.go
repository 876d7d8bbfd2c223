package control

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"
)

// failure is the body of every answer that is not a success.
type failure struct {
	Error *Error `json:"error"`
	// Steps that were done before the failure.
	Steps []Step `json:"steps,omitempty"`
}

func writeError(w http.ResponseWriter, err error) { writeFailure(w, failure{Error: asError(err)}) }

func writeFailure(w http.ResponseWriter, f failure) { writeJSON(w, f.Error.status(), f) }

// asError gives an error of the host the status it asked for.
func asError(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return &Error{Status: http.StatusServiceUnavailable, Message: "the command was ended before it was done: " + err.Error(),
			Hint: "see its result with \"lanner status\""}
	}
	return &Error{Status: http.StatusInternalServerError, Message: err.Error()}
}

// extendDeadline gives the next writes writeTimeout from now. Whoever writes calls it first: the server sets no deadline,
// because a command or a log stream takes as long as it takes.
func extendDeadline(w http.ResponseWriter) error {
	return http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writeTimeout))
}

func writeJSON(w http.ResponseWriter, code int, body any) {
	data, err := json.MarshalIndent(body, "", "  ")
	if err != nil {
		code = http.StatusInternalServerError
		data, _ = json.Marshal(failure{Error: &Error{Message: "cannot write the answer: " + err.Error()}})
	}
	extendDeadline(w)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	w.Write(append(data, '\n'))
}

// complete replaces nil by empty lists, so that readers of the JSON meet no null.
func (st Status) complete() Status {
	st.Sites = orEmpty(st.Sites)
	for i := range st.Sites {
		site := &st.Sites[i]
		site.Bindings = orEmpty(site.Bindings)
		site.Applications = orEmpty(site.Applications)
		for j := range site.Applications {
			site.Applications[j].Workers = orEmpty(site.Applications[j].Workers)
		}
	}
	return st
}

// orEmpty returns a copy, since the host may have lent us its own list.
func orEmpty[T any](list []T) []T { return append(make([]T, 0, len(list)), list...) }
