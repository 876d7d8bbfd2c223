package tlsconfig

import (
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lannerhq/lanner/internal/filelock"
)

func openTickets(t *testing.T, opts TicketOptions) *TicketKeys {
	t.Helper()
	k, err := OpenTicketKeys(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Close)
	return k
}

// remembers is a client that comes back.
func remembers(cfg *tls.Config) *tls.Config {
	cfg.ClientSessionCache = tls.NewLRUClientSessionCache(8)
	return cfg
}

func resumed(t *testing.T, s *Store, client *tls.Config) bool {
	t.Helper()
	state, err := shake(s.Config(), client)
	if err != nil {
		t.Fatal(err)
	}
	return state.DidResume
}

func TestTicketsAreGoodForServersThatShareAFileAndAfterARestart(t *testing.T) {
	root, dir := newAuthority(t), t.TempDir()
	pair, path := writePair(t, dir, "a", issue(t, root, "a")), filepath.Join(dir, "keys")
	server := func() *Store {
		opts := only(pair)
		opts.Tickets = openTickets(t, TicketOptions{Path: path})
		return open(t, opts)
	}
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		c := remembers(client(root, "a"))
		c.MaxVersion = version
		first, second := server(), server()
		if resumed(t, first, c) {
			t.Error("the first handshake resumes something")
		}
		if !resumed(t, first, c) || !resumed(t, second, c) {
			t.Errorf("%x: a client that comes back makes a whole handshake", version)
		}
		first.Close()
		second.Close()
		if !resumed(t, server(), c) {
			t.Errorf("%x: after a restart a client makes a whole handshake", version)
		}
		alone := open(t, only(pair))
		if resumed(t, alone, c) {
			t.Error("a server without the file knows the tickets")
		}
	}
	if info, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && info.Mode() != 0o600 {
		t.Errorf("the file: %v, %v, want 0600", info, err)
	}
}

func TestATicketOfOneNameIsNothingUnderAnother(t *testing.T) {
	root, dir := newAuthority(t), t.TempDir()
	source := []Source{writePair(t, dir, "a", issue(t, root, "a", "b"))}
	s := open(t, Options{Names: map[string]Name{"a": {Sources: source}, "b": {Sources: source}}})
	c := remembers(client(root, "a"))
	resumed(t, s, c)
	if !resumed(t, s, c) {
		t.Error("a client that comes back makes a whole handshake")
	}
	ticket, ok := c.ClientSessionCache.Get("a")
	if !ok {
		t.Fatal("the client has no ticket")
	}
	other := remembers(client(root, "b"))
	other.ClientSessionCache.Put("b", ticket)
	if resumed(t, s, other) {
		t.Error("the ticket of a is taken under b")
	}
}

func TestATicketIsNothingAfterTheDemandsOnClientsHaveChanged(t *testing.T) {
	root, dir := newAuthority(t), t.TempDir()
	before, after := newAuthority(t), newAuthority(t)
	ca := write(t, filepath.Join(dir, "ca.pem"), block("CERTIFICATE", before.Cert.Raw))
	s := open(t, Options{Names: map[string]Name{"*": {
		Sources: []Source{writePair(t, dir, "a", issue(t, root, "a"))}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: ca,
	}}})
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		write(t, ca, block("CERTIFICATE", before.Cert.Raw))
		if err := s.Reload(); err != nil {
			t.Fatal(err)
		}
		ada := issue(t, before, "ada")
		c := remembers(client(root, "a"))
		c.MaxVersion = version
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &ada, nil }
		resumed(t, s, c)
		if !resumed(t, s, c) {
			t.Errorf("%x: a client that comes back makes a whole handshake", version)
		}
		write(t, ca, block("CERTIFICATE", after.Cert.Raw))
		if err := s.Reload(); err != nil {
			t.Fatal(err)
		}
		if _, err := shake(s.Config(), c); err == nil {
			t.Errorf("%x: a client comes in by its ticket whose authority is none any more", version)
		}
	}
}

func TestKeysAreRotatedAndThreeOfThemDecrypt(t *testing.T) {
	for _, path := range []string{"", "keys"} {
		synctest.Test(t, func(t *testing.T) {
			root, dir := newAuthority(t), t.TempDir()
			if path != "" {
				path = filepath.Join(dir, path)
			}
			rotated := make(chan struct{}, 100)
			keys := openTickets(t, TicketOptions{Path: path, Rotation: time.Hour, Rotated: func() { rotated <- struct{}{} }})
			keys.Start()
			opts := only(writePair(t, dir, "a", issue(t, root, "a")))
			opts.Tickets = keys
			s := open(t, opts)
			took := func(after time.Duration) bool {
				c := remembers(client(root, "a"))
				resumed(t, s, c)
				time.Sleep(after)
				return resumed(t, s, c)
			}
			if !took(2*time.Hour + 30*time.Minute) {
				t.Error("a ticket is not taken that the third key made")
			}
			if took(3*time.Hour + 10*time.Minute) {
				t.Error("a ticket is taken whose key is older than three rotations")
			}
			if n := len(rotated); n != 5 {
				t.Errorf("%d rotations in 5 hours and 40 minutes, want 5", n)
			}
		})
	}
}

func (k *TicketKeys) now() []ticketKey {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.keys)
}

func TestOneOfThoseWhoShareAFileRotatesAndTheOthersNotice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "keys")
		var all []*TicketKeys
		for range 5 {
			k := openTickets(t, TicketOptions{Path: path, Rotation: time.Hour})
			k.Start()
			all = append(all, k)
		}
		first := all[0].now()[0]
		time.Sleep(time.Hour + time.Minute)
		second := all[0].now()
		for i, k := range all {
			if got := k.now(); len(got) != 2 || !slices.Equal(got, second) || got[1] != first {
				t.Errorf("the %dth has %d keys, want the same new one as all, then the old one", i, len(got))
			}
		}
		os.Remove(path)
		time.Sleep(time.Minute)
		third := all[0].now()
		for i, k := range all {
			if got := k.now(); len(got) != 1 || got[0] != third[0] || got[0] == first || got[0] == second[0] {
				t.Errorf("the %dth has %d keys after the file was removed, want a new one alone, the same as all", i, len(got))
			}
		}
	})
}

func TestRotationUnderLoadFailsNoHandshake(t *testing.T) {
	root, dir := newAuthority(t), t.TempDir()
	keys := openTickets(t, TicketOptions{Path: filepath.Join(dir, "keys")})
	opts := only(writePair(t, dir, "a", issue(t, root, "a")))
	opts.Tickets = keys
	s := open(t, opts)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			c := remembers(client(root, "a"))
			for range 25 {
				if _, err := shake(s.Config(), c); err != nil {
					t.Errorf("a handshake: %v", err)
					return
				}
			}
		})
	}
	for i := range 20 {
		keys.mu.Lock()
		if err := keys.refreshLocked(time.Now().Add(time.Duration(i+1) * day)); err != nil {
			t.Error(err)
		}
		keys.mu.Unlock()
	}
	all.Wait()
	if len(keys.keys) != ticketKeysKept {
		t.Errorf("%d keys are kept, want %d", len(keys.keys), ticketKeysKept)
	}
}

func TestAFileOfKeysThatCannotBeUsedIsAnErrorAtTheStart(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "keys")
	for content, want := range map[string]string{
		"": "remove it", "text": "remove it", ticketFileHead + "\n": "remove it", ticketFileHead + "\n1 AAAA\n": "remove it", ticketFileHead + "\n" + strings.Repeat("x", 5000) + "\n": "remove it",
	} {
		write(t, path, []byte(content))
		_, err := OpenTicketKeys(TicketOptions{Path: path})
		wantError(t, content, err, "session ticket keys "+path, want)
	}
	os.Remove(path)
	openTickets(t, TicketOptions{Path: path})
	if runtime.GOOS != "windows" {
		os.Chmod(path, 0o644)
		_, err := OpenTicketKeys(TicketOptions{Path: path})
		wantError(t, "a file that others may read", err, "chmod 600 "+path)
	}
	_, err := OpenTicketKeys(TicketOptions{Path: filepath.Join(dir, "nowhere", "keys")})
	wantError(t, "no folder", err, "nowhere")
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v is not fs.ErrNotExist", err)
	}
}

func TestALockThatStaysIsAnErrorAtTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "keys")
		lock, err := filelock.Open(path + ".lock")
		if err != nil {
			t.Fatal(err)
		}
		_, err = OpenTicketKeys(TicketOptions{Path: path})
		wantError(t, "a lock that another has", err, "another process has locked it")
		lock.Close()
		openTickets(t, TicketOptions{Path: path})
	})
}

func TestAFileOfKeysThatBreaksIsToldOnceAndTheKeysStay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "keys")
		var failures []string
		k := openTickets(t, TicketOptions{Path: path, Failed: func(err error) { failures = append(failures, err.Error()) }})
		was := k.now()
		content, err := os.ReadFile(path)
		must(t, content, err)
		k.Start()
		write(t, path, []byte("nonsense"))
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(failures) != 1 || !strings.Contains(failures[0], path) {
			t.Errorf("the failures told are %q, want one that names the file", failures)
		}
		secret := strings.Fields(strings.Split(string(content), "\n")[1])[1]
		write(t, path, append(bytes.Clone(content), "1 "+secret[:20]+"\n"...))
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(failures) > 1 && strings.Contains(failures[1], secret[:20]) {
			t.Error("a key is in an error")
		}
		if !slices.Equal(k.now(), was) {
			t.Error("the keys are not those that were there")
		}
	})
}

func TestNoKeyIsInWhatIsPrinted(t *testing.T) {
	k := openTickets(t, TicketOptions{})
	key := k.keys[0]
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		for _, v := range []any{key, &key, k.keys} {
			text := fmt.Sprintf(format, v)
			if strings.Contains(text, fmt.Sprintf("%d", key.secret[:4])[1:10]) || strings.Contains(text, base64.StdEncoding.EncodeToString(key.secret[:])) || !strings.Contains(text, "a session ticket key of") {
				t.Errorf("%s prints %s", format, text)
			}
		}
	}
}

func FuzzParseTicketKeys(f *testing.F) {
	f.Add(formatTicketKeys([]ticketKey{{created: 1}, {secret: [32]byte{1}, created: 0}}))
	f.Add([]byte(ticketFileHead + "\n1 AAAA\n"))
	f.Add([]byte("text"))
	f.Fuzz(func(t *testing.T, data []byte) {
		keys, err := parseTicketKeys(data)
		if err != nil {
			if err != errTicketFile {
				t.Errorf("the error is %v, which may say what the file has", err)
			}
			return
		}
		if again, err := parseTicketKeys(formatTicketKeys(keys)); err != nil || !slices.Equal(again, keys) {
			t.Errorf("written and read again: %v, %v", again, err)
		}
	})
}
