package forwardedheaders

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
)

func TestListsAreSplitAtCommasOutsideQuotes(t *testing.T) {
	for _, tt := range []struct {
		lines []string
		want  []string
		why   string
	}{
		{[]string{"a, b"}, []string{"a", "b"}, "blanks around items go"},
		{[]string{",a,, b ,"}, []string{"a", "b"}, "empty items go"},
		{[]string{"a b"}, []string{"a b"}, "blanks within stay"},
		{[]string{`"a,b", c`}, []string{"a,b", "c"}, "quotes keep together and go"},
		{[]string{`a"b,c"d, e`}, []string{`a"b,c"d`, "e"}, "quotes within keep together and stay"},
		{[]string{`""`, `" "`}, []string{" "}, "an empty quoted item is empty; a blank one is not"},
		{[]string{`"`}, []string{`"`}, "one quote is no pair"},
		{[]string{`a, "b, c`}, []string{"a", `"b, c`}, "a quote that is not closed takes the rest of the line"},
		{[]string{`"a`, "b"}, []string{`"a`, "b"}, "but not of the next line"},
		{[]string{"", "\t"}, nil, "there is nothing"},
	} {
		if got := splitList(tt.lines); !slices.Equal(got, tt.want) {
			t.Errorf("splitList(%q) = %q, want %q: %s", tt.lines, got, tt.want, tt.why)
		}
	}
}

func TestEndpointsAreReadAsProxiesWriteThem(t *testing.T) {
	for _, tt := range []struct{ text, want, why string }{
		{"1.2.3.4", "1.2.3.4:0", "an address"},
		{"1.2.3.4:5", "1.2.3.4:5", "with a port"},
		{"1:1", "0.0.0.1:1", "inet_aton, with a port"},
		{"1.2", "1.0.0.2:0", "the last of two parts is 24 bits"},
		{"1.2.772", "1.2.3.4:0", "the last of three parts is 16 bits"},
		{"0x7f.1", "127.0.0.1:0", "hexadecimal"},
		{"0177.0.0.01", "127.0.0.1:0", "octal"},
		{"4294967295", "255.255.255.255:0", "the largest"},
		{"2001:DB8::1", "[2001:db8::1]:0", "IPv6"},
		{"[2001:db8::1]:65535", "[2001:db8::1]:65535", "IPv6 with a port"},
		{"::ffff:1.2.3.4", "[::ffff:1.2.3.4]:0", "mapped addresses stay mapped"},
		{"[fe80::1%eth0.1]:80", "[fe80::1%eth0.1]:80", "a zone"},
		{"", "", "nothing"},
		{"a", "", "no number"},
		{"1.2.3.4.5", "", "five parts"},
		{"1.2.3.256", "", "too large for a byte"},
		{"256.1", "", "too large for a byte, in front"},
		{"4294967296", "", "too large"},
		{"1..2", "", "an empty part"},
		{"1.2.3.", "", "an empty last part"},
		{"08", "", "8 is not octal"},
		{"0x", "", "no digits"},
		{"1.2.3.4:", "", "an empty port"},
		{"1.2.3.4:65536", "", "a port too large"},
		{"1.2.3.4:+5", "", "a sign"},
		{"1.2.3.4: 5", "", "a blank"},
		{"127:", "", "an empty port"},
		{"[::1]:", "", "an empty port"},
		{"[::1]:a", "", "no port"},
		{"[::1", "", "not closed"},
		{"[::1]x", "", "junk"},
		{"[1.2.3.4]", "", "brackets are for IPv6"},
		{"::1:", "", "not an address"},
		{"127:0:0:1", "", "not an address either"},
		{":80", "", "a port alone"},
		{"]:1", "", "no address"},
		{"[fe80::1%<b>]", "", "a zone that is no interface's name"},
		{"unknown", "", "RFC 7239 allows it; it is no address"},
		{"_hidden", "", "nor is an obfuscated one"},
	} {
		got, ok := ParseEndpoint(tt.text)
		if ok != (tt.want != "") || ok && got.String() != tt.want {
			t.Errorf("ParseEndpoint(%q) = %v, %v, want %q: %s", tt.text, got, ok, tt.want, tt.why)
		}
	}
}

func TestHostsAreCheckedLikeHTTPSys(t *testing.T) {
	for _, host := range []string{"z", "1", "y:1", "[ABCdef]", "[abcdef:127.2355.1246.114]:0", "900.900.900.900:9523547852",
		"foo.ba-ar.baz:46245", "xn--c1yn36f:134", "-", "_", "~", "!", "$", "'", "(", ")", "&", "[::1]", "[::1]:0"} {
		if !validHost(host) {
			t.Errorf("%q is refused", host)
		}
	}
	bad := []string{"", "[]", "[::]", "[ghijkl]", "[afd:adf:123", "[afd:adf]123", "[afd:adf]:", "[afd adf]", "[ad-314]", ":1234",
		"a:b:c", "::1", "::", "abcd:1abcd", "abcd:1.2", "1.2.3.4:", "1.2 .4", "點看", "a/b", "a@b", "a%41", "[::1]]", "[[::1]", "a]"}
	for _, c := range "\"#%*+/;<=>?@[]\\^`{}|," {
		bad = append(bad, string(c), "[abd"+string(c)+"]:1234", "a.b.c:"+string(c), "a"+string(c))
	}
	for _, host := range bad {
		if validHost(host) {
			t.Errorf("%q is taken", host)
		}
	}
}

func TestPrefixesAreDecodedAndEncoded(t *testing.T) {
	for _, tt := range []struct{ sent, decoded, encoded string }{
		{"/foo", "/foo", "/foo"},
		{"/foo/", "/foo/", "/foo/"},
		{"/foo%20bar", "/foo bar", "/foo%20bar"},
		{"/foo?bar?", "/foo?bar?", "/foo%3Fbar%3F"},
		{"/foo%2F/%2f", "/foo%2F/%2f", "/foo%2F/%2f"},
		{"/a/../%2e%2e/b", "/a/../../b", "/a/../../b"},
		{"/%C3%A9/%C3", "/é/%C3", "/%C3%A9/%C3"},
		{"/100%", "/100%", "/100%25"},
		{"/a;b=c:@!$&'()*+,~", "/a;b=c:@!$&'()*+,~", "/a;b=c:@!$&'()*+,~"},
		{"//a", "//a", "//a"},
	} {
		if got := decodePrefix(tt.sent); got != tt.decoded {
			t.Errorf("decodePrefix(%q) = %q, want %q", tt.sent, got, tt.decoded)
		}
		if got := encodePrefix(tt.decoded); got != tt.encoded {
			t.Errorf("encodePrefix(%q) = %q, want %q", tt.decoded, got, tt.encoded)
		}
	}
}

func FuzzSplitListLosesNothingButBlanks(f *testing.F) {
	for _, seed := range []string{"a, b", `"a,b",c`, `a"b,c"`, `"`, ",,", `"a", "b`, `""a`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		items := splitList([]string{line})
		for _, item := range items {
			if item == "" || !strings.Contains(line, item) {
				t.Errorf("splitList(%q) has the item %q", line, item)
			}
		}
		if strings.Contains(line, `"`) {
			return
		}
		again := splitList([]string{joinList(items)})
		if !slices.Equal(again, items) {
			t.Errorf("%q is split into %q, joined and split again into %q", line, items, again)
		}
	})
}

func FuzzParseEndpointGivesWhatItReadsBack(f *testing.F) {
	for _, seed := range []string{"1.2.3.4:5", "[::1]:1", "::1", "1", "0x7f.1", "[fe80::1%eth0]", "::ffff:1.2.3.4", "]:1", "08"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, ok := ParseEndpoint(s)
		if !ok {
			return
		}
		if again, ok := ParseEndpoint(got.String()); !ok || again != got {
			t.Errorf("ParseEndpoint(%q) = %v, which reads back as %v, %v", s, got, again, ok)
		}
		if std, err := netip.ParseAddrPort(s); err == nil && std != got {
			t.Errorf("ParseEndpoint(%q) = %v, net/netip says %v", s, got, std)
		}
		if strings.ContainsAny(got.String(), " \r\n<>\"") {
			t.Errorf("ParseEndpoint(%q) = %q, which is not fit for a log", s, got)
		}
	})
}

func FuzzValidHostTakesOnlyWhatMayBeAHost(f *testing.F) {
	for _, seed := range []string{"a", "a:1", "[::1]:1", "[::]", ":1", "a:", "a,b", "點看"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if !validHost(s) {
			return
		}
		for i := range len(s) {
			if s[i] <= ' ' || s[i] >= 0x7f || strings.IndexByte(`"#%*+/;<=>?@\^{}|,`+"`", s[i]) >= 0 {
				t.Errorf("%q is taken with the byte %q", s, s[i])
			}
		}
	})
}

func FuzzPrefixesReadBack(f *testing.F) {
	for _, seed := range []string{"/a b", "/é", "/%2F", "/%", "/%C3", "/a?b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		encoded := encodePrefix(s)
		for i := range len(encoded) {
			if encoded[i] <= ' ' || encoded[i] >= 0x7f {
				t.Fatalf("encodePrefix(%q) = %q, which cannot stand in a header", s, encoded)
			}
		}
		if encodePrefix(encoded) != encoded {
			t.Errorf("encodePrefix(%q) = %q is not stable", s, encoded)
		}
		decodePrefix(s)
	})
}
