package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/lannerhq/lanner/internal/devcert"
)

// printDevCerts prints the outcome. Problems of stores are errors, which --quiet leaves.
func (a *app) printDevCerts(o devCerts, r devCertsResult) error {
	if a.json {
		if r.Stores == nil {
			r.Stores = []devcert.Trust{}
		}
		return a.printJSON(r)
	}
	if !o.quiet {
		a.describeDevCerts(o, r)
	}
	for _, s := range r.Stores {
		if s.Problem == "" {
			continue
		}
		fmt.Fprintf(a.stderr, "%s %s: %s\n", a.painter(a.stderr).paint(yellow, string(s.Kind)), s.Place, s.Problem)
		if s.Hint != "" {
			fmt.Fprintf(a.stderr, "  help: %s\n", s.Hint)
		}
	}
	return nil
}

func (a *app) describeDevCerts(o devCerts, r devCertsResult) {
	if o.clean {
		a.printf("the development certificate is removed\n")
		if !noneTrusts(r.Stores) {
			a.printf("its authority is still trusted; call this again when that has changed\n")
		}
	} else {
		switch {
		case r.Problem != "":
			a.printf("there is no valid certificate: %s\n", r.Problem)
		case r.Change != devcert.Unchanged:
			a.printf("a certificate was %s\n", r.Change)
		}
		if r.Fingerprint != "" {
			a.printf("certificate  %s\nkey          %s\nauthority    %s\nnames        %s\nvalid until  %s\n",
				r.Cert, r.Key, r.Root, strings.Join(r.Names, ", "), r.NotAfter.UTC().Format(time.DateOnly))
		}
	}
	for _, file := range r.Exported {
		a.printf("exported     %s\n", file)
	}
	p := a.painter(a.stdout)
	t := table{head: []string{"STORE", "TRUSTED", "PLACE"}}
	for _, s := range r.Stores {
		trust := cell{"no", yellow}
		if s.Trusted {
			trust = cell{"yes", green}
		}
		t.add(cell{text: string(s.Kind)}, trust, cell{text: s.Place})
	}
	if len(t.rows) > 0 && (!o.clean || !noneTrusts(r.Stores)) {
		t.write(a.stdout, p)
	}
}

func noneTrusts(stores []devcert.Trust) bool {
	for _, s := range stores {
		if s.Trusted {
			return false
		}
	}
	return true
}
