package staticfiles

import (
	"net/http"

	"github.com/lannerhq/lanner/internal/httpcommon"
	"github.com/lannerhq/lanner/server"
)

// Application is Middleware for a server.Application. A file in memory, asked for without conditions and ranges, is
// answered on the features alone, which saves what it takes to make a http.Request; all else is answered by the handler.
// The path is the server's view of it (server.RequestFeature), in which %2F stays encoded.
func (f *Files) Application(next server.Application) server.Application {
	return server.ApplicationFunc(func(features *server.Features) error {
		req, ok := server.Get[server.RequestFeature](features)
		if !ok || !readOnly(req.Method()) {
			return next.Process(features)
		}
		e, err := f.find(req.Path())
		switch {
		case err == nil && e.kind == missing:
			return next.Process(features)
		case err == nil && e.kind == file && plain(req):
			if res, ok := server.Get[server.ResponseFeature](features); ok {
				if rep := e.choose(acceptEncoding(e, req)); rep.body != nil {
					return rep.sendPlain(res)
				}
			}
		}
		return server.HTTP(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			f.answer(w, r, nil, e, err)
		})).Process(features)
	})
}

// plain reports whether a request is for the whole of a file, whatever the client has of it.
func plain(req server.RequestFeature) bool {
	if req.Method() != http.MethodGet {
		return false
	}
	for name := range req.Header().All() {
		switch name[0] | 0x20 {
		case 'r':
			if httpcommon.EqualFold(name, rangeField) {
				return false
			}
		case 'i':
			if len(name) > 3 && httpcommon.EqualFold(name[:3], "If-") {
				return false
			}
		}
	}
	return true
}

// sendPlain sends a 200 from memory: what send does with a ResponseWriter.
func (rep *representation) sendPlain(res server.ResponseFeature) error {
	h := res.Header()
	for _, fields := range [...][]field{rep.common, rep.part, rep.whole} {
		for i := range fields {
			h.Set(fields[i].key, fields[i].values[0])
		}
	}
	_, err := res.Write(rep.body)
	return err
}

// acceptEncoding are the lines of the field, where they matter.
func acceptEncoding(e *entry, req server.RequestFeature) []string {
	if len(e.reps) == 1 {
		return nil
	}
	return req.Header().Values("Accept-Encoding")
}
