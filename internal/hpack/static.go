package hpack

// staticCount is the number of entries of the static table; the dynamic table's indices follow (RFC 7541 §2.3.3).
const staticCount = 61

// staticTable is RFC 7541 Appendix A; index 0 is not used.
var staticTable = func() (t [staticCount + 1]Field) {
	for i, f := range [...][2]string{
		{":authority"}, {":method", "GET"}, {":method", "POST"}, {":path", "/"}, {":path", "/index.html"}, {":scheme", "http"},
		{":scheme", "https"}, {":status", "200"}, {":status", "204"}, {":status", "206"}, {":status", "304"}, {":status", "400"},
		{":status", "404"}, {":status", "500"}, {"accept-charset"}, {"accept-encoding", "gzip, deflate"}, {"accept-language"},
		{"accept-ranges"}, {"accept"}, {"access-control-allow-origin"}, {"age"}, {"allow"}, {"authorization"}, {"cache-control"},
		{"content-disposition"}, {"content-encoding"}, {"content-language"}, {"content-length"}, {"content-location"},
		{"content-range"}, {"content-type"}, {"cookie"}, {"date"}, {"etag"}, {"expect"}, {"expires"}, {"from"}, {"host"},
		{"if-match"}, {"if-modified-since"}, {"if-none-match"}, {"if-range"}, {"if-unmodified-since"}, {"last-modified"}, {"link"},
		{"location"}, {"max-forwards"}, {"proxy-authenticate"}, {"proxy-authorization"}, {"range"}, {"referer"}, {"refresh"},
		{"retry-after"}, {"server"}, {"set-cookie"}, {"strict-transport-security"}, {"transfer-encoding"}, {"user-agent"},
		{"vary"}, {"via"}, {"www-authenticate"},
	} {
		t[i+1] = Field{Name: f[0], Value: f[1], Index: uint8(i + 1), Static: true}
	}
	return t
}()
