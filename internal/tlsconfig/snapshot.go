package tlsconfig

import (
	"io/fs"
	"os"
)

// snapshot is what files looked like. A file that is replaced, written to, or given other permissions looks different; so does a folder in
// which something comes or goes. Links are followed: those who keep certificates change links.
type snapshot struct{ files map[string]fs.FileInfo } // nil for what is not there

func newSnapshot() *snapshot { return &snapshot{make(map[string]fs.FileInfo)} }

func (s *snapshot) add(path string) {
	if _, ok := s.files[path]; ok || path == "" {
		return
	}
	info, err := os.Stat(path)
	if err != nil {
		info = nil
	}
	s.files[path] = info
}

// again looks at the same files.
func (s *snapshot) again() *snapshot {
	out := newSnapshot()
	for path := range s.files {
		out.add(path)
	}
	return out
}

func (s *snapshot) equal(other *snapshot) bool {
	if len(s.files) != len(other.files) {
		return false
	}
	for path, info := range s.files {
		if was, ok := other.files[path]; !ok || !unchanged(was, info) {
			return false
		}
	}
	return true
}

func unchanged(a, b fs.FileInfo) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return a.Size() == b.Size() && a.Mode() == b.Mode() && a.ModTime().Equal(b.ModTime()) && os.SameFile(a, b)
}
