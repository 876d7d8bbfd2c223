package staticfiles

import (
	"io"
	"io/fs"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"strconv"
)

// answer is what a request gets of a representation.
type answer struct {
	status int
	ranges []byteRange // of a 206
}

const rangeField = "Range"

// answer decides by the request's preconditions and ranges. RFC 9110 §14.2: a Range field is for GET alone.
func (rep *representation) answer(r *http.Request) (a answer) {
	if a.status = rep.precondition(r.Header); a.status != http.StatusOK {
		return a
	}
	if lines := r.Header[rangeField]; lines != nil && r.Method == http.MethodGet && rep.rangeApplies(r.Header[ifRange]) {
		a.ranges, a.status = parseRanges(lines, rep.size())
	}
	return a
}

func (a answer) hasContent(r *http.Request) bool {
	return r.Method != http.MethodHead && (a.status == http.StatusOK || a.status == http.StatusPartialContent)
}

// serveFile answers with one of the entry's representations. When it fails, nothing has been answered.
func (f *Files) serveFile(w http.ResponseWriter, r *http.Request, e *entry) error {
	rep := e.choose(r.Header["Accept-Encoding"])
	a := rep.answer(r)
	if rep.body != nil || !a.hasContent(r) {
		rep.send(w, r, a, nil)
		return nil
	}
	open, err := f.source.open(rep.name)
	if err != nil {
		return err
	}
	defer open.Close()
	info, err := open.Stat()
	switch {
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return fs.ErrNotExist
	case !same(rep.info, info):
		// It changed since it was looked at. What is open is served, under its own validators.
		f.cache.drop(e)
		rep = f.renewed(rep, info, e)
		a = rep.answer(r)
	}
	if _, seekable := open.(io.Seeker); !seekable && a.status == http.StatusPartialContent {
		a = answer{status: http.StatusOK}
	}
	rep.send(w, r, a, open)
	return nil
}

// renewed is rep for another state of its file.
func (f *Files) renewed(rep *representation, info fs.FileInfo, e *entry) *representation {
	fresh := &representation{name: rep.name, coding: rep.coding, info: info, contentType: rep.contentType}
	fresh.etag = fileTag(info, rep.coding)
	fresh.prepare(&f.opts, e.reps[0].name, len(e.reps) > 1)
	return fresh
}

// send writes an answer. open is the file of a representation that is not in memory, when there is content to send. A failed
// write is not looked at: the client has gone, and the server knows.
func (rep *representation) send(w http.ResponseWriter, r *http.Request, a answer, open fs.File) {
	h := w.Header()
	if a.status == http.StatusRequestedRangeNotSatisfiable {
		h["Content-Range"] = []string{"bytes */" + strconv.FormatInt(rep.size(), 10)}
		http.Error(w, "416 range not satisfiable", a.status)
		return
	}
	set(h, rep.common)
	switch a.status {
	case http.StatusOK:
		set(h, rep.part)
		set(h, rep.whole)
		if r.Method == http.MethodHead || rep.size() == 0 {
			w.WriteHeader(http.StatusOK)
			return
		}
		if open == nil {
			_, _ = w.Write(rep.body) // head and body in one
			return
		}
		w.WriteHeader(http.StatusOK)
		_, _ = io.CopyN(w, open, rep.size()) // by sendfile(2), through w's io.ReaderFrom
	case http.StatusPartialContent:
		set(h, rep.part)
		rep.sendRanges(w, a.ranges, open)
	default: // 304, 412
		w.WriteHeader(a.status)
	}
}

// sendRanges writes a 206 (RFC 9110 §15.3.7).
func (rep *representation) sendRanges(w http.ResponseWriter, ranges []byteRange, open fs.File) {
	h := w.Header()
	if len(ranges) == 1 {
		h["Content-Type"] = []string{rep.contentType}
		h["Content-Range"] = []string{ranges[0].contentRange(rep.size())}
		h["Content-Length"] = []string{strconv.FormatInt(ranges[0].length, 10)}
		w.WriteHeader(http.StatusPartialContent)
		_ = rep.sendRange(w, ranges[0], open)
		return
	}
	var framing counter
	count := multipart.NewWriter(&framing)
	total := int64(0)
	for _, part := range ranges {
		_, _ = count.CreatePart(rep.partHeader(part)) // a counter does not fail
		total += part.length
	}
	count.Close()
	h["Content-Type"] = []string{"multipart/byteranges; boundary=" + count.Boundary()}
	h["Content-Length"] = []string{strconv.FormatInt(total+int64(framing), 10)}
	w.WriteHeader(http.StatusPartialContent)

	out := multipart.NewWriter(w)
	_ = out.SetBoundary(count.Boundary()) // the one it makes itself is valid
	for _, part := range ranges {
		to, err := out.CreatePart(rep.partHeader(part))
		if err == nil {
			err = rep.sendRange(to, part, open)
		}
		if err != nil {
			return
		}
	}
	_ = out.Close()
}

func (rep *representation) partHeader(part byteRange) textproto.MIMEHeader {
	return textproto.MIMEHeader{"Content-Type": {rep.contentType}, "Content-Range": {part.contentRange(rep.size())}}
}

// sendRange writes a part, from memory or by seeking in open.
func (rep *representation) sendRange(w io.Writer, part byteRange, open fs.File) error {
	if open == nil {
		_, err := w.Write(rep.body[part.start : part.start+part.length])
		return err
	}
	if _, err := open.(io.Seeker).Seek(part.start, io.SeekStart); err != nil {
		return err
	}
	_, err := io.CopyN(w, open, part.length)
	return err
}

// counter counts what is written to it.
type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}
