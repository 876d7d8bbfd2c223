package control

import (
	"errors"
	"testing"
)

func TestACertificateIsAskedForByItsNameOrItsFile(t *testing.T) {
	_, c := start(t, newFakeHost())
	for _, name := range []string{"a.example.org", "/etc/a.pem", "/etc/b.pem"} {
		list, err := c.Certificate(t.Context(), name)
		if err != nil || len(list) != 1 || list[0].Names == nil || list[0].Chain == nil || list[0].OCSP.Status != "good" {
			t.Errorf("%s: %+v, %v, want one without a list that is null", name, list, err)
		}
	}
	renewed, err := c.RenewCertificate(t.Context(), "/etc/b.pem")
	if err != nil || len(renewed) != 1 || !renewed[0].Changed || renewed[0].Path != "/etc/b.pem" || renewed[0].Names == nil {
		t.Errorf("the renewal: %+v, %v", renewed, err)
	}
	for _, ask := range []func() error{
		func() error { _, err := c.Certificate(t.Context(), "c.example.org"); return err },
		func() error { _, err := c.RenewCertificate(t.Context(), "c.example.org"); return err },
	} {
		var e *Error
		if err := ask(); !errors.As(err, &e) || e.Status != 404 {
			t.Errorf("a name that nothing is shown for: %v, want 404", err)
		}
	}
}
