package httpconn

import (
	"testing"
	"time"
)

func TestLimitsOfHTTP2ThatAreNotSetHaveTheirDefaults(t *testing.T) {
	if got, want := (HTTP2Limits{}).Effective(), (HTTP2Limits{100, 4096, 16384, 32768, 1048576, 786432, 8388608, 6291456, 0, 20 * time.Second}); got != want {
		t.Errorf("the defaults are %+v, want %+v", got, want)
	}
	set := HTTP2Limits{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}
	if got := set.Effective(); got != set {
		t.Errorf("%+v becomes %+v, want it as it is", set, got)
	}
	none := HTTP2Limits{HeaderTableSize: -2, KeepAlivePingDelay: -1, KeepAlivePingTimeout: -1}.Effective()
	if none.HeaderTableSize != 0 || none.KeepAlivePingDelay != 0 || none.KeepAlivePingTimeout != 0 {
		t.Errorf("what is negative becomes %+v, want 0", none)
	}
}

func TestLimitsOfHTTP2AreReplacedByReconfigure(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := serve(t, Config{HTTP2: HTTP2Limits{MaxStreamsPerConnection: 7}}, httpApp(hello))
		before := s.m.engine(s.ep)
		s.m.Reconfigure(Config{HTTP2: HTTP2Limits{MaxStreamsPerConnection: 8}})
		if was, is := before.http2.MaxStreamsPerConnection, s.m.engine(s.ep).http2.MaxStreamsPerConnection; was != 7 || is != 8 {
			t.Errorf("a connection has %d, one that is accepted later %d, want 7 and 8", was, is)
		}
	})
}
