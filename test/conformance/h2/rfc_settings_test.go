package h2

import "golang.org/x/net/http2"

const unknownSetting = http2.SettingID(0xfabc)

// settled is a case in which the client's settings are accepted and a request is answered.
func settled(settings ...http2.Setting) func(*run) {
	return func(r *run) {
		w := r.open(hello, settings...)
		w.headers(1, true, get("/"))
		w.expectBody(1, "hello, world")
	}
}

// SETTINGS at their bounds.
var rfcSettingsCases = []rfcCase{
	{"The least settings are accepted", "RFC 9113 §6.5.2", func(r *run) {
		w := r.open(quiet, setting(http2.SettingHeaderTableSize, 0), setting(http2.SettingEnablePush, 0), setting(http2.SettingMaxConcurrentStreams, 0),
			setting(http2.SettingInitialWindowSize, 0), setting(http2.SettingMaxFrameSize, 1<<14))
		w.headers(1, true, get("/"))
		w.expectResponse(1, 200)
	}},
	{"The greatest settings are accepted", "RFC 9113 §6.5.2", settled(setting(http2.SettingHeaderTableSize, 1<<32-1), setting(http2.SettingEnablePush, 1),
		setting(http2.SettingMaxConcurrentStreams, 1<<32-1), setting(http2.SettingInitialWindowSize, maxWindow),
		setting(http2.SettingMaxFrameSize, 1<<24-1), setting(http2.SettingMaxHeaderListSize, 1<<32-1))},
	{"Unknown settings are ignored", "RFC 9113 §6.5.2", settled(setting(unknownSetting, 1), setting(0, 7), setting(0xffff, 1<<32-1))},
	{"A client may say that it does without the old priorities", "RFC 9218 §2.1", settled(setting(9, 1))},
	{"A client's ENABLE_CONNECT_PROTOCOL has no effect", "RFC 8441 §3", settled(setting(8, 1))},
	{"A setting that comes twice has its last value", "RFC 9113 §6.5.3", func(r *run) {
		w := r.open(hello, setting(http2.SettingInitialWindowSize, 0), setting(http2.SettingInitialWindowSize, 5))
		w.headers(1, true, get("/"))
		w.expectStatus(1, 200)
		w.expectBytes(1, 5)
		w.expectNothing(1)
		w.grant(1, 100)
		w.expectRest(1)
	}},
	{"Each SETTINGS is acknowledged once", "RFC 9113 §6.5.3", func(r *run) {
		w := r.open(quiet)
		for range 50 {
			w.sendSettings()
		}
		w.barrier()
		if w.acks != 51 {
			r.Errorf("%d acknowledgements came, want 51", w.acks)
		}
	}},
	{"Without a table the server's header blocks refer to none", "RFC 7541 §4.2", func(r *run) {
		w := r.open(describe, setting(http2.SettingHeaderTableSize, 0))
		w.decoder.SetAllowedMaxDynamicTableSize(0) // which makes references errors, once the size is signalled
		for stream := uint32(1); stream < 9; stream += 2 {
			w.headers(stream, true, get("/"))
			w.expectDescribed(stream)
		}
	}},
	{"A table that shrinks and grows again is signalled", "RFC 7541 §4.2", func(r *run) {
		w := r.open(hello)
		w.headers(1, true, get("/"))
		w.expectBody(1, "hello, world")
		for i, size := range []uint32{0, 4096} {
			w.sendSettings(setting(http2.SettingHeaderTableSize, size))
			w.until("the acknowledgement", func() bool { return w.acks == 2+i })
		}
		w.headers(3, true, get("/"))
		e := w.expectStatus(3, 200)
		if e.block[0] != 0x20 { // the smallest size of the interval comes first
			r.Errorf("the header block %x does not begin with a size update to 0", e.block)
		}
		w.expectRest(3)
	}},
}
