package staticfiles

import (
	"io/fs"
	"net/http"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/lannerhq/lanner/internal/httpcommon"
)

// kind is what a key stands for.
type kind uint8

const (
	missing   kind = iota // nothing that is served
	forbidden             // a file that the process may not read
	file                  // a file, in all its representations
	redirect              // a file or directory that has another URL
)

// entry is what is known of a key. It is immutable once it is in the cache, but for the fields at the end.
type entry struct {
	key       string
	kind      kind
	location  string            // of a redirect, relative
	reps      []*representation // of a file; the first is the file itself
	deps      []dependency      // what was looked at to find all this
	unsettled bool              // the same sizes and times later would not prove that nothing changed
	cost      int64             // in bytes

	checked atomic.Int64 // when deps were last compared, on the clock of Files.elapsed
	used    atomic.Bool  // since the eviction's hand came by
	place   int          // in its ring; under the shard's mu
}

// dependency is the state in which a name was found; a nil info says that there was nothing.
type dependency struct {
	name string
	info fs.FileInfo
}

// settles is how old a modification time must be to be trusted. The coarsest file systems count in steps of two seconds:
// a second change within the step would not show.
const settles = 2 * time.Second

// Estimates of what an entry takes besides its files.
const (
	entryCost   = 256
	repCost     = 1024
	dependsCost = 256
)

func (e *entry) measure() {
	e.cost = entryCost + int64(2*len(e.key)+len(e.location)+dependsCost*len(e.deps))
	for _, rep := range e.reps {
		e.cost += repCost + int64(len(rep.body))
	}
}

// same reports whether a name is in the state in which it was. Of a directory only that it is one matters.
func same(before, now fs.FileInfo) bool {
	switch {
	case before == nil || now == nil:
		return before == nil && now == nil
	case before.IsDir() && now.IsDir():
		return true
	case before.Mode() != now.Mode() || before.Size() != now.Size() || !before.ModTime().Equal(now.ModTime()):
		return false
	}
	// Another file of the same size and time was moved into place. A file system that is not the system's has no identity
	// to compare: its files are not even the same as themselves.
	return os.SameFile(before, now) || !os.SameFile(before, before)
}

// field is a header field to be set. Its values are shared by all responses and never changed; the slice has no spare
// capacity.
type field struct {
	key    string // canonical
	values []string
}

func newField(key, value string) field { return field{key, []string{value}[:1:1]} }

// representation is a file as it is sent in one coding, with its header fields ready.
type representation struct {
	name        string
	coding      coding
	info        fs.FileInfo
	body        []byte // nil: to be sent from the file
	contentType string
	etag        string    // "" when there is none
	modified    time.Time // of the Last-Modified field; zero when there is none

	common []field // of every response: ETag, Cache-Control, Vary, X-Content-Type-Options; Last-Modified where there is no ETag
	part   []field // of 200 and 206 besides: Accept-Ranges, Content-Encoding, Last-Modified
	whole  []field // of 200 besides: Content-Type, Content-Length
}

func (rep *representation) size() int64 {
	if rep.body != nil {
		return int64(len(rep.body))
	}
	return rep.info.Size()
}

var acceptRanges = newField("Accept-Ranges", "bytes")
var noSniff = newField("X-Content-Type-Options", "nosniff")
var vary = newField("Vary", "Accept-Encoding")

// prepare renders the header fields.
func (rep *representation) prepare(opts *Options, original string, varies bool) {
	if rep.etag != "" {
		rep.common = append(rep.common, newField("Etag", rep.etag))
	}
	if value := opts.cacheControl(original); value != "" {
		rep.common = append(rep.common, newField("Cache-Control", value))
	}
	if varies {
		rep.common = append(rep.common, vary)
	}
	if opts.NoSniff {
		rep.common = append(rep.common, noSniff)
	}
	rep.part = append(rep.part, acceptRanges)
	if rep.coding != identity {
		rep.part = append(rep.part, newField("Content-Encoding", rep.coding.String()))
	}
	// As http.FileServer, which takes the epoch for "unknown" as well.
	if t := rep.info.ModTime(); !t.IsZero() && t.Unix() != 0 {
		rep.modified = t.Truncate(time.Second)
		dated := newField("Last-Modified", string(httpcommon.AppendDate(nil, t.UTC())))
		if rep.etag == "" {
			rep.common = append(rep.common, dated)
		} else { // RFC 9110 §15.4.5: of no use in a 304 that has an entity tag
			rep.part = append(rep.part, dated)
		}
	}
	rep.whole = append(rep.whole, newField("Content-Type", rep.contentType), newField("Content-Length", strconv.FormatInt(rep.size(), 10)))
}

func set(h http.Header, fields []field) {
	for i := range fields {
		h[fields[i].key] = fields[i].values
	}
}
