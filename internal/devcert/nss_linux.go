package devcert

import (
	"context"
	"crypto/x509"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// nss is a database of NSS: a folder with cert9.db. Chromium has one for the user, Firefox one for each profile.
type nss struct {
	*machine
	dir string
}

// databasePatterns are where databases are, below the home folder: of distributions' packages, snaps and flatpaks.
var databasePatterns = []string{
	".pki/nssdb",
	"snap/chromium/current/.pki/nssdb",
	".var/app/*/.pki/nssdb",
	".var/app/*/data/pki/nssdb",
	".mozilla/firefox/*",
	"snap/firefox/common/.mozilla/firefox/*",
	".var/app/org.mozilla.firefox/.mozilla/firefox/*",
}

// chromiums are the commands of Chromium and its kin.
var chromiums = []string{
	"chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "google-chrome-beta", "brave-browser",
	"microsoft-edge", "microsoft-edge-stable", "opera", "vivaldi", "vivaldi-stable",
}

// databases returns the folders of the databases that are there, and of the one that a Chromium which has none yet would look into.
func (m *machine) databases() (found []string) {
	if m.home == "" {
		return nil
	}
	var patterns []string
	for _, p := range databasePatterns {
		patterns = append(patterns, filepath.Join(escapeGlob(m.home), p))
	}
	patterns = append(patterns, filepath.Join(escapeGlob(m.xdg("XDG_DATA_HOME", ".local/share")), "pki/nssdb"),
		filepath.Join(escapeGlob(m.xdg("XDG_CONFIG_HOME", ".config")), "mozilla/firefox/*"))
	for _, p := range patterns {
		paths, _ := filepath.Glob(filepath.Join(p, "cert9.db"))
		for _, path := range paths {
			found = append(found, filepath.Dir(path))
		}
	}
	if slices.ContainsFunc(found, func(dir string) bool { return filepath.Base(dir) == "nssdb" }) {
		return found
	}
	if slices.ContainsFunc(chromiums, func(name string) bool { _, ok := m.command(name); return ok }) {
		found = append(found, filepath.Join(m.home, ".pki/nssdb"))
	}
	return found
}

// xdg returns a folder of the XDG base directory specification, which says to ignore a relative one.
func (m *machine) xdg(variable, otherwise string) string {
	if dir := m.getenv(variable); filepath.IsAbs(dir) {
		return dir
	}
	return filepath.Join(m.home, otherwise)
}

func (n *nss) kind() Kind    { return Browsers }
func (n *nss) place() string { return n.dir }

// nickname is the name of an authority in the databases.
func nickname(root *x509.Certificate) string {
	return purpose + " " + fingerprint(root)[:16]
}

// look lists the database, whose lines end with what a certificate is trusted for: "C" in the first part is an authority for servers.
func (n *nss) look(ctx context.Context, root *x509.Certificate, _ string) (presence, error) {
	if !n.exists() {
		return absent, nil
	}
	out, err := n.certutil(ctx, "-L")
	if err != nil {
		return absent, err
	}
	return listed(string(out), nickname(root)), nil
}

// listed finds a certificate in what certutil -L prints.
func listed(out, nickname string) presence {
	for line := range strings.Lines(out) {
		flags, ok := strings.CutPrefix(line, nickname+" ")
		if !ok {
			continue
		}
		if servers, _, _ := strings.Cut(strings.TrimSpace(flags), ","); strings.Contains(servers, "C") {
			return trusted
		}
		return present
	}
	return absent
}

func (n *nss) exists() bool {
	_, err := os.Stat(filepath.Join(n.dir, "cert9.db"))
	return err == nil
}

func (n *nss) add(ctx context.Context, root *x509.Certificate, path string) error {
	if !n.exists() {
		if err := n.create(ctx); err != nil {
			return err
		}
	}
	_, err := n.certutil(ctx, "-A", "-t", "C,,", "-n", nickname(root), "-i", path)
	return err
}

func (n *nss) remove(ctx context.Context, root *x509.Certificate, _ string) error {
	if _, err := n.certutil(ctx, "-D", "-n", nickname(root)); err != nil {
		return err
	}
	return n.removeIfOurs(ctx)
}

// createdByUs is a file beside the database that add has created, so that remove can remove it.
const createdByUs = "created-by-lanner"

func (n *nss) create(ctx context.Context) error {
	if err := os.MkdirAll(n.dir, 0o700); err != nil {
		return err
	}
	err := os.WriteFile(filepath.Join(n.dir, createdByUs), nil, 0o600)
	if err == nil {
		_, err = n.certutil(ctx, "-N", "--empty-password")
	}
	if err != nil {
		os.Remove(filepath.Join(n.dir, createdByUs))
		n.removeEmptyFolders()
	}
	return err
}

func (n *nss) removeEmptyFolders() {
	os.Remove(n.dir)
	os.Remove(filepath.Dir(n.dir))
}

// removeIfOurs removes the database that add has created, if nobody else has put anything into it.
func (n *nss) removeIfOurs(ctx context.Context) error {
	if _, err := os.Stat(filepath.Join(n.dir, createdByUs)); err != nil {
		return nil
	}
	if err := os.Remove(filepath.Join(n.dir, createdByUs)); err != nil {
		return err
	}
	certs, err := n.certutil(ctx, "-L")
	if err != nil || strings.Count(string(certs), ",") > titleCommas {
		return err
	}
	if _, err := n.certutil(ctx, "-K"); err == nil {
		return nil // it has a key
	} else if code, ok := exitCode(err); !ok || code != noKeys {
		return err
	}
	for _, name := range []string{"cert9.db", "key4.db", "pkcs11.txt"} {
		if err := os.Remove(filepath.Join(n.dir, name)); err != nil {
			return err
		}
	}
	n.removeEmptyFolders()
	return nil
}

const (
	titleCommas = 2   // in the title that certutil -L prints; the trust of each certificate has two more
	noKeys      = 255 // exit code of certutil -K
)

func (n *nss) certutil(ctx context.Context, args ...string) ([]byte, error) {
	path, ok := n.command("certutil")
	if !ok {
		return nil, &HintError{errors.New("certutil of NSS is not installed, which changes what browsers trust"), n.install()}
	}
	return n.run(ctx, path, append(args, "-d", "sql:"+n.dir)...)
}

// install returns the command that installs certutil here.
func (m *machine) install() string {
	for _, by := range [][2]string{
		{"apt-get", "apt-get install libnss3-tools"}, {"dnf", "dnf install nss-tools"}, {"yum", "yum install nss-tools"},
		{"zypper", "zypper install mozilla-nss-tools"}, {"pacman", "pacman -S nss"}, {"apk", "apk add nss-tools"},
	} {
		if _, ok := m.command(by[0]); ok {
			return "sudo " + by[1]
		}
	}
	return "install certutil, which Debian has in libnss3-tools and Fedora in nss-tools"
}
