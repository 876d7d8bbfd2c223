package acme

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func TestOptionsThatCannotWorkAreRefused(t *testing.T) {
	valid := func() Options {
		return Options{Names: []string{"one.test"}, AgreeToTerms: true, Folder: filepath.Join(t.TempDir(), "acme")}
	}
	for name, test := range map[string]struct {
		change func(*Options)
		want   []string // parts of the error; none: there is none
	}{
		"what is needed":       {func(*Options) {}, nil},
		"terms not agreed to":  {func(o *Options) { o.AgreeToTerms = false }, []string{"AgreeToTerms is false", "terms of service"}},
		"nothing to do":        {func(o *Options) { o.Names = nil }, []string{"Names is empty"}},
		"on demand for anyone": {func(o *Options) { o.OnDemand = new(OnDemand) }, []string{"OnDemand.Ask is nil", "anyone"}},
		"on demand alone": {func(o *Options) {
			o.Names, o.OnDemand = nil, &OnDemand{func(context.Context, string) error { return nil }}
		}, nil},
		"no name":                {func(o *Options) { o.Names = []string{"one test"} }, []string{`"one test" is no host name`}},
		"an URL":                 {func(o *Options) { o.Names = []string{"https://one.test/"} }, []string{"is no host name"}},
		"a wildcard without DNS": {func(o *Options) { o.Names = []string{"*.one.test"} }, []string{"by DNS only", "Options.DNS"}},
		"a wildcard too wide":    {func(o *Options) { o.Names = []string{"*.test"} }, []string{"top-level domain"}},
		"DNS without a provider": {func(o *Options) { o.DNS = new(DNS) }, []string{"DNS.Provider is nil", "libdns"}},
		"an unknown challenge":   {func(o *Options) { o.Challenges = []Challenge{"dns-01"} }, []string{`"dns-01" is none`, "Options.DNS"}},
		"an unknown key":         {func(o *Options) { o.KeyType = "dsa" }, []string{`"dsa" is none of p256`}},
		"a window without end":   {func(o *Options) { o.RenewalWindow = 1 }, []string{"not between 0 and 1"}},
		"a port beyond":          {func(o *Options) { o.HTTPPort = 65536 }, []string{"65536 is no port"}},
		"an insecure directory":  {func(o *Options) { o.Issuers = []Issuer{{Directory: "http://ca.example.com/dir"}} }, []string{"is no https URL"}},
		"one on this machine":    {func(o *Options) { o.Issuers = []Issuer{{Directory: "http://127.0.0.1:14000/dir"}} }, nil},
		"an issuer twice":        {func(o *Options) { o.Issuers = []Issuer{{Directory: ZeroSSL}, {Directory: ZeroSSL}} }, []string{"is there twice"}},
		"half an account": {func(o *Options) {
			o.Issuers = []Issuer{{Directory: ZeroSSL, ExternalAccount: &ExternalAccount{KeyID: "a"}}}
		}, []string{"both KeyID and MACKey"}},
		"several mistakes at once": {func(o *Options) { *o = Options{KeyType: "dsa"} }, []string{"AgreeToTerms", "Names", "KeyType"}},
	} {
		t.Run(name, func(t *testing.T) {
			o := valid()
			test.change(&o)
			if o.Folder == "" {
				o.Folder = filepath.Join(t.TempDir(), "acme")
			}
			_, err := New(o)
			if (err == nil) != (len(test.want) == 0) {
				t.Fatalf("%v, want an error with %q", err, test.want)
			}
			for _, part := range test.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%v, want %q in it", err, part)
				}
			}
		})
	}
}

func TestNamesAreWrittenAsInCertificates(t *testing.T) {
	for given, want := range map[string]string{
		"One.Test.":       "one.test",
		"bücher.example":  "xn--bcher-kva.example",
		"*.Example.com":   "*.example.com",
		"2001:DB8::1":     "2001:db8::1",
		"::ffff:10.0.0.1": "10.0.0.1",
		" one.test ":      "one.test",
		"":                "", ".": "", "a..b": "", "-a.test": "", "a_b.test": "", "*": "", "*.*.test": "", "fe80::1%eth0": "", "../etc": "", "a/b": "",
		strings.Repeat("a", 64) + ".test": "",
	} {
		if got, err := normalName(given); got != want || (err != nil) != (want == "") {
			t.Errorf("%q is %q, %v, want %q", given, got, err, want)
		}
	}
}

func FuzzNames(f *testing.F) {
	for _, seed := range []string{"one.test", "*.one.test", "bücher.example", "10.0.0.1", "::1", "..", "a\x00b", "xn--a"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, given string) {
		name, err := normalName(given)
		if err != nil {
			return
		}
		if strings.ContainsAny(name, "/\\%\x00 ") || strings.Contains(name, "..") || strings.ToLower(name) != name {
			t.Errorf("%q becomes %q, which is to be part of a path", given, name)
		}
		if again, err := normalName(name); again != name || err != nil {
			t.Errorf("%q becomes %q, and that %q, %v", given, name, again, err)
		}
	})
}

func TestAFolderThatOthersMayEnterIsRefused(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the mode of a folder does not say who may enter it on Windows")
	}
	folder := filepath.Join(t.TempDir(), "acme")
	if err := makePrivate(folder); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(folder); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("mode %v, %v, want 0700", info.Mode(), err)
	}
	if err := os.Chmod(folder, 0o750); err != nil {
		t.Fatal(err)
	}
	if err := makePrivate(folder); err == nil || !strings.Contains(err.Error(), "chmod 700") {
		t.Errorf("%v, want an error that says what to do", err)
	}
}

func TestTheDefaultFolderIsTheUnits(t *testing.T) {
	t.Setenv("STATE_DIRECTORY", filepath.Join(string(filepath.Separator), "var", "lib", "shop"))
	if got, err := DefaultFolder(); err != nil || got != filepath.Join(string(filepath.Separator), "var", "lib", "shop", "acme") {
		t.Errorf("%s, %v, want acme in the unit's state folder", got, err)
	}
	t.Setenv("STATE_DIRECTORY", "")
	if got, err := DefaultFolder(); err != nil || !filepath.IsAbs(got) || filepath.Base(got) != "acme" {
		t.Errorf("%s, %v, want an absolute path", got, err)
	}
}
