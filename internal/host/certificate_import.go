package host

import (
	"cmp"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	pkcs12 "software.sslmate.com/src/go-pkcs12"

	"github.com/lannerhq/lanner/internal/devcert"
	"github.com/lannerhq/lanner/internal/host/config"
	"github.com/lannerhq/lanner/internal/host/control"
	"github.com/lannerhq/lanner/internal/route"
	"github.com/lannerhq/lanner/internal/tlsconfig"
)

// Import is a certificate that is to be put where a binding names its files.
type Import struct {
	// Name is a host name that the binding answers for, or "*" for the one for all others.
	Name string
	// Path is a file of PEM or PKCS#12, KeyPath one of PEM with the private key; empty if it is in Path. Password is that of PKCS#12.
	Path, KeyPath, Password string
}

// Imported is what was put in place.
type Imported struct {
	Names    []string  `json:"names"`
	Issuer   string    `json:"issuer"`
	NotAfter time.Time `json:"notAfter"`
	// Path and KeyPath are the files that were written; they may be one.
	Path    string `json:"path"`
	KeyPath string `json:"keyPath"`
}

// ImportCertificate checks a certificate as the host does when it loads one, for every binding that has the same files, and writes it there. It
// changes nothing on an error, which is a *control.Error where the certificate or the name is to blame. A host that runs finds the files
// by itself.
func ImportCertificate(cfg *config.Config, in Import) (*Imported, error) {
	target, names, err := importTarget(cfg, in.Name)
	if err != nil {
		return nil, err
	}
	c, err := usable(names, tlsconfig.Source{Path: in.Path, KeyPath: in.KeyPath, Password: in.Password})
	if err != nil {
		return nil, &control.Error{Status: 422, Message: plainWords(err), Hint: "nothing was changed; repair the files, or name others"}
	}
	if err := target.write(c, names); err != nil {
		return nil, err
	}
	return &Imported{Names: namesOf(c.TLS.Leaf), Issuer: cmp.Or(c.TLS.Leaf.Issuer.CommonName, c.TLS.Leaf.Issuer.String()), NotAfter: c.TLS.Leaf.NotAfter,
		Path: target.Path, KeyPath: target.KeyPath}, nil
}

// usable reads a certificate that is to be shown under names.
func usable(names []string, from tlsconfig.Source) (*tlsconfig.Certificate, error) {
	opts := tlsconfig.Options{Names: make(map[string]tlsconfig.Name), Interval: -1}
	for _, name := range names {
		opts.Names[name] = tlsconfig.Name{Sources: []tlsconfig.Source{from}}
	}
	store, err := tlsconfig.Open(opts)
	if err != nil {
		return nil, err
	}
	defer store.Close()
	return store.Certificates()[0], nil
}

// importFiles are the files that a certificate is written to; one if both are the same.
type importFiles struct{ Path, KeyPath, Password string }

// importTarget returns the files of the bindings that answer for a name most specifically, and all names that the same files are for.
func importTarget(cfg *config.Config, name string) (*importFiles, []string, error) {
	var all, meant []config.Binding
	for _, site := range sortedKeys(cfg.Sites) {
		for _, b := range cfg.Sites[site].Bindings {
			if b.Protocol == config.HTTPS {
				all = append(all, b)
			}
		}
	}
	best := 0
	var known []string
	for _, b := range all {
		known = append(known, cmp.Or(b.Host, "*"))
		if b.Certificate == nil && name != "*" && !devcert.Loopback(name) {
			continue // it is for this computer's names alone
		}
		if name == "*" && b.Host != "" || !route.MatchHost(b.Host, name) && b.Host != name {
			continue
		}
		switch at := route.Specificity(b.Host); {
		case len(meant) == 0 || at > best:
			best, meant = at, []config.Binding{b}
		case at == best:
			meant = append(meant, b)
		}
	}
	if len(meant) == 0 {
		slices.Sort(known)
		return nil, nil, &control.Error{Status: 404, Message: fmt.Sprintf("no binding with https answers for %q in %s", name, cfg.File),
			Hint: cmp.Or(control.DidYouMean(name, slices.Compact(known)), "add one with certificate: {path: cert.pem, keyPath: key.pem}")}
	}
	const wayOut = "write certificate: {path: cert.pem, keyPath: key.pem} in the binding, with the files that are to be written; then import again and \"lanner reload\""
	first := meant[0].Certificate
	switch {
	case slices.ContainsFunc(meant, func(b config.Binding) bool { return b.Certificate == nil }):
		return nil, nil, &control.Error{Status: 422, Message: fmt.Sprintf("the binding for %q has the certificate for development, and no files of its own", name), Hint: wayOut}
	case slices.ContainsFunc(meant, func(b config.Binding) bool { return b.Certificate.ACME }):
		return nil, nil, &control.Error{Status: 422, Message: fmt.Sprintf("the certificate for %q is issued by %s, and comes from no file", name, cfg.ACME.Directory), Hint: wayOut}
	case slices.ContainsFunc(meant, func(b config.Binding) bool { return *b.Certificate != *first }):
		return nil, nil, &control.Error{Status: 422, Message: fmt.Sprintf("several bindings answer for %q, and have different files", name),
			Hint: "write the files by hand, or let the bindings name the same ones"}
	}
	names := []string{name}
	for _, b := range all {
		if of := cmp.Or(b.Host, "*"); b.Certificate != nil && *b.Certificate == *first && !slices.Contains(names, of) {
			names = append(names, of)
		}
	}
	files, err := filesOf(first, name)
	if first.Path == "" { // each certificate of a folder is for its own names
		names = []string{name}
	}
	return files, names, err
}

// filesOf returns the files of a certificate, in a folder those that are for the name.
func filesOf(c *config.Certificate, name string) (*importFiles, error) {
	f := &importFiles{Path: c.Path, KeyPath: cmp.Or(c.KeyPath, c.Path), Password: c.Password}
	if c.Path == "" {
		base := filepath.Join(c.Directory, strings.Replace(name, "*", "_", 1))
		f.Path, f.KeyPath = base+".pem", base+".key"
		for _, dir := range []string{c.Directory, base} {
			if _, err := os.Stat(filepath.Join(dir, "fullchain.pem")); err == nil {
				f.Path, f.KeyPath = filepath.Join(dir, "fullchain.pem"), filepath.Join(dir, "privkey.pem")
			}
		}
	}
	for _, path := range []string{f.Path, f.KeyPath} {
		info, err := os.Lstat(path)
		switch {
		case errors.Is(err, os.ErrNotExist):
		case err != nil:
			return nil, err
		case info.Mode()&os.ModeSymlink != 0:
			return nil, &control.Error{Status: 422, Message: path + " is a link, which another program keeps, such as certbot", Hint: "let that program put the certificate there, or name other files in the binding"}
		case !info.Mode().IsRegular():
			return nil, &control.Error{Status: 422, Message: path + " is no regular file", Hint: "name other files in the binding"}
		}
	}
	return f, nil
}

// write puts a certificate into the files: beside them first, to be read once more, then in their places.
func (f *importFiles) write(c *tlsconfig.Certificate, names []string) error {
	cert, key, err := f.encode(c)
	if err != nil {
		return err
	}
	staged := importFiles{Path: staging(f.Path), KeyPath: staging(f.KeyPath), Password: f.Password}
	defer os.Remove(staged.Path)
	defer os.Remove(staged.KeyPath)
	if err := writePrivate(staged.Path, f.Path, cert); err != nil {
		return err
	}
	source := tlsconfig.Source{Path: staged.Path, Password: staged.Password}
	if f.KeyPath != f.Path {
		if err := writePrivate(staged.KeyPath, f.KeyPath, key); err != nil {
			return err
		}
		source.KeyPath = staged.KeyPath
	}
	if _, err := usable(names, source); err != nil {
		return fmt.Errorf("nothing was changed, since what was written could not be read again: %w", err)
	}
	if f.KeyPath == f.Path {
		return os.Rename(staged.Path, f.Path)
	}
	return f.replace(staged)
}

// replace puts both files in their places, or leaves what is there.
func (f *importFiles) replace(staged importFiles) error {
	former := staging(f.KeyPath) + "-old"
	os.Remove(former) // of an import that was killed
	kept := os.Link(f.KeyPath, former) == nil
	if kept {
		defer os.Remove(former)
	}
	if err := os.Rename(staged.KeyPath, f.KeyPath); err != nil {
		return err
	}
	err := os.Rename(staged.Path, f.Path)
	if err == nil {
		return nil
	}
	if kept {
		return errors.Join(err, os.Rename(former, f.KeyPath))
	}
	return errors.Join(err, os.Remove(f.KeyPath))
}

// encode returns the contents of the files: PKCS#12 where the file's name says so, else PEM.
func (f *importFiles) encode(c *tlsconfig.Certificate) (cert, key []byte, err error) {
	var chain []*x509.Certificate
	for _, raw := range c.TLS.Certificate {
		parsed, err := x509.ParseCertificate(raw)
		if err != nil {
			return nil, nil, err
		}
		chain = append(chain, parsed)
		cert = append(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw})...)
	}
	if ext := strings.ToLower(filepath.Ext(f.Path)); f.KeyPath == f.Path && (ext == ".pfx" || ext == ".p12") {
		cert, err = pkcs12.Modern.Encode(c.TLS.PrivateKey, chain[0], chain[1:], f.Password)
		return cert, nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(c.TLS.PrivateKey.(crypto.Signer))
	if err != nil {
		return nil, nil, err
	}
	key = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	if f.KeyPath == f.Path {
		return append(cert, key...), nil, nil
	}
	return cert, key, nil
}

// staging is a name beside a file that is not looked at in folders of certificates.
func staging(path string) string {
	return filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".new")
}

// writePrivate writes a file that its owner alone may read, and that belongs to whom the one in its place does, or the folder: the host may run as
// another user than the one who imports.
func writePrivate(path, inPlaceOf string, data []byte) error {
	os.Remove(path) // of an import that was killed
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = giveTo(path, inPlaceOf)
	}
	return err
}
