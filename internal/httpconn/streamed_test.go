package httpconn

import (
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/lannerhq/lanner/internal/http2"
	"github.com/lannerhq/lanner/internal/http3"
	"github.com/lannerhq/lanner/internal/httpcommon"
)

func TestWhatEndsAnExchangeHasOneNameWhateverTheVersion(t *testing.T) {
	ep := new(Endpoint)
	r := &streamed{c: &conn{m: new(Manager), endpoint: ep}}
	for _, tt := range []struct {
		err  error
		want string
	}{
		{nil, ""},
		{httpcommon.ErrBodyTooLarge, httpcommon.ErrBodyTooLarge.Reason},
		{httpcommon.ErrResponseTooSlow, reasonSlow},
		{&http2.ResetError{Code: http2.Cancel, Remote: true}, reasonReset},
		{&http3.ResetError{Code: http3.RequestCancelled, Remote: true}, reasonReset},
		{&http3.LostError{Cause: errors.New("lost")}, reasonReset},
		{&http2.ResetError{Code: http2.NoError}, ""},
		{&http3.ResetError{Code: http3.NoError}, ""},
		{&http2.ResetError{Code: http2.InternalError}, reasonAborted},
		{&http3.ResetError{Code: http3.InternalError}, reasonAborted},
		{httpcommon.ErrTooFewBytes, reasonLength},
		{errTooOld, reasonTimeout},
		{fmt.Errorf("writing: %w", os.ErrDeadlineExceeded), reasonCanceled},
		{httpcommon.ErrRequestAborted, reasonAborted},
		{errPanicked, reasonStarted},
	} {
		if got := r.reasonOf(tt.err); got != tt.want {
			t.Errorf("%v: %q, want %q", tt.err, got, tt.want)
		}
	}
	ep.aborted.Store(true)
	if got := r.reasonOf(errPanicked); got != reasonShutdown {
		t.Errorf("when the endpoint is aborted: %q, want %q", got, reasonShutdown)
	}
}
