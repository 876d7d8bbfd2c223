package staticfiles

import (
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"path"
	"strings"
	"sync/atomic"
	"time"
)

// Files serves files. It is safe for concurrent use and has no goroutines.
type Files struct {
	opts       Options
	source     source
	immutable  bool
	prefix     string // without a slash at the end
	index      []string
	fileSize   int64
	revalidate time.Duration
	now        func() time.Time
	began      time.Time
	log        *slog.Logger
	cache      *cache
	warned     atomic.Int64 // when the last event was logged, by elapsed
}

// New opens the root. It fails when it cannot be opened, or when the options are wrong.
func New(opts Options) (*Files, error) {
	if err := opts.validate(); err != nil {
		return nil, err
	}
	src, immutable, err := openSource(&opts)
	if err != nil {
		return nil, err
	}
	f := &Files{
		opts: opts, source: src, immutable: immutable, prefix: strings.TrimSuffix(opts.Prefix, "/"), index: opts.index(),
		fileSize: or(opts.MaxFileSize, defaultFileSize), revalidate: or(opts.Revalidate, defaultRevalidate),
		now: opts.Now, log: opts.logger(),
	}
	if f.now == nil {
		f.now = time.Now
	}
	f.began = f.now()
	f.cache = newCache(or(opts.MaxCacheSize, defaultCacheSize), f.fileSize)
	return f, nil
}

// Close closes the root. It must not be called before the last request has been answered.
func (f *Files) Close() error { return f.source.close() }

// ServeHTTP answers with a file, or 404; 405 to methods other than GET and HEAD.
func (f *Files) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !readOnly(r.Method) {
		w.Header()["Allow"] = allow
		http.Error(w, "405 method not allowed", http.StatusMethodNotAllowed)
		return
	}
	f.serve(w, r, nil)
}

// Middleware answers requests for files; all others, and those with methods other than GET and HEAD, are for next.
func (f *Files) Middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !readOnly(r.Method) {
			next.ServeHTTP(w, r)
			return
		}
		f.serve(w, r, next)
	})
}

var allow = []string{"GET, HEAD"}

func readOnly(method string) bool { return method == http.MethodGet || method == http.MethodHead }

// serve answers a GET or HEAD request. A nil next answers 404.
func (f *Files) serve(w http.ResponseWriter, r *http.Request, next http.Handler) {
	e, err := f.find(r.URL.Path)
	f.answer(w, r, next, e, err)
}

// answer answers with what was found.
func (f *Files) answer(w http.ResponseWriter, r *http.Request, next http.Handler, e *entry, err error) {
	if err == nil && e.kind == file {
		failure := f.serveFile(w, r, e)
		if failure == nil {
			return
		}
		e, err = f.lost(e, failure)
	}
	switch {
	case err != nil:
		http.Error(w, "500 internal server error", http.StatusInternalServerError)
	case e.kind == redirect:
		location := e.location
		if r.URL.RawQuery != "" {
			location += "?" + r.URL.RawQuery
		}
		w.Header()["Location"] = []string{location}
		w.WriteHeader(http.StatusMovedPermanently)
	case e.kind == forbidden:
		http.Error(w, "403 forbidden", http.StatusForbidden)
	case next != nil:
		next.ServeHTTP(w, r)
	default:
		http.NotFound(w, r)
	}
}

// lost says what becomes of a file that was there and can no longer be opened.
func (f *Files) lost(e *entry, err error) (*entry, error) {
	f.cache.drop(e)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nothing, nil
	case errors.Is(err, fs.ErrPermission):
		return &entry{kind: forbidden}, nil
	}
	f.logUnreadable(e.key, err)
	return nil, err
}

// nothing is the entry of paths that are not looked for.
var nothing = &entry{kind: missing}

// find returns the entry of a request path, not older than Options.Revalidate. Only clean paths are keys, so that one that is
// found as it is needs no cleaning.
func (f *Files) find(p string) (*entry, error) {
	n := len(f.prefix)
	if len(p) > n && p[:n] == f.prefix && (n == 0 || p[n] == '/') {
		if e := f.cache.get(strings.TrimPrefix(p[n:], "/")); e != nil && f.fresh(e) {
			return e, nil
		}
	}
	return f.findSlowly(p)
}

func (f *Files) findSlowly(p string) (*entry, error) {
	if f.prefix != "" {
		clean := "/" + cleanKey(p)
		rest, below := strings.CutPrefix(clean, f.prefix)
		switch {
		case !below || rest != "" && rest[0] != '/':
			return nothing, nil
		case rest == "":
			return f.findPrefix()
		}
		p = rest
	}
	key := cleanKey(p)
	if !f.opts.DotFiles.allows(key) {
		return nothing, nil
	}
	return f.cache.refresh(key, f.fresh, func(old *entry) (*entry, error) { return f.load(key, old) })
}

// findPrefix sends the client from /static to /static/ where there is an index.
func (f *Files) findPrefix() (*entry, error) {
	e, err := f.findSlowly(f.prefix + "/")
	if err != nil || e.kind != file {
		return nothing, err
	}
	return redirectTo(path.Base(f.prefix) + "/"), nil
}

// elapsed is the time by which entries are dated.
func (f *Files) elapsed() int64 { return int64(f.now().Sub(f.began)) }

func (f *Files) fresh(e *entry) bool {
	return f.immutable || f.elapsed()-e.checked.Load() < int64(f.revalidate)
}
