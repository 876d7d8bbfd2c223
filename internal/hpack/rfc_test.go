package hpack

import (
	"bytes"
	"slices"
	"testing"
)

// vectors are the sequences of header blocks of RFC 7541 Appendix C.2 to C.6, each on a connection of its own.
var vectors = []struct {
	section   string
	tableSize uint32
	blocks    []vector
}{
	{"C.2.1", 4096, []vector{{
		"400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572",
		[]string{`"custom-key": "custom-header"`},
		[]string{"custom-key: custom-header"}, 55,
	}}},
	{"C.2.2", 4096, []vector{{"040c 2f73 616d 706c 652f 7061 7468", []string{`":path": "/sample/path"`}, nil, 0}}},
	{"C.2.3", 4096, []vector{{"1008 7061 7373 776f 7264 0673 6563 7265 74", []string{`"password": "secret" never indexed`}, nil, 0}}},
	{"C.2.4", 4096, []vector{{"82", []string{`":method": "GET"`}, nil, 0}}},
	{"C.3", 4096, []vector{
		{"8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d", request1, requestTable1, 57},
		{"8286 84be 5808 6e6f 2d63 6163 6865", request2, requestTable2, 110},
		{"8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65", request3, requestTable3, 164},
	}},
	{"C.4", 4096, []vector{
		{"8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff", request1, requestTable1, 57},
		{"8286 84be 5886 a8eb 1064 9cbf", request2, requestTable2, 110},
		{"8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf", request3, requestTable3, 164},
	}},
	{"C.5", 256, []vector{
		{`4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 474d 546e
		1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d`, response1, responseTable1, 222},
		{"4803 3330 37c1 c0bf", response2, responseTable2, 222},
		{`88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738 666f 6f3d
		4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572
		7369 6f6e 3d31`, response3, responseTable3, 215},
	}},
	{"C.6", 256, []vector{
		{`4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b
		97c8 e9ae 82ae 43d3`, response1, responseTable1, 222},
		{"4883 640e ffc1 c0bf", response2, responseTable2, 222},
		{`88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 dfdf
		cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07`, response3, responseTable3, 215},
	}},
}

type vector struct {
	block  string
	fields []string
	table  []string // newest first
	size   int
}

const (
	authority = ":authority: www.example.com"
	custom    = "custom-key: custom-value"
	date21    = "date: Mon, 21 Oct 2013 20:13:21 GMT"
	date22    = "date: Mon, 21 Oct 2013 20:13:22 GMT"
	place     = "location: https://www.example.com"
	cookie    = "set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1"
)

var (
	request1 = []string{`":method": "GET"`, `":scheme": "http"`, `":path": "/"`, `":authority": "www.example.com"`}
	request2 = append(slices.Clone(request1), `"cache-control": "no-cache"`)
	request3 = []string{`":method": "GET"`, `":scheme": "https"`, `":path": "/index.html"`, `":authority": "www.example.com"`,
		`"custom-key": "custom-value"`}
	requestTable1 = []string{authority}
	requestTable2 = []string{"cache-control: no-cache", authority}
	requestTable3 = []string{custom, "cache-control: no-cache", authority}

	response1 = []string{`":status": "302"`, `"cache-control": "private"`, `"date": "Mon, 21 Oct 2013 20:13:21 GMT"`,
		`"location": "https://www.example.com"`}
	response2 = []string{`":status": "307"`, `"cache-control": "private"`, `"date": "Mon, 21 Oct 2013 20:13:21 GMT"`,
		`"location": "https://www.example.com"`}
	response3 = []string{`":status": "200"`, `"cache-control": "private"`, `"date": "Mon, 21 Oct 2013 20:13:22 GMT"`,
		`"location": "https://www.example.com"`, `"content-encoding": "gzip"`,
		`"set-cookie": "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1"`}
	responseTable1 = []string{place, date21, "cache-control: private", ":status: 302"}
	responseTable2 = []string{":status: 307", place, date21, "cache-control: private"}
	responseTable3 = []string{cookie, "content-encoding: gzip", date22}
)

func TestTheExamplesOfTheRFCAreDecoded(t *testing.T) {
	for _, sequence := range vectors {
		d := newDecoder(sequence.tableSize)
		for i, v := range sequence.blocks {
			var got collect
			if _, err := d.Decode(unhex(t, v.block), nil, &got); err != nil {
				t.Fatalf("%s, block %d: %v", sequence.section, i+1, err)
			}
			if !slices.Equal(got.lines(), v.fields) {
				t.Errorf("%s, block %d: fields %q, want %q", sequence.section, i+1, got.lines(), v.fields)
			}
			if !slices.Equal(d.table.contents(), v.table) || d.table.size != v.size {
				t.Errorf("%s, block %d: table %q of %d bytes, want %q of %d", sequence.section, i+1, d.table.contents(), d.table.size, v.table, v.size)
			}
		}
	}
}

// RFC 7541 Appendix C.1, and the limits of this implementation.
func TestIntegers(t *testing.T) {
	for _, test := range []struct {
		octets string
		prefix uint
		value  int
		err    error
	}{
		{"0a", 5, 10, nil},
		{"1f9a0a", 5, 1337, nil},
		{"2a", 8, 42, nil},
		{"ff00", 7, 127, nil},
		{"7f81ffff7f", 7, 1 << 28, nil},
		{"7f82ffff7f", 7, 0, ErrInteger},
		{"7fffffffffffffffffff7f", 7, 0, ErrInteger},
		{"7f", 7, 0, ErrTruncated},
		{"7f80", 7, 0, ErrTruncated},
	} {
		octets := unhex(t, test.octets)
		value, rest, err := readInteger(append(octets, 0xaa), test.prefix)
		if test.err == ErrTruncated {
			value, rest, err = readInteger(octets, test.prefix)
		}
		if err != test.err || value != test.value || err == nil && !bytes.Equal(rest, []byte{0xaa}) {
			t.Errorf("%s is read as %d, %v with %x left, want %d, %v", test.octets, value, err, rest, test.value, test.err)
		}
		if test.err == nil {
			flags := octets[0] &^ byte(1<<test.prefix-1)
			if got := appendInteger(nil, flags, test.prefix, test.value); !bytes.Equal(got, octets) {
				t.Errorf("%d is written as %x, want %s", test.value, got, test.octets)
			}
		}
	}
	if value, _, err := readInteger(unhex(t, "ff 80 80 80 80 80 80 80 80 00"), 7); err != nil || value != 127 {
		t.Errorf("nine octets, eight of them leading zeros, are read as %d, %v, want 127", value, err)
	}
	if _, _, err := readInteger(unhex(t, "ff 80 80 80 80 80 80 80 80 80 00"), 7); err != ErrInteger {
		t.Errorf("ten octets are read with error %v, want %v", err, ErrInteger)
	}
}
