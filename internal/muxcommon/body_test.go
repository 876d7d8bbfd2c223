package muxcommon

import (
	"errors"
	"io"
	"testing"
	"time"

	"github.com/lannerhq/lanner/internal/httpcommon"
)

// headWith is the head of a POST with a Content-Length, "" for none, that expects 100 when told.
func headWith(t *testing.T, length string, expects bool) *httpcommon.Head {
	t.Helper()
	head := new(httpcommon.Head)
	var fields httpcommon.Fields
	fields.Begin(head, false, httpcommon.FieldLimits{MaxTotalSize: 1000, MaxCount: 10})
	all := [][2]string{{":method", "POST"}, {":scheme", "http"}, {":path", "/"}}
	if length != "" {
		all = append(all, [2]string{"content-length", length})
	}
	if expects {
		all = append(all, [2]string{"expect", "100-continue"})
	}
	for _, f := range all {
		if bad := fields.Add(f[0], f[1]); bad != nil {
			t.Fatal(bad)
		}
	}
	if bad := head.Finish(&httpcommon.HeadRules{MaxRequestLineSize: 100, Scheme: "http"}, &fields, false); bad != nil {
		t.Fatal(bad)
	}
	return head
}

func TestABodyIsBoundedByWhatItAnnouncesAndByWhatComes(t *testing.T) {
	e := &engine{}
	var b Body
	b.Init(10)
	head := headWith(t, "11", true)
	e.r.Init(e, head, 10)
	for range 2 {
		if err := b.Begin(head, &e.r); err != httpcommon.ErrBodyTooLarge {
			t.Errorf("11 bytes are announced and 10 allowed: %v", err)
		}
	}
	if len(e.sent) != 0 {
		t.Errorf("a body that is refused was asked for: %q", e.sent)
	}
	b.Init(10)
	head = headWith(t, "", true)
	for range 2 {
		if err := b.Begin(head, &e.r); err != nil {
			t.Error(err)
		}
	}
	if len(e.sent) != 1 || e.sent[0] != "100" {
		t.Errorf("sent %q, want one 100 (Continue)", e.sent)
	}
	if b.SetLimit(20) || b.Limit() != 10 {
		t.Error("the limit changes while the body is read")
	}
	if err := errors.Join(b.Took(4), b.Took(6)); err != nil {
		t.Errorf("10 bytes are allowed: %v", err)
	}
	if err := b.Took(1); err != httpcommon.ErrBodyTooLarge || b.Begin(head, &e.r) != err || !b.failed() {
		t.Errorf("the eleventh: %v", err)
	}
	b.Init(10)
	if !b.SetLimit(-1) || b.Limit() != -1 || b.Took(1<<30) != nil {
		t.Error("without a limit there is one")
	}
	if b.End(io.EOF); b.failed() || b.Begin(head, &e.r) != io.EOF {
		t.Error("the end of the content is no failure, and stays the end")
	}
}

func TestTheContentIsHeldToItsLength(t *testing.T) {
	for _, tt := range []struct {
		length   string
		received int64
		whole    bool
		want     *httpcommon.BadRequestError
	}{
		{"", 1 << 40, true, nil},
		{"5", 4, false, nil},
		{"5", 5, true, nil},
		{"5", 6, false, httpcommon.ErrMoreThanLength},
		{"5", 4, true, httpcommon.ErrLessThanLength},
		{"0", 1, true, httpcommon.ErrMoreThanLength},
	} {
		if got := CheckLength(headWith(t, tt.length, false), tt.received, tt.whole); got != tt.want {
			t.Errorf("%d bytes of %q, whole %v: %v, want %v", tt.received, tt.length, tt.whole, got, tt.want)
		}
	}
}

func TestABudgetIsUsedUpAndComesBack(t *testing.T) {
	a := &Allowance{"x", 3, 2}
	var b Budget
	b.Refill(a, time.Hour) // a full one does not become more
	for i := range 3 {
		if !b.Spend(a) {
			t.Errorf("the burst is over after %d", i)
		}
	}
	if b.Spend(a) {
		t.Error("a fourth at once is allowed")
	}
	if b.Refill(a, time.Second); !b.Spend(a) || b.Spend(a) {
		t.Error("two of four spent come back in a second, want room for one more")
	}
	if b.Refill(a, time.Hour); b != 0 {
		t.Errorf("%d are spent after an hour, want none", b)
	}
}

type code int

func (c code) String() string  { return "CODE" }
func (c code) IsNoError() bool { return c == 0 }

func TestAResetByTheClientIsALostClient(t *testing.T) {
	remote, ours := &ResetError{Code: code(1), Remote: true}, &ResetError{Code: code(1)}
	if !errors.Is(remote, httpcommon.ErrClientDisconnected) || errors.Is(ours, httpcommon.ErrClientDisconnected) {
		t.Error("want the client's reset alone to be ErrClientDisconnected")
	}
	if got := remote.Error() + "; " + ours.Error(); got != "the client has reset the stream: CODE; the stream was reset: CODE" {
		t.Errorf("the errors are %q", got)
	}
}
