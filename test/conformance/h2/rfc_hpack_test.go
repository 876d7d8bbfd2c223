package h2

import (
	"strconv"

	"golang.org/x/net/http2"
)

// asBlock is a case of one request whose header block is these octets.
func asBlock(block string) func(*run) {
	return breaks(func(w *wire) { w.frame(http2.FrameHeaders, endHeaders|endStream, 1, []byte(block)) }, compressionError)
}

// The four pseudo-header fields of a request for / by the static table, with an empty :authority as a literal.
const staticGet = "\x82\x86\x84\x01\x00"

// Header blocks: RFC 7541, and how they are spread over frames.
var rfcHPACKCases = []rfcCase{
	{"A header block may be split anywhere", "RFC 9113 §4.3", func(r *run) {
		w := r.open(describe)
		stream := uint32(1)
		for at := 0; ; at++ {
			block := w.block(get("/", "x-turn", strconv.Itoa(at)))
			if at > len(block) {
				return
			}
			w.frame(http2.FrameHeaders, endStream, stream, block[:at])
			w.frame(http2.FrameContinuation, http2.FlagContinuationEndHeaders, stream, block[at:])
			if got := w.expectDescribed(stream).Header.Get("X-Turn"); got != strconv.Itoa(at) {
				r.Fatalf("split after %d octets, the application sees %q", at, got)
			}
			stream += 2
		}
	}},
	{"A header block may come in frames of one octet", "RFC 9113 §4.3", func(r *run) {
		w := r.open(describe)
		block := w.block(get("/", "x-turn", "bytes"))
		w.frame(http2.FrameHeaders, endStream, 1, nil)
		for i := range block {
			w.frame(http2.FrameContinuation, 0, 1, block[i:i+1])
		}
		w.frame(http2.FrameContinuation, http2.FlagContinuationEndHeaders, 1, nil)
		if got := w.expectDescribed(1).Header.Get("X-Turn"); got != "bytes" {
			r.Errorf("the application sees %q", got)
		}
	}},
	{"Header blocks refer to those before them", "RFC 7541 §2.3.2", func(r *run) {
		w := r.open(describe)
		sizes := []int{}
		for stream := uint32(1); stream < 9; stream += 2 {
			block := w.block(get("/", "x-same", "a value that is in the table from the first request on"))
			sizes = append(sizes, len(block))
			w.frame(http2.FrameHeaders, endHeaders|endStream, stream, block)
			if d := w.expectDescribed(stream); d.Header.Get("X-Same") == "" || d.Host != "test.example" {
				r.Fatalf("the application sees %+v", d)
			}
		}
		if sizes[3] >= sizes[0] {
			r.Fatalf("the client does not refer to its table: header blocks of %v octets", sizes)
		}
	}},
	{"The header block of a stream that is refused is decoded", "RFC 9113 §4.3", func(r *run) {
		r.config.http2.MaxStreamsPerConnection = 1
		w := r.open(byPath(handlers{"/waits": r.waits, "/": describe}))
		w.headers(1, true, get("/waits"))
		r.report("the request")
		w.headers(3, true, get("/", "x-refused", "its entry is in the table"))
		w.expectReset(3, http2.ErrCodeRefusedStream)
		r.release()
		w.expectBody(1, "released")
		w.headers(5, true, get("/", "x-refused", "its entry is in the table"))
		if got := w.expectDescribed(5).Header.Get("X-Refused"); got == "" {
			r.Error("the field that refers to the table is lost")
		}
	}},
	{"The header block of a stream that the client has reset is decoded", "RFC 9113 §4.3", func(r *run) {
		w := r.open(describe)
		w.headers(1, false, post("/", "x-reset", "its entry is in the table"))
		w.reset(1, http2.ErrCodeCancel)
		w.headers(3, true, get("/", "x-reset", "its entry is in the table"))
		if got := w.expectDescribed(3).Header.Get("X-Reset"); got == "" {
			r.Error("the field that refers to the table is lost")
		}
	}},
	{"A size update at the beginning of a header block is accepted", "RFC 7541 §4.2", func(r *run) {
		w := r.open(quiet)
		w.frame(http2.FrameHeaders, endHeaders|endStream, 1, []byte("\x20\x3f\xe1\x1f"+staticGet)) // to 0, then to 4096
		w.expectResponse(1, 200)
	}},
	{"Fields that are never indexed are accepted", "RFC 7541 §6.2.3", func(r *run) {
		w := r.open(describe)
		w.frame(http2.FrameHeaders, endHeaders|endStream, 1, []byte(staticGet+"\x10\x08x-secret\x03key"))
		if got := w.expectDescribed(1).Header.Get("X-Secret"); got != "key" {
			r.Errorf("the application sees %q", got)
		}
	}},
	{"A size update beyond the server's limit is an error", "RFC 7541 §6.3", asBlock("\x3f\xe2\x1f" + staticGet)}, // to 4097
	{"A size update after a field is an error", "RFC 7541 §4.2", asBlock("\x82\x86\x84\x41\x01a\x20")},
	{"The index 0 is an error", "RFC 7541 §6.1", asBlock("\x80")},
	{"An index beyond the tables is an error", "RFC 7541 §2.3.3", asBlock(staticGet + "\xbe")},
	{"A name's index beyond the tables is an error", "RFC 7541 §2.3.3", asBlock(staticGet + "\x7f\x00\x01x")},
	{"A string that is longer than its block is an error", "RFC 7541 §5.2", asBlock(staticGet + "\x00\x05ab")},
	{"A Huffman code with a whole octet of padding is an error", "RFC 7541 §5.2", asBlock(staticGet + "\x00\x01x\x82\x07\xff")},
	{"A Huffman code with padding of zeros is an error", "RFC 7541 §5.2", asBlock(staticGet + "\x00\x01x\x81\x18")},
	{"A Huffman code with the end of string is an error", "RFC 7541 §5.2", asBlock(staticGet + "\x00\x01x\x84\xff\xff\xff\xff")},
	{"An index that no integer holds is an error", "RFC 7541 §5.1", asBlock(staticGet + "\xff\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01")},
}
