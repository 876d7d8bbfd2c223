package control

import (
	"context"
	"fmt"
	"net/http"
	"slices"
)

// handler is the table of the API.
func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/livez", get(s.live))
	mux.Handle("/readyz", get(s.ready))
	mux.Handle("/api/v1/status", get(s.status))
	mux.Handle("/api/v1/config", get(s.config))
	mux.Handle("/api/v1/certificates", get(s.certificates))
	mux.Handle("/api/v1/certificates/{name}", get(s.certificate))
	mux.Handle("/api/v1/certificates/{name}/renew", post(s.renewCertificate))
	mux.Handle("/api/v1/logs", get(s.logs))
	mux.Handle("/api/v1/reload", post(s.reload))
	mux.Handle("/api/v1/sites/{site}/recycle", post(s.recycle))
	mux.Handle("/api/v1/sites/{site}/stop", post(s.stop))
	mux.Handle("/api/v1/sites/{site}/start", post(s.start))
	mux.HandleFunc("/", notFound)
	return s.guard(mux)
}

// guard decides who may ask, writes commands to the log, and counts.
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.requests.enter() {
			writeError(w, &Error{Status: http.StatusServiceUnavailable, Message: errStopping.Error()})
			return
		}
		defer s.requests.leave()
		who, known := peerOf(r.Context())
		if !known || !who.allowed(s.path) {
			s.log.Warn(eventDenied, "peer", who)
			writeError(w, &Error{Status: http.StatusForbidden, Message: "this user may not control the host",
				Hint: "be root, the user that runs the host, or in the group of " + s.path})
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxBodyBytes)
		if r.Method != http.MethodPost {
			next.ServeHTTP(w, r)
			return
		}
		seen := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(seen, r)
		s.log.Info(eventRequest, "method", r.Method, "path", r.URL.Path, "status", seen.status, "peer", who)
	})
}

// statusWriter remembers the status for the log.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func get(h http.HandlerFunc) http.Handler { return only(h, http.MethodGet, http.MethodHead) }

func post(h http.HandlerFunc) http.Handler { return only(h, http.MethodPost) }

func only(h http.HandlerFunc, methods ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if slices.Contains(methods, r.Method) {
			h(w, r)
			return
		}
		w.Header().Set("Allow", methods[0])
		writeError(w, &Error{Status: http.StatusMethodNotAllowed,
			Message: fmt.Sprintf("%s is not possible on %s", r.Method, r.URL.Path), Hint: "use " + methods[0]})
	})
}

func notFound(w http.ResponseWriter, r *http.Request) {
	writeError(w, &Error{Status: http.StatusNotFound, Message: "there is no " + r.URL.Path,
		Hint: "the paths are in docs/reference/control-api.md"})
}

func (s *Server) live(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]bool{"live": true})
}

// ready answers 200 while the host serves, and 503 while it starts and stops, so that a load balancer looks elsewhere.
func (s *Server) ready(w http.ResponseWriter, _ *http.Request) {
	state, code := s.host.Status().State, http.StatusOK
	if state != Running {
		code = http.StatusServiceUnavailable
	}
	writeJSON(w, code, map[string]any{"ready": state == Running, "state": state})
}

func (s *Server) status(w http.ResponseWriter, _ *http.Request) {
	st := s.host.Status()
	writeJSON(w, http.StatusOK, st.complete())
}

func (s *Server) config(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, s.host.Config())
}

// certificateList is the answer to GET /api/v1/certificates.
type certificateList struct {
	Certificates []Certificate `json:"certificates"`
}

func (s *Server) certificates(w http.ResponseWriter, _ *http.Request) {
	list := certificateList{orEmpty(s.host.Certificates())}
	for i := range list.Certificates {
		list.Certificates[i].Names = orEmpty(list.Certificates[i].Names)
	}
	writeJSON(w, http.StatusOK, list)
}

// certificateDetails is the answer to GET /api/v1/certificates/{name}.
type certificateDetails struct {
	Certificates []CertificateDetail `json:"certificates"`
}

func (s *Server) certificate(w http.ResponseWriter, r *http.Request) {
	list, err := s.host.Certificate(r.PathValue("name"))
	if err != nil {
		writeError(w, err)
		return
	}
	for i := range list {
		list[i].Names, list[i].Chain = orEmpty(list[i].Names), orEmpty(list[i].Chain)
	}
	writeJSON(w, http.StatusOK, certificateDetails{orEmpty(list)})
}

// renewals is the answer to POST /api/v1/certificates/{name}/renew.
type renewals struct {
	Certificates []Renewal `json:"certificates"`
}

func (s *Server) renewCertificate(w http.ResponseWriter, r *http.Request) {
	list, err := s.host.RenewCertificate(r.Context(), r.PathValue("name"))
	if err != nil {
		writeError(w, err)
		return
	}
	for i := range list {
		list[i].Names = orEmpty(list[i].Names)
	}
	writeJSON(w, http.StatusOK, renewals{orEmpty(list)})
}

func (s *Server) reload(w http.ResponseWriter, r *http.Request) {
	result, err := s.host.Reload(r.Context())
	if err != nil {
		writeError(w, err)
		return
	}
	result.Changes = orEmpty(result.Changes)
	writeJSON(w, http.StatusOK, result)
}

func (s *Server) recycle(w http.ResponseWriter, r *http.Request) {
	s.command(w, r, s.host.Recycle)
}

func (s *Server) stop(w http.ResponseWriter, r *http.Request) {
	s.command(w, r, withoutSteps(s.host.StopSite))
}

func (s *Server) start(w http.ResponseWriter, r *http.Request) {
	s.command(w, r, withoutSteps(s.host.StartSite))
}

func withoutSteps(do func(context.Context, string) error) func(context.Context, string) ([]Step, error) {
	return func(ctx context.Context, site string) ([]Step, error) { return nil, do(ctx, site) }
}

// command does something to the site in the path and answers with the state it is in then.
func (s *Server) command(w http.ResponseWriter, r *http.Request, do func(context.Context, string) ([]Step, error)) {
	name := r.PathValue("site")
	if _, err := s.find(name); err != nil {
		writeError(w, err)
		return
	}
	steps, err := do(r.Context(), name)
	if err != nil {
		writeFailure(w, failure{Error: asError(err), Steps: steps})
		return
	}
	site, err := s.find(name)
	if err != nil { // a reload has removed it meanwhile
		writeError(w, err)
		return
	}
	writeJSON(w, http.StatusOK, SiteResult{Site: name, State: site.State, Steps: steps})
}

// find returns a site by name, or an [*Error] with the name that was probably meant.
func (s *Server) find(name string) (Site, error) {
	var known []string
	for _, site := range s.host.Status().Sites {
		if site.Name == name {
			return site, nil
		}
		known = append(known, site.Name)
	}
	return Site{}, UnknownSite(name, known)
}
