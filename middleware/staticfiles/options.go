package staticfiles

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/textproto"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/lannerhq/lanner/internal/httpcommon"
)

// Options says what is served and how. Root or FS must be set, not both.
type Options struct {
	// Root is the directory that is served. It is opened once, as an os.Root: neither ".." nor a symbolic link leads out
	// of it. A directory that later takes its place under the same name is not noticed; swap what is inside.
	Root string

	// FS is served instead of a directory. It must be safe for concurrent use.
	FS fs.FS

	// Immutable says that FS never changes: nothing is looked at twice, and large files without a modification time get
	// an entity tag from their content. An embed.FS is immutable without being told.
	Immutable bool

	// Prefix is the URL path below which the files are, such as "/static". Requests for other paths are answered as if
	// there were no such file. Empty means that the request path is the file's. Unlike http.StripPrefix, it leaves the
	// request as it is for the next handler.
	Prefix string

	// Index names the files that stand for their directory, the first that exists. Nil means index.html; empty and not
	// nil means none. Directories are never listed.
	Index []string

	// DotFiles says whether names that begin with a dot are served. Zero hides them.
	DotFiles DotFiles

	// ContentTypes adds to the table of media types, or overrides it: extension with its dot to field value.
	ContentTypes map[string]string

	// NoSniff sends X-Content-Type-Options: nosniff with every file.
	NoSniff bool

	// CacheControl says which files get a Cache-Control field: the first rule whose pattern matches. None by default, which
	// leaves it to the client's heuristics (RFC 9111 §4.2.2).
	CacheControl []CacheRule

	// IgnorePrecompressed turns off the search for name.br, name.zst and name.gz beside a file.
	IgnorePrecompressed bool

	// MaxFileSize is the size in bytes up to which a file is kept in memory. Zero means 64 KiB, negative that none is.
	MaxFileSize int64

	// MaxCacheSize bounds the memory for files in bytes. Zero means 64 MiB, negative that nothing is kept. What is known
	// of names that do not exist takes 1 MiB more at most.
	MaxCacheSize int64

	// Revalidate is how long a file is served without asking the file system whether it changed. Zero means one second,
	// negative that every request asks, or waits for one that is asking.
	Revalidate time.Duration

	// Now is the clock. Nil means time.Now.
	Now func() time.Time

	// Logger takes what an operator should know: files that cannot be read. Nil means slog.Default().
	Logger *slog.Logger
}

// CacheRule gives a Cache-Control field to files.
type CacheRule struct {
	// Pattern is matched as by path.Match: against the file's last name when it has no slash ("*.html"), else against its
	// path in the root ("js/*.js"). One that ends in a slash means all that is below ("assets/").
	Pattern string
	// Value is the field's value, such as "public, max-age=31536000, immutable". Empty means no field.
	Value string
}

// DotFiles is what happens to names that begin with a dot, such as .git or .env.
type DotFiles uint8

const (
	// HideDotFiles answers as if they did not exist.
	HideDotFiles DotFiles = iota
	// ServeWellKnown hides all but what is below /.well-known/ (RFC 8615).
	ServeWellKnown
	// ServeDotFiles serves them like others.
	ServeDotFiles
)

const (
	defaultFileSize   = 64 << 10
	defaultCacheSize  = 64 << 20
	defaultRevalidate = time.Second
	missingSize       = 1 << 20
)

// validate returns all mistakes in o, joined.
func (o *Options) validate() error {
	var errs []error
	if (o.Root == "") == (o.FS == nil) {
		errs = append(errs, errors.New("staticfiles: set one of Options.Root and Options.FS: the directory or the file system to serve"))
	}
	if o.Prefix != "" && (o.Prefix[0] != '/' || path.Clean(o.Prefix) != strings.TrimSuffix(o.Prefix, "/") && o.Prefix != "/") {
		errs = append(errs, fmt.Errorf("staticfiles: the prefix %q is not a clean URL path: write it like /static", o.Prefix))
	}
	for _, name := range o.Index {
		if !fs.ValidPath(name) || strings.Contains(name, "/") || name == "." {
			errs = append(errs, fmt.Errorf("staticfiles: the index %q is not the name of a file: write it like index.html", name))
		}
	}
	for _, rule := range o.CacheControl {
		if _, err := path.Match(rule.Pattern, ""); err != nil || rule.Pattern == "" {
			errs = append(errs, fmt.Errorf("staticfiles: the pattern %q of a cache rule cannot be understood: see path.Match", rule.Pattern))
		}
		errs = append(errs, checkValue("Cache-Control", rule.Value))
	}
	for ext, value := range o.ContentTypes {
		if !strings.HasPrefix(ext, ".") || strings.Contains(ext, "/") {
			errs = append(errs, fmt.Errorf("staticfiles: %q is not a file name extension: write it like .webmanifest", ext))
		}
		errs = append(errs, checkValue("Content-Type", value))
	}
	return errors.Join(errs...)
}

func checkValue(field, value string) error {
	if !httpcommon.IsFieldValue(value) || textproto.TrimString(value) != value {
		return fmt.Errorf("staticfiles: %q cannot be sent as %s: it has control characters, or spaces around it", value, field)
	}
	return nil
}

func (o *Options) index() []string {
	if o.Index == nil {
		return []string{"index.html"}
	}
	return slices.Clone(o.Index)
}

func (o *Options) logger() *slog.Logger {
	if o.Logger != nil {
		return o.Logger
	}
	return slog.Default()
}

// or is the value of an option of which zero means the default and a negative number nothing.
func or[T ~int64](value, otherwise T) T {
	if value == 0 {
		return otherwise
	}
	return max(value, 0)
}

// cacheControl returns the field's value for a file, or "".
func (o *Options) cacheControl(name string) string {
	for _, rule := range o.CacheControl {
		if rule.matches(name) {
			return rule.Value
		}
	}
	return ""
}

func (r CacheRule) matches(name string) bool {
	switch {
	case strings.HasSuffix(r.Pattern, "/"):
		return strings.HasPrefix(name, r.Pattern)
	case !strings.Contains(r.Pattern, "/"):
		name = path.Base(name)
	}
	matched, err := path.Match(r.Pattern, name)
	return matched && err == nil
}
