package tlsconfig

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lannerhq/lanner/test/selfsigned"
)

// told notes events.
type told struct {
	mu       sync.Mutex
	reloads  int
	failures []string
	expiring []time.Duration
}

func (e *told) events() Events {
	return Events{
		Reloaded:     func([]*Certificate) { e.mu.Lock(); e.reloads++; e.mu.Unlock() },
		ReloadFailed: func(err error) { e.mu.Lock(); e.failures = append(e.failures, err.Error()); e.mu.Unlock() },
		Expiring: func(_ *Certificate, left time.Duration) {
			e.mu.Lock()
			e.expiring = append(e.expiring, left)
			e.mu.Unlock()
		},
	}
}

func (e *told) want(t *testing.T, what string, reloads, failures int) {
	t.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.reloads != reloads || len(e.failures) != failures {
		t.Errorf("%s: %d reloads and the failures %q were told, want %d and %d", what, e.reloads, e.failures, reloads, failures)
	}
}

func (e *told) failure(i int) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	if i >= len(e.failures) {
		return ""
	}
	return e.failures[i]
}

func isShown(t *testing.T, what string, s *Store, cert tls.Certificate) {
	t.Helper()
	if got := shown(t, s, &tls.Config{ServerName: cert.Leaf.DNSNames[0], InsecureSkipVerify: true}); !got.Equal(cert.Leaf) {
		t.Errorf("%s: another certificate is shown", what)
	}
}

// scene is a store of one certificate.
type scene struct {
	told
	root  *selfsigned.Authority
	dir   string
	first tls.Certificate
	s     *Store
}

func newScene(t *testing.T, interval time.Duration) *scene {
	t.Helper()
	sc := &scene{root: newAuthority(t), dir: t.TempDir()}
	sc.first = issue(t, sc.root, "a")
	opts := only(writePair(t, sc.dir, "a", sc.first))
	opts.Events, opts.Interval = sc.events(), interval
	sc.s = open(t, opts)
	sc.s.Start()
	return sc
}

func TestFilesAreWatched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newScene(t, 0)
		s, dir, second := e.s, e.dir, issue(t, e.root, "a")
		time.Sleep(time.Minute)
		isShown(t, "nothing has changed", s, e.first)
		e.want(t, "nothing has changed", 0, 0)
		replacePair(t, dir, "a", second)
		isShown(t, "before the files are looked at", s, e.first)
		time.Sleep(7 * time.Second)
		isShown(t, "after the files were replaced", s, second)
		e.want(t, "after the files were replaced", 1, 0)
		os.Chtimes(filepath.Join(dir, "a.pem"), time.Time{}, time.Unix(1e9, 0))
		time.Sleep(7 * time.Second)
		e.want(t, "after a file was touched, and is the same", 1, 0)
	})
}

func TestAFolderIsWatched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root, dir := newAuthority(t), t.TempDir()
		first, second, third := issue(t, root, "a"), issue(t, root, "b"), issue(t, root, "c")
		put := func(folder string, cert tls.Certificate) { // as certbot does: links to files that never change
			archive := writePair(t, t.TempDir(), "x", cert)
			os.MkdirAll(folder, 0o700)
			for link, to := range map[string]string{chainFile: archive.Path, keyFile: archive.KeyPath} {
				os.Remove(filepath.Join(folder, link))
				if err := os.Symlink(to, filepath.Join(folder, link)); err != nil {
					t.Skip("links cannot be made:", err)
				}
			}
		}
		put(filepath.Join(dir, "a"), first)
		var e told
		opts := only(Source{Directory: dir})
		opts.Events = e.events()
		s := open(t, opts)
		s.Start()
		isShown(t, "at first", s, first)
		put(filepath.Join(dir, "b"), second)
		writePair(t, dir, "c", third)
		time.Sleep(7 * time.Second)
		isShown(t, "a new folder", s, second)
		isShown(t, "a new pair", s, third)
		renewed := issue(t, root, "a")
		put(filepath.Join(dir, "a"), renewed)
		time.Sleep(7 * time.Second)
		isShown(t, "links to new files", s, renewed)
		os.Remove(filepath.Join(dir, "c.pem"))
		time.Sleep(7 * time.Second)
		if _, err := shake(s.Config(), client(root, "c")); err == nil {
			t.Error("a certificate is shown whose file was removed")
		}
		e.want(t, "at the end", 3, 0)
	})
}

func TestAPairThatIsHalfReplacedIsTriedAgainQuietly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newScene(t, 0)
		s, dir, second := e.s, e.dir, issue(t, e.root, "a")
		synctest.Wait()
		chain, key, err := selfsigned.PEM(second)
		must(t, chain, err)
		write(t, filepath.Join(dir, "a.pem"), chain)
		time.Sleep(9 * time.Second)
		isShown(t, "with half a pair", s, e.first)
		e.want(t, "with half a pair, for some seconds", 0, 0)
		write(t, filepath.Join(dir, "a.key"), key)
		time.Sleep(7 * time.Second)
		isShown(t, "with the other half", s, second)
		e.want(t, "with the other half", 1, 0)
	})
}

func TestFilesThatCannotBeUsedAreToldOnceAndTheOldOnesStay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newScene(t, 0)
		s, dir, second := e.s, e.dir, issue(t, e.root, "a")
		write(t, filepath.Join(dir, "a.key"), []byte("nonsense"))
		time.Sleep(10 * time.Minute)
		isShown(t, "with a key that is none", s, e.first)
		e.want(t, "with a key that is none, for long", 0, 1)
		if got := e.failure(0); !strings.Contains(got, filepath.Join(dir, "a.key")) {
			t.Errorf("the failure is %q, want the file named", got)
		}
		if err := s.Reload(); err == nil {
			t.Error("a reload of it succeeds")
		}
		os.Remove(filepath.Join(dir, "a.key"))
		time.Sleep(time.Minute)
		e.want(t, "with no key, which is another mistake", 0, 2)
		replacePair(t, dir, "a", second)
		time.Sleep(time.Minute)
		isShown(t, "when it is good again", s, second)
		e.want(t, "when it is good again", 1, 2)
	})
}

func TestAReloadIsOfAllOrNothing(t *testing.T) {
	root, dir := newAuthority(t), t.TempDir()
	a, b := issue(t, root, "a"), issue(t, root, "b")
	s := open(t, Options{Names: map[string]Name{"a": {Sources: []Source{writePair(t, dir, "a", a)}}, "b": {Sources: []Source{writePair(t, dir, "b", b)}}}})
	replacePair(t, dir, "a", issue(t, root, "a"))
	replacePair(t, dir, "b", issue(t, root, "another"))
	wantError(t, "reload", s.Reload(), `for "b"`, "another")
	isShown(t, "the good one of both", s, a)
	isShown(t, "the bad one of both", s, b)
}

func TestACertificateThatExpiresIsToldOfAndGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root, dir := newAuthority(t), t.TempDir()
		ends := time.Now().Add(100 * day)
		expires := issueSpec(t, root, selfsigned.Spec{Names: []string{"a"}, Template: x509.Certificate{NotAfter: ends}})
		other := issue(t, root, "b")
		var e told
		opts := Options{Names: map[string]Name{"a": {Sources: []Source{writePair(t, dir, "a", expires)}}, "b": {Sources: []Source{writePair(t, dir, "b", other)}}}, Events: e.events(), Interval: time.Hour}
		s := open(t, opts)
		s.Start()
		time.Sleep(110 * day)
		synctest.Wait()
		if len(e.expiring) != 4 {
			t.Fatalf("it was told of %v before, want 30, 7 and 1 days before, and at the end", e.expiring)
		}
		for i, want := range []time.Duration{30 * day, 7 * day, day, 0} {
			if got := e.expiring[i]; got > want || got < want-2*time.Hour {
				t.Errorf("it was told of %v before, want %v", got, want)
			}
		}
		isShown(t, "when it has expired", s, expires)
		renewed := issue(t, root, "b")
		replacePair(t, dir, "b", renewed)
		time.Sleep(3 * time.Hour)
		isShown(t, "another that is renewed meanwhile", s, renewed)
		isShown(t, "the one that is not", s, expires)
		e.want(t, "the renewal of another", 1, 0)
		_, err := Open(opts)
		wantError(t, "a start with it", err, "has expired")
	})
}

func TestAWarningComesInTheLastThirdOfALife(t *testing.T) {
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		life, left time.Duration
		step       time.Duration
		due        bool
	}{
		{365 * day, 31 * day, 0, false}, {365 * day, 30 * day, 30 * day, true}, {365 * day, 6 * day, 7 * day, true}, {365 * day, -1, 0, true},
		{90 * day, 29 * day, 0, false}, {90 * day, 7 * day, 7 * day, true}, {6 * day, 5 * day, 0, false}, {6 * day, day, day, true}, {day, time.Hour, 0, false}, {day, -1, 0, true},
	} {
		c := &Certificate{chain: []*x509.Certificate{{NotBefore: now.Add(tt.left - tt.life), NotAfter: now.Add(tt.left)}}}
		if step, due := warningAt(c, now); step != tt.step || due != tt.due {
			t.Errorf("of %v, %v left: %v, %v, want %v, %v", tt.life, tt.left, step, due, tt.step, tt.due)
		}
	}
}

func TestFilesAreNotWatchedWhenTheyMustNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newScene(t, -1)
		s, dir, second := e.s, e.dir, issue(t, e.root, "a")
		replacePair(t, dir, "a", second)
		time.Sleep(time.Hour)
		isShown(t, "unasked", s, e.first)
		if err := s.Reload(); err != nil {
			t.Fatal(err)
		}
		isShown(t, "asked", s, second)
	})
}

func TestHandshakesGoOnWhileFilesAreReplaced(t *testing.T) {
	root, dir := newAuthority(t), t.TempDir()
	s := open(t, only(writePair(t, dir, "a", issue(t, root, "a"))))
	s.Start()
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 25 {
				if _, err := shake(s.Config(), client(root, "a")); err != nil {
					t.Errorf("a handshake: %v", err)
					return
				}
			}
		})
	}
	for range 20 {
		replacePair(t, dir, "a", issue(t, root, "a"))
		if err := s.Reload(); err != nil {
			t.Error(err)
		}
	}
	all.Wait()
}
