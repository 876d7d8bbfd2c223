package http2

import (
	"bytes"
	"strings"
	"testing"

	framing "golang.org/x/net/http2"
)

// What the helpers append is what another implementation reads.
func TestFramesAreRead(t *testing.T) {
	var b []byte
	b = appendRST(b, 3, Cancel)
	b = appendWindowUpdate(b, 0, maxWindow)
	b = appendWindowUpdate(b, maxWindow, 1)
	b = appendGoAway(b, maxWindow, EnhanceYourCalm)
	at := len(b)
	b = appendFrameHead(b, 0, frameSettings, 0, 0)
	b = appendSetting(b, settingMaxFrameSize, maxFrameSize)
	setLength(b, at)
	f := framing.NewFramer(nil, bytes.NewReader(b))
	var got []string
	r := &rig{t: t}
	for {
		x, err := f.ReadFrame()
		if err != nil {
			break
		}
		got = append(got, r.text(x))
	}
	want := "RST_STREAM 3 CANCEL\nWINDOW_UPDATE 0 2147483647\nWINDOW_UPDATE 2147483647 1\nGOAWAY 2147483647 ENHANCE_YOUR_CALM\nSETTINGS 5=16777215"
	if text := strings.Join(got, "\n"); text != want {
		t.Errorf("read\n%s\nwant\n%s", text, want)
	}
}

func TestTheHeadOfAFrameIsReadAsItIsWritten(t *testing.T) {
	for _, f := range []frame{{}, {maxFrameSize, 0xff, 0xff, maxWindow}, {1, frameData, flagPadded, 1}, {0x010203, framePing, flagAck, 0x01020304}} {
		if got := frameHead(appendFrameHead(nil, f.length, f.kind, f.flags, f.stream)); got != f {
			t.Errorf("%+v is read as %+v", f, got)
		}
	}
	if got := frameHead(appendFrameHead(nil, 0, 0, 0, 1<<31|5)); got.stream != 5 {
		t.Errorf("the reserved bit counts: stream %d", got.stream) // RFC 9113 §4.1: it must be ignored
	}
}

func TestPaddingIsTakenOff(t *testing.T) {
	padded := frame{flags: flagPadded}
	for _, tt := range []struct {
		f       frame
		in, out string
		err     *connError
	}{
		{frame{}, "\x05abc", "\x05abc", nil},
		{padded, "\x00abc", "abc", nil},
		{padded, "\x02abc", "a", nil},
		{padded, "\x03abc", "", nil},
		{padded, "\x04abc", "", errPadding},
		{padded, "\x00", "", nil},
		{padded, "\x01", "", errPadding},
		{padded, "", "", errFrameLength},
	} {
		out, err := unpadded(&tt.f, []byte(tt.in))
		if string(out) != tt.out || err != tt.err {
			t.Errorf("%q becomes %q, %v, want %q, %v", tt.in, out, err, tt.out, tt.err)
		}
	}
}

func TestErrorCodesHaveNames(t *testing.T) {
	for code, want := range map[ErrCode]string{NoError: "NO_ERROR", EnhanceYourCalm: "ENHANCE_YOUR_CALM", HTTP11Required: "HTTP_1_1_REQUIRED", 0xe: "0xe", 0xffffffff: "0xffffffff"} {
		if code.String() != want {
			t.Errorf("%#x is %q, want %q", uint32(code), code, want)
		}
	}
}
