package proxyprotocol

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash/crc32"
	"net"
	"reflect"
	"strings"
	"testing"
)

// v2 renders a header of version 2.
func v2(command, family byte, block ...[]byte) []byte {
	body := bytes.Join(block, nil)
	b := append([]byte(v2Signature), 0x20|command, family)
	b = binary.BigEndian.AppendUint16(b, uint16(len(body)))
	return append(b, body...)
}

func tlv(t byte, value string) []byte {
	return append(binary.BigEndian.AppendUint16([]byte{t}, uint16(len(value))), value...)
}

// inet is the addresses of a client 192.0.2.1:1025 and a proxy 198.51.100.2:443.
var inet = []byte{192, 0, 2, 1, 198, 51, 100, 2, 0x04, 0x01, 0x01, 0xbb}

// inet6 is the addresses of a client [2001:db8::1]:1025 and a proxy [2001:db8::2]:443.
var inet6 = unhex("20010db8000000000000000000000001" + "20010db8000000000000000000000002" + "0401" + "01bb")

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

func paths(source, destination string) []byte {
	b := make([]byte, 2*unixPath)
	copy(b, source)
	copy(b[unixPath:], destination)
	return b
}

// summed fills in the checksum of a header that ends with an empty one.
func summed(header []byte) []byte {
	binary.BigEndian.PutUint32(header[len(header)-4:], crc32.Checksum(header, crc32.MakeTable(crc32.Castagnoli)))
	return header
}

const noSum = "\x00\x00\x00\x00"

func addr(ip string, port int) *net.TCPAddr { return &net.TCPAddr{IP: net.ParseIP(ip), Port: port} }

var validHeaders = []struct {
	name   string
	header []byte
	want   Header
}{
	{"v1 TCP4", []byte("PROXY TCP4 192.0.2.1 198.51.100.2 1025 443\r\n"), Header{Version: 1, Source: addr("192.0.2.1", 1025), Destination: addr("198.51.100.2", 443)}},
	{"v1 TCP4 at its longest", []byte("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n"), Header{Version: 1, Source: addr("255.255.255.255", 65535), Destination: addr("255.255.255.255", 65535)}},
	{"v1 TCP6", []byte("PROXY TCP6 2001:db8::1 2001:DB8::2 0 65535\r\n"), Header{Version: 1, Source: addr("2001:db8::1", 0), Destination: addr("2001:db8::2", 65535)}},
	{"v1 TCP6 of an IPv4 client", []byte("PROXY TCP6 ::ffff:192.0.2.1 ::ffff:198.51.100.2 1 2\r\n"), Header{Version: 1, Source: addr("192.0.2.1", 1), Destination: addr("198.51.100.2", 2)}},
	{"v1 UNKNOWN", []byte("PROXY UNKNOWN\r\n"), Header{Version: 1}},
	{"v1 UNKNOWN with anything", []byte("PROXY UNKNOWN what \x00\rever\r\n"), Header{Version: 1}},
	{"v1 UNKNOWN at its longest", []byte("PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"), Header{Version: 1}},
	{"v2 TCP4", v2(1, 0x11, inet), Header{Version: 2, Source: addr("192.0.2.1", 1025), Destination: addr("198.51.100.2", 443)}},
	{"v2 UDP4", v2(1, 0x12, inet), Header{Version: 2, Datagram: true, Source: addr("192.0.2.1", 1025), Destination: addr("198.51.100.2", 443)}},
	{"v2 TCP6", v2(1, 0x21, inet6), Header{Version: 2, Source: addr("2001:db8::1", 1025), Destination: addr("2001:db8::2", 443)}},
	{"v2 UDP6", v2(1, 0x22, inet6), Header{Version: 2, Datagram: true, Source: addr("2001:db8::1", 1025), Destination: addr("2001:db8::2", 443)}},
	{"v2 unix", v2(1, 0x31, paths("/run/a.sock", "/run/b.sock")), Header{Version: 2, Source: &net.UnixAddr{Name: "/run/a.sock", Net: "unix"}, Destination: &net.UnixAddr{Name: "/run/b.sock", Net: "unix"}}},
	{"v2 unix datagram, abstract and without a name", v2(1, 0x32, paths("\x00abs", "")), Header{Version: 2, Datagram: true, Source: &net.UnixAddr{Name: "@abs", Net: "unixgram"}, Destination: &net.UnixAddr{Net: "unixgram"}}},
	{"v2 unix with paths of full length", v2(1, 0x31, paths(strings.Repeat("a", 108), strings.Repeat("b", 108))), Header{Version: 2, Source: &net.UnixAddr{Name: strings.Repeat("a", 108), Net: "unix"}, Destination: &net.UnixAddr{Name: strings.Repeat("b", 108), Net: "unix"}}},
	{"v2 LOCAL", v2(0, 0x00), Header{Version: 2, Local: true}},
	{"v2 LOCAL with a block and a family that is ignored", v2(0, 0x99, []byte("anything")), Header{Version: 2, Local: true}},
	{"v2 UNSPEC", v2(1, 0x00, tlv(TypeAuthority, "a")), Header{Version: 2}},
	{"v2 UNSPEC protocol of a known family", v2(1, 0x10, inet), Header{Version: 2}},
	{"v2 with TLVs", v2(1, 0x11, inet, tlv(TypeALPN, "h2"), tlv(TypeNoop, "pad"), tlv(0xE5, ""), tlv(TypeAuthority, "example.org")),
		Header{Version: 2, Source: addr("192.0.2.1", 1025), Destination: addr("198.51.100.2", 443), TLVs: []TLV{{TypeALPN, []byte("h2")}, {0xE5, []byte{}}, {TypeAuthority, []byte("example.org")}}}},
}

func TestValidHeadersAreRead(t *testing.T) {
	for _, test := range validHeaders {
		t.Run(test.name, func(t *testing.T) {
			for _, after := range []string{"", "GET / HTTP/1.1\r\n"} {
				h, size, err := Parse(append(bytes.Clone(test.header), after...))
				if err != nil || size != len(test.header) {
					t.Fatalf("Parse: %d bytes, %v, want %d", size, err, len(test.header))
				}
				if !sameAddr(h.Source, test.want.Source) || !sameAddr(h.Destination, test.want.Destination) {
					t.Errorf("from %v to %v, want from %v to %v", h.Source, h.Destination, test.want.Source, test.want.Destination)
				}
				got := *h
				got.Source, got.Destination = test.want.Source, test.want.Destination
				if !reflect.DeepEqual(got, test.want) {
					t.Errorf("the header is %+v, want %+v", got, test.want)
				}
			}
		})
	}
}

func sameAddr(a, b net.Addr) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return a.Network() == b.Network() && a.String() == b.String()
}

func TestAHeaderIsIncompleteUntilItsLastByte(t *testing.T) {
	for _, test := range validHeaders {
		for n := range test.header {
			h, size, err := Parse(test.header[:n])
			if !errors.Is(err, ErrIncomplete) || h != nil || size <= n || size > len(test.header) {
				t.Fatalf("%s: after %d bytes of %d Parse returns %v, %d, %v, want ErrIncomplete and how many it needs", test.name, n, len(test.header), h, size, err)
			}
		}
	}
}

func TestWhatIsNoHeaderIsFoundOutAtItsFirstOtherByte(t *testing.T) {
	for _, b := range []string{"G", "GET / HTTP/1.1\r\n", "PROPFIND / HTTP/1.1\r\n", "PROXYTCP4", "\r\nGET", "\r\n\r\n\x00\r\nQUIT\r", "\x16\x03\x01", "proxy TCP4"} {
		if _, _, err := Parse([]byte(b)); !errors.Is(err, ErrNoHeader) {
			t.Errorf("Parse(%q): %v, want ErrNoHeader", b, err)
		}
	}
}

func TestInvalidHeadersAreRefused(t *testing.T) {
	long := strings.Repeat("x", 200)
	withSum := summed(v2(1, 0x11, inet, tlv(TypeCRC32C, noSum)))
	broken := bytes.Clone(withSum)
	broken[16]++
	sslShort, sslOdd := tlv(TypeSSL, "\x01\x00\x00\x00"), tlv(TypeSSL, "\x01\x00\x00\x00\x00\x21\x00\x09TLSv1.3")
	for name, header := range map[string][]byte{
		"v1 longer than 107 bytes":          []byte("PROXY UNKNOWN " + long + "\r\n"),
		"v1 of 108 bytes":                   []byte("PROXY UNKNOWN " + long[:92] + "\r\n"),
		"v1 protocol":                       []byte("PROXY UDP4 192.0.2.1 198.51.100.2 1 2\r\n"),
		"v1 protocol in lower case":         []byte("PROXY tcp4 192.0.2.1 198.51.100.2 1 2\r\n"),
		"v1 without a protocol":             []byte("PROXY \r\n"),
		"v1 without addresses":              []byte("PROXY TCP4\r\n"),
		"v1 without ports":                  []byte("PROXY TCP4 192.0.2.1 198.51.100.2\r\n"),
		"v1 with two spaces":                []byte("PROXY TCP4  192.0.2.1 198.51.100.2 1 2\r\n"),
		"v1 with a space at the end":        []byte("PROXY TCP4 192.0.2.1 198.51.100.2 1 2 \r\n"),
		"v1 with a tab":                     []byte("PROXY TCP4 192.0.2.1\t198.51.100.2 1 2\r\n"),
		"v1 with a field too many":          []byte("PROXY TCP4 192.0.2.1 198.51.100.2 1 2 3\r\n"),
		"v1 with a leading zero":            []byte("PROXY TCP4 192.0.2.01 198.51.100.2 1 2\r\n"),
		"v1 with an octet beyond 255":       []byte("PROXY TCP4 192.0.2.256 198.51.100.2 1 2\r\n"),
		"v1 with three octets":              []byte("PROXY TCP4 192.0.2 198.51.100.2 1 2\r\n"),
		"v1 IPv6 as TCP4":                   []byte("PROXY TCP4 ::1 ::1 1 2\r\n"),
		"v1 IPv4 as TCP6":                   []byte("PROXY TCP6 192.0.2.1 198.51.100.2 1 2\r\n"),
		"v1 families mixed":                 []byte("PROXY TCP6 ::1 192.0.2.1 1 2\r\n"),
		"v1 with a zone":                    []byte("PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n"),
		"v1 in brackets":                    []byte("PROXY TCP6 [::1] [::1] 1 2\r\n"),
		"v1 port beyond 65535":              []byte("PROXY TCP4 192.0.2.1 198.51.100.2 65536 2\r\n"),
		"v1 port with a zero":               []byte("PROXY TCP4 192.0.2.1 198.51.100.2 01 2\r\n"),
		"v1 port with a sign":               []byte("PROXY TCP4 192.0.2.1 198.51.100.2 +1 2\r\n"),
		"v1 port negative":                  []byte("PROXY TCP4 192.0.2.1 198.51.100.2 -1 2\r\n"),
		"v1 port hexadecimal":               []byte("PROXY TCP4 192.0.2.1 198.51.100.2 0x1 2\r\n"),
		"v1 port empty":                     []byte("PROXY TCP4 192.0.2.1 198.51.100.2  2\r\n"),
		"v1 ended by a line feed":           []byte("PROXY TCP4 192.0.2.1 198.51.100.2 1 2\nGET / HTTP/1.1\r\n"),
		"v1 ended by a carriage return":     []byte("PROXY TCP4 192.0.2.1 198.51.100.2 1 2\rGET / HTTP/1.1\r\n"),
		"v2 version 1":                      append([]byte(v2Signature), 0x11),
		"v2 version 3":                      append([]byte(v2Signature), 0x31),
		"v2 command 2":                      append([]byte(v2Signature), 0x22),
		"v2 command 15":                     append([]byte(v2Signature), 0x2f),
		"v2 family 4":                       v2(1, 0x41, inet),
		"v2 protocol 3":                     v2(1, 0x13, inet),
		"v2 family 15 without a protocol":   v2(1, 0xf0),
		"v2 IPv4 too short":                 v2(1, 0x11, inet[:11]),
		"v2 IPv4 without a block":           v2(1, 0x11),
		"v2 IPv6 too short":                 v2(1, 0x21, inet6[:35]),
		"v2 unix too short":                 v2(1, 0x31, make([]byte, 215)),
		"v2 one byte of a TLV":              v2(1, 0x11, inet, []byte{1}),
		"v2 two bytes of a TLV":             v2(1, 0x11, inet, []byte{1, 0}),
		"v2 TLV beyond the header":          v2(1, 0x11, inet, []byte{1, 0, 2, 'h'}),
		"v2 TLV beyond, after one":          v2(1, 0x11, inet, tlv(1, "h2"), []byte{2, 0xff, 0xff}),
		"v2 unique id too long":             v2(1, 0x11, inet, tlv(TypeUniqueID, long[:129])),
		"v2 SSL too short":                  v2(1, 0x11, inet, sslShort),
		"v2 SSL with a broken TLV":          v2(1, 0x11, inet, sslOdd),
		"v2 checksum of another header":     broken,
		"v2 checksum of zeros":              v2(1, 0x11, inet, tlv(TypeCRC32C, noSum)),
		"v2 checksum of three bytes":        v2(1, 0x11, inet, tlv(TypeCRC32C, "abc")),
		"v2 with a checksum and one bit up": func() []byte { b := bytes.Clone(withSum); b[13] ^= 3; return b }(),
	} {
		t.Run(name, func(t *testing.T) {
			h, _, err := Parse(header)
			if h != nil || !errors.Is(err, ErrInvalid) {
				t.Errorf("Parse: %+v, %v, want ErrInvalid", h, err)
			}
		})
	}
}

func TestTheChecksumIsThatOfTheWholeHeader(t *testing.T) {
	for name, header := range map[string][]byte{
		"at the end": summed(v2(1, 0x11, inet, tlv(TypeAuthority, "example.org"), tlv(TypeCRC32C, noSum))),
		"alone":      summed(v2(1, 0x21, inet6, tlv(TypeCRC32C, noSum))),
	} {
		if _, _, err := Parse(append(header, "GET / HTTP/1.1"...)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for i := range header {
			if i == len(header)-7 {
				continue // the type of the checksum's own TLV: it is another then
			}
			bad := bytes.Clone(header)
			bad[i] ^= 0x10
			if h, _, err := Parse(bad); err == nil && h.Source != nil {
				t.Errorf("%s: with bit 4 of byte %d turned over it is still read as %+v", name, i, h)
			}
		}
	}
	// In the midst: the checksum's own place counts as zeros wherever it is.
	b := v2(1, 0x11, inet, tlv(TypeCRC32C, noSum), tlv(TypeAuthority, "example.org"))
	at := v2Fixed + len(inet) + 3
	binary.BigEndian.PutUint32(b[at:], crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)))
	h, _, err := Parse(b)
	if err != nil || h.Authority() != "example.org" {
		t.Errorf("in the midst: %v", err)
	}
}

func TestASecondChecksumIsRefused(t *testing.T) {
	_, _, err := Parse(v2(1, 0x11, inet, tlv(TypeCRC32C, noSum), tlv(TypeCRC32C, noSum)))
	if !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), "two checksums") {
		t.Errorf("Parse: %v, want it to say that there are two", err)
	}
}

func TestAdditionsAreRead(t *testing.T) {
	ssl := "\x03\x00\x00\x00\x00" + string(tlv(0x21, "TLSv1.3")) + string(tlv(0x22, "client")) + string(tlv(0x23, "TLS_AES_128_GCM_SHA256")) + string(tlv(0x24, "SHA256")) + string(tlv(0x25, "RSA2048")) + string(tlv(0x7f, "later"))
	h, _, err := Parse(v2(1, 0x11, inet, tlv(TypeALPN, "http/1.1"), tlv(TypeAuthority, "example.org"), tlv(TypeUniqueID, "\x00id"),
		tlv(TypeSSL, ssl), tlv(TypeNetNS, "blue"), tlv(TypeAWS, "\x01vpce-1")))
	if err != nil {
		t.Fatal(err)
	}
	if h.ALPN() != "http/1.1" || h.Authority() != "example.org" || string(h.UniqueID()) != "\x00id" || h.NetNS() != "blue" || h.VPCEndpoint() != "vpce-1" {
		t.Errorf("ALPN %q, authority %q, id %q, namespace %q, VPC endpoint %q", h.ALPN(), h.Authority(), h.UniqueID(), h.NetNS(), h.VPCEndpoint())
	}
	want := SSL{TLS: true, CertificateOnConnection: true, Version: "TLSv1.3", CommonName: "client", Cipher: "TLS_AES_128_GCM_SHA256", SignatureAlgorithm: "SHA256", KeyAlgorithm: "RSA2048"}
	if s, ok := h.SSL(); !ok || s != want || !s.Verified() {
		t.Errorf("SSL is %+v, %v, want %+v", s, ok, want)
	}
	none := &Header{}
	if _, ok := none.SSL(); ok || none.Authority() != "" || none.UniqueID() != nil || none.VPCEndpoint() != "" {
		t.Error("a header without additions has some")
	}
}

func TestOnlyACertificateThatWasShownIsVerified(t *testing.T) {
	for name, s := range map[string]SSL{
		"none was shown":    {TLS: true},
		"a fault was found": {TLS: true, CertificateOnConnection: true, Verify: 18},
		"there was no TLS":  {CertificateInSession: true},
	} {
		if s.Verified() {
			t.Errorf("%s, and it is verified", name)
		}
	}
	if !(SSL{TLS: true, CertificateInSession: true}).Verified() {
		t.Error("one of the session is not verified")
	}
}
