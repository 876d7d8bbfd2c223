package staticfiles

import (
	"errors"
	"io/fs"
	"net/url"
	"path"
	"strings"
)

// lookup finds out what a key stands for, and writes down what it looked at.
type lookup struct {
	files *Files
	deps  []dependency
	// unsettled: what was found cannot be recognised later by size and time alone.
	unsettled bool
}

// stat returns nil for what does not exist.
func (l *lookup) stat(name string) (fs.FileInfo, error) {
	info, err := l.files.source.stat(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err != nil {
		info = nil
	}
	l.deps = append(l.deps, dependency{name, info})
	return info, nil
}

// saw replaces what stat wrote down by the state in which the file was read.
func (l *lookup) saw(name string, info fs.FileInfo) {
	for i := range l.deps {
		if l.deps[i].name == name {
			l.deps[i].info = info
		}
	}
}

// load makes the entry of a key, or finds that the old one still holds.
func (f *Files) load(key string, old *entry) (*entry, error) {
	now := f.elapsed() // before looking: what changes from here on is found the next time
	if old != nil && !old.unsettled {
		unchanged, err := f.unchanged(old)
		if err != nil {
			f.logKept(key, err)
		}
		if unchanged || err != nil {
			old.checked.Store(now)
			return old, nil
		}
	}
	key = strings.Clone(key) // a server may reuse the memory that a request's path is in
	l := &lookup{files: f}
	e, err := l.resolve(key)
	switch {
	case errors.Is(err, fs.ErrNotExist): // it was removed while it was looked at
		e, l.unsettled = &entry{kind: missing}, true
	case errors.Is(err, fs.ErrPermission):
		f.logUnreadable(key, err)
		e, l.unsettled = &entry{kind: forbidden}, true
	case err != nil && old != nil:
		f.logKept(key, err)
		old.checked.Store(now)
		return old, nil
	case err != nil:
		f.logUnreadable(key, err)
		return nil, err
	}
	e.key, e.deps, e.unsettled = key, l.deps, l.unsettled
	e.measure()
	e.checked.Store(now)
	return e, nil
}

// unchanged looks at all that the entry was made from.
func (f *Files) unchanged(e *entry) (bool, error) {
	for _, dep := range e.deps {
		info, err := f.source.stat(dep.name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			info = nil
		case errors.Is(err, fs.ErrPermission):
			return false, nil // that changed
		case err != nil:
			return false, err
		}
		if !same(dep.info, info) {
			return false, nil
		}
	}
	return true, nil
}

func (l *lookup) resolve(key string) (*entry, error) {
	name, slash := strings.CutSuffix(key, "/")
	if name == "" {
		name, slash = ".", true
	}
	info, err := l.stat(name)
	switch {
	case err != nil:
		return nil, err
	case info == nil:
		return &entry{kind: missing}, nil
	case info.IsDir():
		return l.directory(name, slash)
	case !info.Mode().IsRegular(): // a device, a named pipe: opening it could do something
		return &entry{kind: missing}, nil
	case slash:
		return redirectTo("../" + (&url.URL{Path: path.Base(name)}).EscapedPath()), nil
	case len(l.files.index) > 0 && path.Base(name) == l.files.index[0]:
		return redirectTo("./"), nil
	}
	return l.file(name, info)
}

func (l *lookup) directory(name string, slash bool) (*entry, error) {
	for _, index := range l.files.index {
		file := path.Join(name, index)
		info, err := l.stat(file)
		switch {
		case err != nil:
			return nil, err
		case info == nil || !info.Mode().IsRegular():
			continue
		case !slash:
			return redirectTo((&url.URL{Path: path.Base(name) + "/"}).String()), nil // ./ in front of a name with a colon
		}
		return l.file(file, info)
	}
	return &entry{kind: missing}, nil
}

// redirectTo is relative, since what is in front of the request path may have been stripped.
func redirectTo(location string) *entry { return &entry{kind: redirect, location: location} }

// file reads a file and what was compressed from it.
func (l *lookup) file(name string, info fs.FileInfo) (*entry, error) {
	rep, err := l.representation(name, info)
	if err != nil {
		return nil, err
	}
	e := &entry{kind: file, reps: []*representation{rep}}
	for c := brotli; c < codings && !l.files.opts.IgnorePrecompressed; c++ {
		variant, err := l.variant(rep, c)
		if err != nil {
			return nil, err
		}
		if variant != nil {
			e.reps = append(e.reps, variant)
		}
	}
	for _, r := range e.reps {
		r.prepare(&l.files.opts, name, len(e.reps) > 1)
	}
	return e, nil
}

// variant is the compressed form of a file, or nil where there is none that can be used.
func (l *lookup) variant(original *representation, c coding) (*representation, error) {
	name := original.name + c.suffix()
	info, err := l.stat(name)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return nil, nil
	case err != nil || info == nil || !info.Mode().IsRegular():
		return nil, err
	case original.info.ModTime().Sub(info.ModTime()) > settles:
		l.files.logOldVariant(name, original.name)
		return nil, nil
	}
	rep, err := l.representation(name, info)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		l.unsettled = true
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	rep.coding, rep.contentType = c, original.contentType
	if rep.body == nil {
		rep.etag = fileTag(info, c)
	}
	return rep, nil
}
