//go:build linux

package main

import (
	"crypto/tls"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lannerhq/lanner/internal/devcert"
)

// withHome gives the test a home folder, and a Chromium that has not run yet.
func withHome(t *testing.T) (home string) {
	t.Helper()
	home = t.TempDir()
	bin := filepath.Join(home, "bin")
	if err := os.Mkdir(bin, 0o700); err != nil {
		t.Fatal(err)
	}
	command(t, bin, "chromium", "exit 0")
	t.Setenv("HOME", home)
	t.Setenv("XDG_CONFIG_HOME", "")
	t.Setenv("XDG_DATA_HOME", "")
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	return home
}

func command(t *testing.T, bin, name, script string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
}

func devCertsJSON(t *testing.T, wantCode int, args ...string) devCertsResult {
	t.Helper()
	out, errs, code := lanner(append([]string{"dev-certs", "https", "--json"}, args...)...)
	var r devCertsResult
	if err := json.Unmarshal([]byte(out), &r); err != nil || code != wantCode || errs != "" {
		t.Errorf("%v: exit code %d, want %d; %v\n%s%s", args, code, wantCode, err, out, errs)
	}
	return r
}

func TestDevCertsFromTheFirstCheckToTheLast(t *testing.T) {
	if _, err := exec.LookPath("certutil"); err != nil {
		if os.Getenv("LANNER_REQUIRE_PEERS") != "" {
			t.Fatal("certutil is not here; \"sh scripts/peers\" installs it")
		}
		t.Skip("certutil is not here; \"sh scripts/peers\" installs it")
	}
	home := withHome(t)
	browsers := []string{"--store", "browsers"} // that of the system is every user's: tests leave it alone
	if r := devCertsJSON(t, exitNoValidCert, append(browsers, "--check")...); r.Valid || r.Trusted || r.Problem == "" {
		t.Errorf("there is no certificate: %+v", r)
	}
	first := devCertsJSON(t, exitOK, browsers...)
	if first.Change != devcert.Created || !first.Valid || first.Trusted || first.Dir != filepath.Join(home, ".config/lanner/dev-certs") {
		t.Errorf("it is created, and nobody trusts it: %+v", first)
	}
	if r := devCertsJSON(t, exitNotTrusted, append(browsers, "--check", "--trust")...); !r.Valid || r.Trusted || r.Fingerprint != first.Fingerprint {
		t.Errorf("--check changes nothing: %+v", r)
	}
	if r := devCertsJSON(t, exitOK, append(browsers, "--trust")...); r.Change != devcert.Unchanged || !r.Trusted || !r.Stores[0].Changed {
		t.Errorf("it is trusted: %+v", r)
	}
	if r := devCertsJSON(t, exitOK, append(browsers, "--check")...); !r.Valid || !r.Trusted {
		t.Errorf("it is trusted: %+v", r)
	}
	out, errs, code := lanner("dev-certs", "https", "--trust", "--quiet", "--store", "browsers")
	if code != exitOK || out != "" || errs != "" {
		t.Errorf("the second time there is nothing to do, and --quiet says nothing: %d, %q, %q", code, out, errs)
	}
	out, _, _ = lanner("dev-certs", "https", "--store", "browsers")
	for _, want := range []string{
		"certificate  " + first.Cert + "\n", "authority    " + first.Root + "\n", "valid until  20",
		"STORE     TRUSTED  PLACE\nbrowsers  yes      " + filepath.Join(home, ".pki/nssdb") + "\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("people are told %q:\n%s", want, out)
		}
	}
	if r := devCertsJSON(t, exitOK, "--clean"); r.Change != removed || r.Valid {
		t.Errorf("all is gone: %+v", r)
	}
	for _, path := range []string{".config/lanner", ".pki"} {
		if _, err := os.Stat(filepath.Join(home, path)); err == nil {
			t.Errorf("%s is left behind", path)
		}
	}
	if out, _, code := lanner("dev-certs", "https", "--clean"); code != exitOK || out != "the development certificate is removed\n" {
		t.Errorf("the second time there is nothing to do: %d, %q", code, out)
	}
}

func TestDevCertsExportsWithAPasswordFromStandardInput(t *testing.T) {
	home := withHome(t)
	path := filepath.Join(home, "dev.pem")
	r := devCertsJSON(t, exitOK, "--export", path, "--store", "system")
	if !slices.Equal(r.Exported, []string{path, filepath.Join(home, "dev.key")}) {
		t.Errorf("exported %v", r.Exported)
	}
	if _, err := tls.LoadX509KeyPair(path, filepath.Join(home, "dev.key")); err != nil {
		t.Error(err)
	}
	c := newCall()
	c.stdin = strings.NewReader("secret\r\nmore")
	if code := c.run([]string{"dev-certs", "https", "--store", "system", "--export", path, "--format", "Pem", "--password", "-"}); code != exitOK {
		t.Fatalf("exit code %d: %s", code, c.errs.String())
	}
	if key, err := os.ReadFile(filepath.Join(home, "dev.key")); err != nil || !strings.HasPrefix(string(key), "-----BEGIN ENCRYPTED PRIVATE KEY-----\n") {
		t.Errorf("the key is encrypted: %v, %s", err, key)
	}
	if openssl, err := exec.LookPath("openssl"); err == nil {
		if out, err := exec.Command(openssl, "pkey", "-noout", "-passin", "pass:secret", "-in", filepath.Join(home, "dev.key")).CombinedOutput(); err != nil {
			t.Errorf("the password is the first line: %v, %s", err, out)
		}
	}
	_, errs, code := lanner("dev-certs", "https", "--export", filepath.Join(home, "nowhere/dev.pem"))
	if want := "there is no folder " + filepath.Join(home, "nowhere") + "\n  help: create it first\n"; code != exitFailed || !strings.HasSuffix(errs, want) {
		t.Errorf("exit code %d, %s", code, errs)
	}
}

func TestDevCertsExplainsAStoreThatFails(t *testing.T) {
	home := withHome(t)
	command(t, filepath.Join(home, "bin"), "certutil", "echo 'the database is locked' >&2; exit 1")
	out, errs, code := lanner("dev-certs", "https", "--trust", "--store", "browsers", "--quiet")
	want(t, "even with --quiet", code, exitNotAllTrust, errs,
		"browsers "+filepath.Join(home, ".pki/nssdb")+": certutil: exit status 1: the database is locked\n")
	if out != "" {
		t.Errorf("--quiet prints nothing else: %q", out)
	}
	r := devCertsJSON(t, exitNotAllTrust, "--trust", "--store", "browsers")
	if r.Trusted || r.Stores[0].Problem != "certutil: exit status 1: the database is locked" {
		t.Errorf("programs are told the same: %+v", r)
	}
}

func TestDevCertsRefusesToBeCalledBySudo(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root is called by sudo")
	}
	withHome(t)
	c := newCall()
	c.getenv = func(name string) string { return map[string]string{"SUDO_UID": "1000"}[name] }
	code := c.run([]string{"dev-certs", "https"})
	want(t, "it would be root's certificate", code, exitUsage, c.errs.String(),
		"lanner: sudo would make a certificate for root\n  help: call it without sudo: it prints the commands that need root\n")
}

func TestWordsOfDevCertsAreCompleted(t *testing.T) {
	for flag, want := range map[string]string{"--store": "system\nbrowsers\n:4\n", "--format": "pem\npfx\n:4\n"} {
		if out, _, code := lanner("__complete", "dev-certs", "https", flag, ""); code != exitOK || out != want {
			t.Errorf("%s: exit code %d, %q, want %q", flag, code, out, want)
		}
	}
}
