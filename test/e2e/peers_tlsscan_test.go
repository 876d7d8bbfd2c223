//go:build linux

package e2e

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// What two programs that look for weaknesses of TLS servers find in the default configuration. What they say of a certificate that no public
// authority has made (its revocation, DNS records) and of the application's own header fields is not the server's.

func TestTestsslFindsNothing(t *testing.T) {
	testssl := needPeer(t, "testssl")
	h := newDevHome(t)
	port := h.serve(h.Certificate, h.Key)
	report := filepath.Join(t.TempDir(), "report.json")
	// Protocols, forward secrecy, standard cipher lists, server preferences, defaults with the certificate, and all vulnerabilities.
	cmd := exec.CommandContext(t.Context(), testssl, "--color", "0", "--warnings", "off", "--add-ca", h.Authority, "--jsonfile", report, "-p", "-f", "-s", "-P", "-S", "-U",
		"https://localhost:"+port)
	if out, err := cmd.CombinedOutput(); err != nil && cmd.ProcessState.ExitCode() > 200 { // below, it is the number of findings
		t.Fatalf("%v\n%s", err, out)
	}
	raw, err := os.ReadFile(report)
	if err != nil {
		t.Fatal(err)
	}
	var findings []struct{ ID, Severity, Finding string }
	if err := json.Unmarshal(raw, &findings); err != nil {
		t.Fatalf("%v\n%s", err, raw)
	}
	seen := make(map[string]string)
	for _, f := range findings {
		seen[f.ID] = f.Finding
		switch f.Severity {
		case "MEDIUM", "HIGH", "CRITICAL":
			if f.ID == "cert_revocation" {
				continue
			}
			t.Errorf("%s: %s: %s", f.Severity, f.ID, f.Finding)
		case "WARN", "FATAL":
			t.Errorf("%s: %s: %s", f.Severity, f.ID, f.Finding)
		}
	}
	for id, want := range map[string]string{ // it has looked
		"SSLv3": "not offered", "TLS1": "not offered", "TLS1_1": "not offered", "TLS1_2": "offered", "TLS1_3": "offered with final",
		"secure_client_renego": "not vulnerable", "CRIME_TLS": "not vulnerable", "cipherlist_3DES_IDEA": "not offered", "LUCKY13": "not vulnerable",
	} {
		if !strings.HasPrefix(seen[id], want) {
			t.Errorf("%s is %q, want %q", id, seen[id], want)
		}
	}
}

func TestSslscanFindsModernTLSAlone(t *testing.T) {
	sslscan := needPeer(t, "sslscan")
	h := newDevHome(t)
	port := h.serve(h.Certificate, h.Key)
	out, err := exec.CommandContext(t.Context(), sslscan, "--no-colour", "localhost:"+port).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	lines := bytes.Split(out, []byte("\n"))
	for _, want := range []string{"SSLv2     disabled", "SSLv3     disabled", "TLSv1.0   disabled", "TLSv1.1   disabled", "TLSv1.2   enabled", "TLSv1.3   enabled",
		"Session renegotiation not supported", "TLSv1.3 not vulnerable to heartbleed", "Server supports TLS Fallback SCSV"} {
		if !bytes.Contains(out, []byte(want)) {
			t.Errorf("it does not say %q", want)
		}
	}
	suites := 0
	for _, line := range lines {
		fields := strings.Fields(string(line))
		if len(fields) < 5 || fields[0] != "Accepted" && fields[0] != "Preferred" {
			continue
		}
		suites++
		if suite := fields[4]; fields[1] != "TLSv1.3" && !(strings.HasPrefix(suite, "ECDHE-") && (strings.Contains(suite, "GCM") || strings.Contains(suite, "POLY1305"))) {
			t.Errorf("weak suite: %s", line)
		}
	}
	if suites < 4 {
		t.Errorf("%d suites were found", suites)
	}
	if t.Failed() {
		t.Logf("%s", out)
	}
}
