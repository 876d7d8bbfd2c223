package staticfiles

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"io/fs"
	"strconv"
)

// attempts is how often a file is read that changes while it is read, before it is served from the disk instead.
const attempts = 3

// representation reads a small file into memory and looks at a large one. Who calls it sets the coding and prepares it.
func (l *lookup) representation(name string, info fs.FileInfo) (*representation, error) {
	rep := &representation{name: name, info: info, contentType: l.files.opts.typeByName(name)}
	if info.Size() <= l.files.fileSize {
		if err := l.read(rep); err != nil {
			return nil, err
		}
	}
	l.saw(name, rep.info)
	if age := l.files.now().Sub(rep.info.ModTime()); age < settles && !l.files.immutable {
		l.unsettled = true
	}
	if rep.body != nil {
		rep.etag = contentTag(sha256.Sum256(rep.body))
		if rep.contentType == "" {
			rep.contentType = sniff(rep.body)
		}
		return rep, nil
	}
	return rep, l.examine(rep)
}

// read fills in the body, unless the file grew or does not hold still. The state before and after reading is the same, so
// that the body is all of one version.
func (l *lookup) read(rep *representation) error {
	file, err := l.files.source.open(rep.name)
	if err != nil {
		return err
	}
	defer file.Close()
	for range attempts {
		before, body, after, err := readOnce(file, l.files.fileSize)
		switch {
		case err != nil:
			return err
		case !before.Mode().IsRegular():
			return fs.ErrNotExist // something else took its place
		}
		rep.info = after
		if int64(len(body)) > l.files.fileSize {
			return nil
		}
		if same(before, after) && int64(len(body)) == after.Size() {
			rep.body = body
			return nil
		}
		seeker, ok := file.(io.Seeker)
		if !ok {
			return nil
		}
		if _, err := seeker.Seek(0, io.SeekStart); err != nil {
			return err
		}
	}
	return nil
}

func readOnce(file fs.File, limit int64) (before fs.FileInfo, body []byte, after fs.FileInfo, err error) {
	if before, err = file.Stat(); err != nil || !before.Mode().IsRegular() {
		return before, nil, nil, err
	}
	body = make([]byte, 0, min(before.Size(), limit)+1) // and one byte that shows the end
	for {
		n, err := file.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		if err == io.EOF || int64(len(body)) > limit {
			break
		}
		if err != nil {
			return before, nil, nil, err
		}
		if len(body) == cap(body) {
			body = append(body, 0)[:len(body)]
		}
	}
	after, err = file.Stat()
	return before, bytes.Clone(body), after, err // without the spare capacity
}

// examine finds a large file's validator and, where its name does not say it, its type.
func (l *lookup) examine(rep *representation) error {
	modified := rep.info.ModTime()
	hash := modified.IsZero() && l.files.immutable
	rep.etag = fileTag(rep.info, identity)
	if !hash && rep.contentType != "" {
		return nil
	}
	file, err := l.files.source.open(rep.name)
	if err != nil {
		return err
	}
	defer file.Close()
	start := make([]byte, sniffLen)
	n, err := io.ReadFull(file, start)
	if err != nil && err != io.EOF && !errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	start = start[:n]
	if rep.contentType == "" {
		rep.contentType = sniff(start)
	}
	if hash {
		digest := sha256.New()
		digest.Write(start)
		if _, err := io.Copy(digest, file); err != nil {
			return err
		}
		rep.etag = contentTag([sha256.Size]byte(digest.Sum(nil)))
	}
	return nil
}

// contentTag is a strong entity tag (RFC 9110 §8.8.3): the same on all servers that have the same file.
func contentTag(sum [sha256.Size]byte) string {
	return `"` + base64.RawURLEncoding.EncodeToString(sum[:18]) + `"`
}

// fileTag is made from what changes with a file: its time, in nanoseconds, its size, and its coding. A file without a time has none,
// as its size alone proves nothing.
func fileTag(info fs.FileInfo, c coding) string {
	if info.ModTime().IsZero() {
		return ""
	}
	return `"` + strconv.FormatInt(info.ModTime().UnixNano(), 36) + "-" + strconv.FormatInt(info.Size(), 36) + c.suffix() + `"`
}
