package host

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	pkcs12 "software.sslmate.com/src/go-pkcs12"

	"github.com/lannerhq/lanner/internal/host/config"
	"github.com/lannerhq/lanner/internal/host/control"
	"github.com/lannerhq/lanner/internal/tlsconfig"
	"github.com/lannerhq/lanner/test/selfsigned"
)

const importSites = `
sites:
  web:
    bindings:
      - {protocol: https, port: 8443, host: www.example.org, certificate: {path: www.pem, keyPath: www.key}}
      - {protocol: https, port: 8444, host: shop.example.org, certificate: {path: www.pem, keyPath: www.key}}
      - {protocol: https, port: 8443, host: one.example.org, certificate: {path: one.pem}}
      - {protocol: https, port: 8443, host: pfx.example.org, certificate: {path: new.pfx, password: hunter2}}
      - {protocol: https, port: 8443, host: "*.many.example.org", certificate: {directory: many}}
      - {protocol: https, port: 8443, host: acme.example.org, certificate: {acme: true}}
      - {protocol: https, port: 8443, host: linked.example.org, certificate: {path: linked.pem}}
      - "https://localhost:8445"
    applications: [{hosting: outofprocess, command: node server.js}]
acme: {agreeToTerms: true}
`

// importer has a configuration, and an authority that issues what is imported.
type importer struct {
	t         *testing.T
	dir       string
	cfg       *config.Config
	authority *selfsigned.Authority
}

func newImporter(t *testing.T) *importer {
	t.Helper()
	i := &importer{t: t, dir: t.TempDir()}
	var err error
	if i.authority, err = selfsigned.NewAuthority("import"); err != nil {
		t.Fatal(err)
	}
	if i.cfg, err = config.Parse(filepath.Join(i.dir, "lanner.yaml"), []byte(importSites)); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(i.file("many"), 0o700); err != nil {
		t.Fatal(err)
	}
	return i
}

func (i *importer) file(name string) string { return filepath.Join(i.dir, name) }

// issue writes a certificate for names to in.pem and in.key.
func (i *importer) issue(spec selfsigned.Spec) Import {
	i.t.Helper()
	cert, err := i.authority.Issue(spec)
	if err != nil {
		i.t.Fatal(err)
	}
	var chain []byte
	for _, raw := range cert.Certificate {
		chain = append(chain, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw})...)
	}
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	err = errors.Join(err, os.WriteFile(i.file("in.pem"), chain, 0o600),
		os.WriteFile(i.file("in.key"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}), 0o600))
	if err != nil {
		i.t.Fatal(err)
	}
	return Import{Path: i.file("in.pem"), KeyPath: i.file("in.key")}
}

// files are the contents of all files but those that are imported.
func (i *importer) files() map[string]string {
	out := make(map[string]string)
	err := filepath.WalkDir(i.dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || strings.HasPrefix(e.Name(), "in.") {
			return err
		}
		data, err := os.ReadFile(path)
		out[strings.TrimPrefix(path, i.dir+string(filepath.Separator))] = string(data)
		return err
	})
	if err != nil {
		i.t.Fatal(err)
	}
	return out
}

func TestAnImportedCertificateIsWhereItsBindingLooks(t *testing.T) {
	for name, wanted := range map[string]struct {
		names  []string
		files  []string
		source config.Certificate
	}{
		"www.example.org":    {[]string{"www.example.org", "shop.example.org"}, []string{"www.key", "www.pem"}, config.Certificate{Path: "www.pem", KeyPath: "www.key"}},
		"one.example.org":    {[]string{"one.example.org"}, []string{"one.pem"}, config.Certificate{Path: "one.pem"}},
		"pfx.example.org":    {[]string{"pfx.example.org"}, []string{"new.pfx"}, config.Certificate{Path: "new.pfx", Password: "hunter2"}},
		"a.many.example.org": {[]string{"a.many.example.org"}, []string{"many/a.many.example.org.key", "many/a.many.example.org.pem"}, config.Certificate{Directory: "many"}},
	} {
		t.Run(name, func(t *testing.T) {
			i := newImporter(t)
			for range 2 { // where there is none yet, and where there is one
				in := i.issue(selfsigned.Spec{Names: wanted.names})
				in.Name = name
				done, err := ImportCertificate(i.cfg, in)
				if err != nil {
					t.Fatal(err)
				}
				files := i.files()
				for _, file := range wanted.files {
					if files[filepath.FromSlash(file)] == "" {
						t.Errorf("there is no %s: %v", file, done)
					}
					if info, err := os.Stat(i.file(file)); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
						t.Errorf("%s: %v, %v, want mode 0600", file, info, err)
					}
				}
				if len(files) != len(wanted.files) {
					t.Errorf("there are %v, want %v alone", files, wanted.files)
				}
				s := tlsconfig.Source{Password: wanted.source.Password}
				for to, from := range map[*string]string{&s.Path: wanted.source.Path, &s.KeyPath: wanted.source.KeyPath, &s.Directory: wanted.source.Directory} {
					if from != "" {
						*to = i.file(from)
					}
				}
				store, err := tlsconfig.Open(tlsconfig.Options{Names: map[string]tlsconfig.Name{name: {Sources: []tlsconfig.Source{s}}}, Interval: -1})
				if err != nil {
					t.Fatal(err)
				}
				if c := store.Certificates(); len(c) != 1 || !c[0].TLS.Leaf.NotAfter.Equal(done.NotAfter) || done.Names[0] != wanted.names[0] {
					t.Errorf("read are %v, want %+v", c, done)
				}
				store.Close()
			}
		})
	}
}

func TestPKCS12IsImportedAsPEM(t *testing.T) {
	i := newImporter(t)
	cert, err := i.authority.Issue(selfsigned.Spec{Names: []string{"one.example.org"}})
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(cert.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	data, err := pkcs12.Modern.Encode(cert.PrivateKey, leaf, nil, "secret")
	if err = errors.Join(err, os.WriteFile(i.file("in.pfx"), data, 0o600)); err != nil {
		t.Fatal(err)
	}
	in := Import{Name: "one.example.org", Path: i.file("in.pfx"), Password: "wrong"}
	if _, err := ImportCertificate(i.cfg, in); err == nil || !strings.Contains(err.Error(), "password") || len(i.files()) != 0 {
		t.Errorf("a wrong password: %v, and there are %v", err, i.files())
	}
	in.Password = "secret"
	if _, err := ImportCertificate(i.cfg, in); err != nil {
		t.Fatal(err)
	}
	if text := i.files()["one.pem"]; !strings.Contains(text, "BEGIN CERTIFICATE") || !strings.Contains(text, "BEGIN PRIVATE KEY") {
		t.Errorf("one.pem is\n%s", text)
	}
}

func TestWhatTheHostWouldRefuseIsNotImported(t *testing.T) {
	i := newImporter(t)
	good := i.issue(selfsigned.Spec{Names: []string{"www.example.org", "shop.example.org"}})
	good.Name = "www.example.org"
	if _, err := ImportCertificate(i.cfg, good); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(i.file("www.pem"), i.file("linked.pem")); err != nil {
		t.Skip(err)
	}
	before := i.files()
	expired := x509.Certificate{NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(-24 * time.Hour)}
	both := []string{"www.example.org", "shop.example.org"}
	for why, test := range map[string]struct {
		name   string
		spec   selfsigned.Spec
		spoil  func(*Import)
		status int
		want   string
	}{
		"it has expired":                      {"www.example.org", selfsigned.Spec{Names: both, Template: expired}, nil, 422, "expired"},
		"it is for other names":               {"www.example.org", selfsigned.Spec{Names: []string{"example.com"}}, nil, 422, "is for"},
		"another binding has the same files":  {"www.example.org", selfsigned.Spec{Names: both[:1]}, nil, 422, `"shop.example.org"`},
		"the key is another's":                {"www.example.org", selfsigned.Spec{Names: both}, func(in *Import) { in.KeyPath = i.file("www.key") }, 422, "does not match"},
		"there is no such file":               {"www.example.org", selfsigned.Spec{Names: both}, func(in *Import) { in.Path = i.file("missing.pem") }, 422, "missing.pem"},
		"everybody may read the key":          {"www.example.org", selfsigned.Spec{Names: both}, func(in *Import) { os.Chmod(in.KeyPath, 0o644) }, 422, "chmod 600"},
		"an authority issues the certificate": {"acme.example.org", selfsigned.Spec{Names: []string{"acme.example.org"}}, nil, 422, "is issued by"},
		"it is that for development":          {"localhost", selfsigned.Spec{Names: []string{"localhost"}}, nil, 422, "for development"},
		"certbot keeps the file":              {"linked.example.org", selfsigned.Spec{Names: []string{"linked.example.org"}}, nil, 422, "is a link"},
		"no binding has the name":             {"wwww.example.org", selfsigned.Spec{Names: []string{"wwww.example.org"}}, nil, 404, `did you mean "www.example.org"?`},
	} {
		if runtime.GOOS == "windows" && strings.Contains(test.want, "chmod") {
			continue
		}
		in := i.issue(test.spec)
		in.Name = test.name
		if test.spoil != nil {
			test.spoil(&in)
		}
		_, err := ImportCertificate(i.cfg, in)
		refused, ok := errors.AsType[*control.Error](err)
		if !ok || refused.Status != test.status || !strings.Contains(err.Error(), test.want) || refused.Hint == "" {
			t.Errorf("%s: %v, want %d with %q and the way out", why, err, test.status, test.want)
		}
		if now := i.files(); len(now) != len(before) || now["www.pem"] != before["www.pem"] || now["www.key"] != before["www.key"] {
			t.Errorf("%s: the files have changed to %v", why, now)
		}
		os.Chmod(i.file("in.key"), 0o600)
	}
}
