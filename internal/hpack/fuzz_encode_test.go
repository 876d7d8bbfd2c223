package hpack

import (
	"slices"
	"strings"
	"testing"
)

// FuzzEncodedIsReadBackByTheLibrary makes fields and changes of the table's size from the data, one or a few octets each:
//
//	0 to 99      a known name, with one of eight values, some of them in an odd case
//	100 to 119   the name and the value that follow, each behind an octet with its length
//	120 to 129   the same, sensitive
//	130 to 139   a status
//	140 to 149   a content-length
//	150 to 169   the end of the block
//	170 to 255   the end of the block and a change of the table's size; several in a row are one change after the other
func FuzzEncodedIsReadBackByTheLibrary(f *testing.F) {
	f.Add([]byte("\x82\x1e\x21\x8c\x36\x96\x82\x1e\x21\x8c\x36\xb0\xc0\x1e\x21\xff\x1e\xaa\x1e\xfe\x1e\x1e"))
	f.Add([]byte("\x64\x03X-A\x02ab\x78\x0aset-cookie\x03a=b\x64\x00\x00\x96\x64\x03X-A\x02ab"))
	f.Add([]byte(strings.Repeat("\x40\x41\x42\x43\x44\x45\x46\x47\x48\x49\x4a\x4b\x4c\x4d\x4e\x96", 20)))
	f.Fuzz(func(t *testing.T, data []byte) {
		e, p := newEncoder(), newPeer(t)
		block, want := e.Begin(nil), []string(nil)
		add := func(name, value string) {
			block = e.Append(block, name, value)
			secret := slices.Contains([]string{"authorization", "cookie", "proxy-authorization", "set-cookie"}, lowerCase(name))
			want = append(want, line(lowerCase(name), value, secret))
		}
		end := func() {
			p.want(block, want...)
			if ours, theirs := &e.table, &p.ours.table; ours.size != theirs.size || int(ours.inserted-ours.evicted) != theirs.count {
				t.Fatalf("the encoder counts %d entries of %d bytes, the decoder %d of %d",
					ours.inserted-ours.evicted, ours.size, theirs.count, theirs.size)
			}
			block, want = nil, nil
		}
		take := func() (s string) {
			if len(data) > 0 {
				n := min(int(data[0]), len(data)-1)
				s, data = string(data[1:1+n]), data[1+n:]
			}
			return s
		}
		changing := false
		for len(data) > 0 {
			op := data[0]
			data = data[1:]
			if changing && op < 170 {
				block, changing = e.Begin(nil), false
			}
			switch {
			case op < 100:
				name := knownNames[1+int(op)%(len(knownNames)-1)].name
				if op%5 == 0 {
					name = strings.ToUpper(name)
				}
				add(name, values[len(data)%len(values)])
			case op < 120:
				name := take()
				add(name, take())
			case op < 130:
				name := take()
				value := take()
				block = e.AppendSensitive(block, name, value)
				want = append(want, line(lowerCase(name), value, true))
			case op < 140:
				block = e.AppendStatus(block, 100+int(op)*5)
				want = append(want, line(":status", digits(100+int(op)*5), false))
			case op < 150:
				block = e.AppendContentLength(block, int64(op)*int64(len(data)))
				want = append(want, line("content-length", digits(int(op)*len(data)), false))
			case op < 170:
				end()
				block = e.Begin(nil)
			default:
				if !changing {
					end()
				}
				changing = true
				size := sizes[int(op)%len(sizes)]
				e.SetMaxTableSize(size)
			}
		}
		if !changing {
			end()
		}
	})
}

var (
	values = []string{"", "a", "gzip", "gzip, deflate", "Mon, 21 Oct 2013 20:13:21 GMT", strings.Repeat("long", 100), "\x00\xff\\",
		strings.Repeat("0", 3000)}
	sizes = []uint32{0, 1, 33, 64, 80, 150, 256, 1000, 2048, 4095, 4096, 4097, 65536, 1<<32 - 1}
)

func lowerCase(name string) string {
	b := []byte(name)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] += 'a' - 'A'
		}
	}
	return string(b)
}

func digits(n int) string {
	if n < 10 {
		return string([]byte{byte('0' + n)})
	}
	return digits(n/10) + digits(n%10)
}
