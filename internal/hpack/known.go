package hpack

// knownNames are the names that the encoder has an opinion of: those of the static table, and those below. Index 0 is none.
//
// What repeats over the responses of a connection goes into the dynamic table: what says who answers (server, via,
// x-powered-by), what the content is (content-type, content-encoding, vary), how long it lives (cache-control, pragma,
// expires), what browsers are told about security and origins, and date, which is new once a second at most. What
// differs with each resource (content-length, etag, last-modified, location, link, content-disposition, set-cookie) would
// only push that out.
var knownNames = func() (names [1 + 79]knownName) {
	n := 0
	for i := 1; i <= staticCount; i++ {
		if name := staticTable[i].Name; names[n].name != name {
			n++
			names[n] = knownName{name: name, static: uint8(i)}
		}
		names[n].alike++
	}
	for _, set := range []struct {
		values uint8
		names  []string
	}{
		{4, []string{"content-type"}},
		{3, []string{"cache-control", "trailer"}},
		{2, []string{"vary", "content-encoding", "content-language", "access-control-allow-origin", "content-security-policy",
			"grpc-status"}},
		{1, []string{"accept-ranges", "date", "expires", "server", "strict-transport-security", "via",
			"access-control-allow-credentials", "access-control-allow-headers", "access-control-allow-methods",
			"access-control-expose-headers", "access-control-max-age", "alt-svc", "cross-origin-embedder-policy",
			"cross-origin-opener-policy", "cross-origin-resource-policy", "grpc-accept-encoding", "grpc-encoding", "nel",
			"permissions-policy", "pragma", "referrer-policy", "report-to", "timing-allow-origin", "x-content-type-options",
			"x-dns-prefetch-control", "x-frame-options", "x-powered-by", "x-robots-tag", "x-ua-compatible", "x-xss-protection"}},
	} {
		for _, name := range set.names {
			i := 1
			for i <= n && names[i].name != name {
				i++
			}
			n = max(n, i)
			names[i].name, names[i].values = name, set.values
		}
	}
	for i := range names {
		switch names[i].name {
		case "authorization", "cookie", "proxy-authorization", "set-cookie":
			names[i].secret = true
		}
	}
	return names
}()

type knownName struct {
	name   string
	static uint8 // the first index in the static table, or 0
	alike  uint8 // how many entries there have the name
	values uint8 // how many values are remembered; 0 for a name that does not enter the dynamic table
	secret bool  // never indexed, by anybody (RFC 7541 §7.1.3)
}

// knownByHash finds a name's place in knownNames. The multiplier of nameHash was searched so that no two names collide.
var knownByHash = func() (table [256]uint8) {
	for i := 1; i < len(knownNames) && knownNames[i].name != ""; i++ {
		table[nameHash(knownNames[i].name)] = uint8(i)
	}
	return table
}()

// nameHash is of a name's length and three of its characters, and the same for both cases.
func nameHash(name string) uint8 {
	n := len(name)
	key := uint32(n) | uint32(name[0])<<8 | uint32(name[n/2])<<16 | uint32(name[n*3/4])<<24
	return uint8((key | 0x20202000) * 0x741d6d91 >> 24)
}

// lookup returns the index in knownNames of a name in any case, or 0.
func lookup(name string) uint8 {
	if name == "" {
		return 0
	}
	i := knownByHash[nameHash(name)]
	if known := knownNames[i].name; len(known) != len(name) || !equalsLower(name, known) {
		return 0
	}
	return i
}

// equalsLower reports whether name is known, which is in lower case and as long, but for the case.
func equalsLower(name, known string) bool {
	n := len(known)
	if n < 8 {
		for i := range n {
			if lower(name[i]) != known[i] {
				return false
			}
		}
		return true
	}
	for i := 0; i < n-8; i += 8 {
		if lower8(name[i:]) != eight(known[i:]) {
			return false
		}
	}
	return lower8(name[n-8:]) == eight(known[n-8:])
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c |= 0x20
	}
	return c
}

// lower8 is the first eight bytes of s in lower case: bit 7 of each byte of upper says that it is 'A' to 'Z'.
func lower8(s string) uint64 {
	const ones = 0x0101010101010101
	x := eight(s)
	low := x &^ (0x80 * ones)
	upper := (low + (0x80-'A')*ones) &^ (low + (0x80-'Z'-1)*ones) &^ x & (0x80 * ones)
	return x | upper>>2
}

func eight(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}
