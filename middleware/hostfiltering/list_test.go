package hostfiltering

import (
	"errors"
	"strings"
	"testing"
)

func TestListAllowsWhatItNames(t *testing.T) {
	for _, tt := range []struct{ host, allowed, why string }{
		{"localHost", "localhost", "case is ignored"},
		{"localHost", "*", "a star allows any name"},
		{"localHost", "[::]", "what a server reports that listens on all IPv6 addresses means any"},
		{"localHost", "0.0.0.0", "and the same for IPv4"},
		{"localhost:9090", "example.com;localHost", "an entry may be a list, and ports are ignored"},
		{"example.com:443", "example.com;localhost", "the first of a list"},
		{"localHost:80", "localhost;", "an empty piece is nothing"},
		{"localhost:", "localhost", "a port may be empty (RFC 3986 §3.2.3)"},
		{"foo.eXample.com:443", "*.exampLe.com", "a name below"},
		{"a.b.example.com", "*.example.com", "at any depth"},
		{"127.0.0.1:443", "127.0.0.1", "an IPv4 address is a name like any other"},
		{"xn--c1yn36f:443", "xn--c1yn36f", "punycode as it is"},
		{"xn--c1yn36f:443", "點看", "a Unicode entry matches its punycode"},
		{"shop.xn--bcher-kva.example", "*.Bücher.example", "also below a star, and lower-cased first"},
		{"xn--bcher-kva.example", "bücher。example", "an ideographic full stop separates labels"},
		{"[::ABC]", "[::aBc]", "hexadecimal case is ignored"},
		{"[::1]:80", "[::1]", "the port after a bracket is ignored"},
		{"[::1]:80", "::1", "brackets may be left out of an entry"},
	} {
		list, err := NewList([]string{tt.allowed})
		if err != nil {
			t.Errorf("NewList(%q): %v", tt.allowed, err)
			continue
		}
		if !list.Allows(tt.host) {
			t.Errorf("%q does not allow %q: %s", tt.allowed, tt.host, tt.why)
		}
	}
}

func TestListRefusesEverythingElse(t *testing.T) {
	for _, tt := range []struct{ host, allowed, why string }{
		{"example.com", "localhost", "another name"},
		{"localhost:9090", "example.com;", "an empty piece allows nothing"},
		{";", "example.com;localhost", "the separator is no name"},
		{";:80", "example.com;localhost", "nor with a port"},
		{":80", "localhost", "there is no name"},
		{":", "localhost", "there is nothing"},
		{"", "*", "no name is not any name"},
		{"example.com:443", "*.example.com", "the name itself is not below itself"},
		{".example.com:443", "*.example.com", "an empty label is no name"},
		{"foo.com:443", "*.example.com", "another domain"},
		{"badexample.com", "*.example.com", "a label ends at a dot"},
		{"foo.example.com.bar:443", "*.example.com", "the end counts"},
		{".com:443", "*.com", "an empty label again"},
		{"點看", "點看", "requests carry punycode; raw Unicode is no valid host"},
		{"[::1", "[::1]", "the bracket is not closed"},
		{"[::1:80", "[::1]", "nor here"},
		{"[::1]x", "[::1]", "what follows the bracket is no port"},
		{"localhost:8x", "localhost", "a port has digits only"},
		{"localhost:80:80", "localhost", "there is one port"},
		{"localhost.", "localhost", "a name with its root dot is another spelling, which nobody listed"},
	} {
		list, err := NewList([]string{tt.allowed})
		if err != nil {
			t.Errorf("NewList(%q): %v", tt.allowed, err)
			continue
		}
		if list.Allows(tt.host) {
			t.Errorf("%q allows %q: %s", tt.allowed, tt.host, tt.why)
		}
	}
}

func TestListSaysWhatIsWrongWithAnEntry(t *testing.T) {
	for _, tt := range []struct{ entry, want string }{
		{"example.com:80", "leave the port out"},
		{"https://example.com", "write the host name alone"},
		{"a b", "cannot be part of a host name"},
		{"foo.*.com", "a star may only stand alone"},
		{"*.", "a dot at the beginning, at the end"},
		{".example.com", "a dot at the beginning"},
		{"a..b", "next to another"},
		{"example.com.", "at the end"},
		{"bu\u0308cher.example", "write the xn-- form"},
		{"\xff", "not valid UTF-8"},
		{strings.Repeat("a", 64) + ".com", "longer than 63"},
	} {
		_, err := NewList([]string{tt.entry})
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("NewList(%q) = %v, want an error that says %q", tt.entry, err, tt.want)
		}
	}
	for _, none := range [][]string{nil, {}, {""}, {" ; ;"}} {
		if _, err := NewList(none); !errors.Is(err, ErrNoHosts) {
			t.Errorf("NewList(%q) = %v, want ErrNoHosts: a list without an entry is a mistake, not a choice", none, err)
		}
	}
}

// The samples are those of RFC 3492 §7.1.
func TestPunycodeEncodesTheSamplesOfTheRFC(t *testing.T) {
	for _, tt := range []struct{ label, want string }{
		{"ليهمابتكلموشعربي؟", "egbpdaj6bu4bxfgehfvwxn"},
		{"他们为什么不说中文", "ihqwcrb4cv8a8dqg056pqjye"},
		{"почемужеонинеговорятпорусски", "b1abfaaepdrnnbgefbadotcwatmq2g4l"},
		{"tạisaohọkhôngthểchỉnóitiếngviệt", "tisaohkhngthchnitingvit-kjcr8268qyxafd2f1b9g"},
		{"3年b組金八先生", "3b-ww4c5e180e575a65lsy2b"},
		{"ひとつ屋根の下2", "2-u9tlzr9756bt3uc0v"},
	} {
		if got := punycode(tt.label); got != tt.want {
			t.Errorf("punycode(%q) = %q, want %q", tt.label, got, tt.want)
		}
	}
}

func FuzzListNeverPanicsAndKeepsItsWord(f *testing.F) {
	for _, seed := range [][2]string{
		{"localhost;*.example.com", "a.example.com:80"}, {"[::1]", "[::1]:1"}, {"*", ""}, {"點看", "xn--c1yn36f"},
		{"a.b", "a.b:"}, {"::", "]:"}, {"*.com", ".com"},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, entry, host string) {
		list, err := NewList([]string{entry})
		if err != nil {
			return
		}
		if list.Allows("") {
			t.Errorf("%q allows the empty host", entry)
		}
		list.Allows(host)
		again, err := NewList([]string{list.String()})
		if err != nil {
			t.Fatalf("the list %q, printed as %q, cannot be read: %v", entry, list, err)
		}
		if again.Allows(host) != list.Allows(host) {
			t.Errorf("the list %q, printed as %q, means something else for %q", entry, list, host)
		}
	})
}
