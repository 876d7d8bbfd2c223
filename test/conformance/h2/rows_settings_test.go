package h2

import (
	"maps"
	"strings"

	"golang.org/x/net/http2"
)

func setting(id http2.SettingID, value uint32) http2.Setting {
	return http2.Setting{ID: id, Val: value}
}

// wantSettings wants the server to begin with these settings and that connection window.
func (r *run) wantSettings(w *wire, want map[http2.SettingID]uint32, connection uint64) {
	r.Helper()
	got := map[http2.SettingID]uint32{}
	for _, s := range w.settings {
		if _, twice := got[s.ID]; twice {
			r.Errorf("%v is sent twice", s.ID)
		}
		got[s.ID] = s.Val
	}
	if !maps.Equal(got, want) {
		r.Errorf("the server's settings are %v, want %v", got, want)
	}
	w.barrier()
	if got := initialWindow + w.updates[0]; got != connection {
		r.Errorf("the connection's window is %d, want %d", got, connection)
	}
}

// settingsWith is a variant that sends SETTINGS with one parameter.
func settingsWith(s http2.Setting) func(*wire) {
	return func(w *wire) { w.sendSettings(s) }
}

// SETTINGS and PING: RFC 9113 §6.5, §6.7.
var settingsScenarios = map[string]func(*run){
	"SETTINGS_KestrelDefaults_Sent": func(r *run) {
		r.wantSettings(r.open(quiet), map[http2.SettingID]uint32{3: 100, 4: 786432, 6: 32768, 8: 1}, 1048576)
	},
	"SETTINGS_Custom_Sent": func(r *run) {
		r.config.limits.MaxRequestHeadersTotalSize = 20000
		r.config.http2 = http2Limits{MaxStreamsPerConnection: 7, HeaderTableSize: 2048, MaxFrameSize: 32768,
			InitialConnectionWindowSize: 200_000, InitialStreamWindowSize: 100_000}
		r.wantSettings(r.open(quiet), map[http2.SettingID]uint32{1: 2048, 3: 7, 4: 100_000, 5: 32768, 6: 20000, 8: 1}, 200_000)
	},
	"SETTINGS_Received_Sends_ACK": func(r *run) {
		w := r.open(quiet) // which waits for the first
		w.sendSettings(setting(http2.SettingEnablePush, 0))
		w.until("the second acknowledgement", func() bool { return w.acks == 2 })
	},
	"SETTINGS_ACK_Received_DoesNotSend_ACK": func(r *run) {
		w := r.open(quiet) // which acknowledges the server's, too
		w.frame(http2.FrameSettings, http2.FlagSettingsAck, 0, nil)
		w.barrier()
		if w.acks != 1 {
			r.Errorf("the server acknowledged %d times, want 1", w.acks)
		}
	},
	"SETTINGS_Received_InvalidParameterValue_ConnectionError": func(r *run) {
		r.variants(quiet,
			settingsWith(setting(http2.SettingEnablePush, 2)),
			settingsWith(setting(http2.SettingEnablePush, 1<<32-1)),
			settingsWith(setting(http2.SettingInitialWindowSize, 1<<31)),
			settingsWith(setting(http2.SettingInitialWindowSize, 1<<32-1)),
			settingsWith(setting(http2.SettingMaxFrameSize, 0)),
			settingsWith(setting(http2.SettingMaxFrameSize, 1<<14-1)),
			settingsWith(setting(http2.SettingMaxFrameSize, 1<<24)),
			settingsWith(setting(http2.SettingMaxFrameSize, 1<<32-1)))
	},
	"SETTINGS_Received_WithACK_LengthNotZero_ConnectionError": func(r *run) {
		ack := func(n int) func(*wire) {
			return func(w *wire) { w.frame(http2.FrameSettings, http2.FlagSettingsAck, 0, make([]byte, n)) }
		}
		r.variants(quiet, ack(1), ack(6))
	},
	"SETTINGS_Received_LengthNotMultipleOfSix_ConnectionError": func(r *run) {
		some := func(n int) func(*wire) {
			return func(w *wire) { w.frame(http2.FrameSettings, 0, 0, make([]byte, n)) }
		}
		r.variants(quiet, some(1), some(5), some(7))
	},
	"SETTINGS_Received_ChangesAllowedResponseMaxFrameSize": func(r *run) {
		r.config.http2.MaxFrameSize = 2 * defaultFrameSize
		if got := r.largestFrame(2 * defaultFrameSize); got <= defaultFrameSize {
			r.Errorf("the largest frame has %d bytes, although client and server allow %d", got, 2*defaultFrameSize)
		}
	},
	"SETTINGS_Received_ClientMaxFrameSizeCannotExceedServerMaxFrameSize": func(r *run) {
		if got := r.largestFrame(4 * defaultFrameSize); got > defaultFrameSize {
			r.Errorf("the largest frame has %d bytes; the server's own limit is %d", got, defaultFrameSize)
		}
	},
	"SETTINGS_Received_ChangesHeaderTableSize": func(r *run) {
		w := r.open(hello)
		w.headers(1, true, get("/"))
		w.expectBody(1, "hello, world")
		w.sendSettings(setting(http2.SettingHeaderTableSize, 1024))
		w.until("the acknowledgement", func() bool { return w.acks == 2 })
		w.decoder.SetAllowedMaxDynamicTableSize(1024)
		w.headers(3, true, get("/"))
		e := w.expectStatus(3, 200)
		// RFC 7541 §4.2: the change of size MUST occur at the beginning of the first header block that follows.
		if e.block[0]&0xe0 != 0x20 {
			r.Errorf("the header block %x does not begin with a dynamic table size update", e.block)
		}
		w.expectRest(3)
		w.headers(5, true, get("/"))
		w.expectBody(5, "hello, world")
	},
	"PING_Received_SendsACK": func(r *run) { r.open(quiet).barrier() },
	"PING_Received_WithACK_DoesNotSendACK": func(r *run) {
		w := r.open(quiet)
		w.frame(http2.FramePing, http2.FlagPingAck, 0, []byte("not sent"))
		w.expectNothing(0)
	},
}

// largestFrame makes the server send much to a client that allows frames of that size, and returns the size of the largest.
func (r *run) largestFrame(allowed uint32) (largest int) {
	r.Helper()
	const n = 64 << 10
	w := r.open(r.writes(n), setting(http2.SettingMaxFrameSize, allowed), setting(http2.SettingInitialWindowSize, 1<<20))
	w.grant(0, 1<<20)
	w.headers(1, true, get("/"))
	w.expectStatus(1, 200)
	var body strings.Builder
	for {
		e := w.expectData(1)
		largest = max(largest, e.length)
		body.WriteString(e.data)
		if e.endStream() {
			break
		}
	}
	if body.Len() != n {
		r.Errorf("%d bytes came, want %d", body.Len(), n)
	}
	return largest
}
