package devcert

import (
	"bytes"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
)

func TestAnExportInPEMCanBeServed(t *testing.T) {
	m, _ := newManager(t)
	p := ensure(t, m, Created, "first use")
	path := filepath.Join(t.TempDir(), "dev.crt")
	files, err := m.Export(t.Context(), path, FormatOf(path), "")
	if err != nil || len(files) != 2 || filepath.Base(files[1]) != "dev.key" {
		t.Fatalf("files %v, %v", files, err)
	}
	cert, err := tls.LoadX509KeyPair(files[0], files[1])
	if err != nil {
		t.Fatal(err)
	}
	if len(cert.Certificate) != 2 || !bytes.Equal(cert.Certificate[0], p.leaf.cert.Raw) || !bytes.Equal(cert.Certificate[1], p.root.cert.Raw) {
		t.Error("the file has the certificate, and behind it the authority's, for clients")
	}
	for _, file := range files {
		if info, err := os.Stat(file); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
			t.Errorf("%s is the user's alone: %v, %v", file, info.Mode(), err)
		}
	}
}

func TestExportsAreReadByOpenSSL(t *testing.T) {
	openssl, found := lookTool(t, "openssl")
	if !found {
		t.Skip()
	}
	m, _ := newManager(t)
	p := ensure(t, m, Created, "first use")
	want, err := os.ReadFile(m.file(leafKey))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, password := range map[string]string{"plain.pfx": "", "secret.p12": "pâss wörd €", "secret.pem": "x"} {
		path := filepath.Join(dir, name)
		files, err := m.Export(t.Context(), path, FormatOf(path), password)
		if err != nil {
			t.Fatal(err)
		}
		read := func(password string) ([]byte, error) {
			pass := filepath.Join(dir, "password")
			if err := os.WriteFile(pass, []byte(password+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			if FormatOf(path) == PEM {
				return exec.Command(openssl, "pkey", "-in", files[1], "-passin", "file:"+pass).Output()
			}
			return exec.Command(openssl, "pkcs12", "-in", path, "-nodes", "-passin", "file:"+pass).Output()
		}
		out, err := read(password)
		if err != nil || !bytes.Contains(out, want) {
			t.Errorf("%s holds the key: %v\n%s", name, err, out)
		}
		if FormatOf(path) == PFX && (!bytes.Contains(out, encodeCerts(p.leaf.cert)) || !bytes.Contains(out, encodeCerts(p.root.cert))) {
			t.Errorf("%s holds both certificates:\n%s", name, out)
		}
		if out, err := read(password + "?"); err == nil {
			t.Errorf("%s is read with a wrong password:\n%s", name, out)
		}
	}
}

func TestAnExportThatCannotBeIsExplained(t *testing.T) {
	m, _ := newManager(t)
	if _, err := m.Export(t.Context(), filepath.Join(t.TempDir(), "a.pem"), PEM, ""); err == nil {
		t.Error("there is no certificate to export")
	}
	ensure(t, m, Created, "first use")
	nowhere := filepath.Join(t.TempDir(), "nowhere", "a.pem")
	if _, err := m.Export(t.Context(), nowhere, PEM, ""); hintOf(err) != "create it first" {
		t.Errorf("there is no such folder: %v", err)
	}
	if _, err := m.Export(t.Context(), filepath.Join(t.TempDir(), "a.key"), PEM, ""); hintOf(err) != "name it .pem or .crt" {
		t.Errorf("certificate and key would be one file: %v", err)
	}
	if _, err := m.Export(t.Context(), filepath.Join(t.TempDir(), "a"), "der", ""); err == nil {
		t.Error("there is no such format")
	}
}

func hintOf(err error) string {
	if hint, ok := errors.AsType[*HintError](err); ok {
		return hint.Hint
	}
	return ""
}

func TestTheIntegrityKeyIsThatOfAnotherImplementation(t *testing.T) {
	salt, _ := hex.DecodeString("000102030405060708090a0b0c0d0e0f")
	// openssl kdf -keylen 32 -kdfopt digest:SHA256 -kdfopt hexpass:0073006500630072006500740000 -kdfopt hexsalt:... -kdfopt iter:1000
	// -kdfopt id:3 PKCS12KDF
	want := "70cfd3aebc37702e5c1083f6a008fc0b2cdd6609d0f3e96c5b10a23265f91e06"
	if got := hex.EncodeToString(integrityKey("secret", salt, 1000)); got != want {
		t.Errorf("key %s, want %s", got, want)
	}
	if got := repeat([]byte("abc"), 4); string(got) != "abca" {
		t.Errorf("repeated %q", got)
	}
	if got := repeat([]byte("abcde"), 4); string(got) != "abcdeabc" {
		t.Errorf("repeated to the next multiple: %q", got)
	}
	if got := bmp("a€😀"); !slices.Equal(got, []byte{0, 'a', 0x20, 0xac, 0xd8, 0x3d, 0xde, 0x00}) {
		t.Errorf("UTF-16, most significant octet first: %x", got)
	}
}
