package acme

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/lannerhq/lanner/acme"
)

func TestManagersOnOneStorageOrderOnce(t *testing.T) {
	s := newSite(t)
	opts := s.options(t, "one.test", "two.test")
	managers := []*acme.Manager{manager(t, opts), manager(t, opts), manager(t, opts)}
	s.serve(t, managers[0], 0)
	for _, m := range managers {
		if err := m.Wait(limit(t)); err != nil {
			t.Fatal(err)
		}
	}
	s.authority.wantOrders(t, 2, "one for each name")
	want := state(t, managers[0], "one.test")
	for _, m := range managers[1:] {
		if got := state(t, m, "one.test"); !got.NotAfter.Equal(want.NotAfter) || got.LastError != "" {
			t.Errorf("%+v, want the certificate of the others", got)
		}
	}
}

// childFolder names the variable that makes the test binary another process, with a Manager for one.test.
const childFolder = "ACME_TEST_CHILD"

// childOptions is what the other process is told.
type childOptions struct {
	Folder, Directory, Root string
	Challenge               acme.Challenge
	HTTPPort, TLSPort       int
}

// child orders a certificate, and serves nothing: the validation comes to the process that started it.
func child() int {
	var o childOptions
	if err := json.Unmarshal([]byte(os.Getenv(childFolder)), &o); err != nil {
		fmt.Println(err)
		return 1
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(o.Root))
	m, err := acme.New(acme.Options{Names: []string{"one.test"}, AgreeToTerms: true, Folder: o.Folder, HTTPPort: o.HTTPPort, TLSPort: o.TLSPort,
		Challenges: []acme.Challenge{o.Challenge}, ListenHost: "127.0.0.1", Issuers: []acme.Issuer{{Directory: o.Directory, Roots: roots}}})
	if err == nil {
		err = m.Start(context.Background())
	}
	if err != nil {
		fmt.Println(err)
		return 1
	}
	defer m.Stop(context.Background())
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	if err := m.Wait(ctx); err != nil {
		fmt.Println(err, m.Certificates())
		return 1
	}
	fmt.Printf("source %s\n", m.Certificates()[0].Source)
	return 0
}

func TestProcessesOnOneStorageOrderOnceAndAnswerEachOther(t *testing.T) {
	for _, challenge := range []acme.Challenge{acme.HTTP01, acme.TLSALPN01} {
		t.Run(string(challenge), func(t *testing.T) {
			s := newSite(t)
			opts := s.options(t, "two.test") // another name: what comes in for one.test is a child's
			opts.Challenges = []acme.Challenge{challenge}
			s.issued(t, opts)
			told, err := json.Marshal(childOptions{Challenge: challenge, Folder: opts.Folder, Directory: s.authority.directory(), HTTPPort: port(s.plain), TLSPort: port(s.secure),
				Root: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.authority.srv.Certificate().Raw}))})
			if err != nil {
				t.Fatal(err)
			}
			outputs := make(chan string)
			for range 2 {
				go func() {
					cmd := exec.CommandContext(limit(t), os.Args[0])
					cmd.Env = append(os.Environ(), childFolder+"="+string(told))
					out, err := cmd.CombinedOutput()
					outputs <- fmt.Sprint(string(out), err)
				}()
			}
			all := <-outputs + <-outputs
			if !strings.Contains(all, "source issued") || !strings.Contains(all, "source storage") {
				t.Errorf("%s\nwant one process to have the certificate issued, and the other to find it", all)
			}
			s.authority.wantOrders(t, 2, "two.test, and one.test by one of the processes")
		})
	}
}
