//go:build unix

package handover

import (
	"errors"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// part is bytes that one write puts on the socket, with so many descriptors.
type part struct {
	bytes       []byte
	descriptors int
}

func TestABrokenRuleEndsTheChannelAndLeaksNothing(t *testing.T) {
	returned := strings.Repeat("\x00", 20)
	newer := Version{Current.Major, Current.Minor + 1}
	hello := part{frameOf(Current, KindHello, 0, `{}`), 0}
	tests := []struct {
		why   string
		side  Side
		parts []part
		want  string
	}{
		{"a frame announces a descriptor and has none", Host,
			[]part{{frameOf(Current, KindReturn, flagDescriptor, returned), 0}}, "none came"},
		{"a descriptor comes with a frame that does not announce it", Host,
			[]part{{frameOf(Current, KindPong, 0, `{}`), 1}}, "no frame announced"},
		{"a descriptor comes with a large frame that does not announce it", Host,
			[]part{{frameOf(Current, KindFailed, 0, `{"reason":"`+strings.Repeat("x", 9000)+`"}`), 1}}, "no frame announced"},
		{"two descriptors with one frame", Host,
			[]part{{frameOf(Current, KindReturn, flagDescriptor, returned), 2}}, "2 descriptors"},
		{"more descriptors than fit", Host,
			[]part{{frameOf(Current, KindReturn, flagDescriptor, returned), 200}}, "lost on its way"},
		{"a descriptor in the middle of a payload", Host,
			[]part{{frameOf(Current, KindFailed, 0, strings.Repeat("x", 9000))[:5000], 0}, {[]byte("xxxx"), 1}}, "middle of a frame"},
		{"a second descriptor in the middle of a frame", Host,
			[]part{{frameOf(Current, KindReturn, flagDescriptor, returned)[:10], 1}, {[]byte("xxxx"), 1}}, "middle of a frame"},
		{"a message that needs a descriptor comes without", Host,
			[]part{{frameOf(Current, KindReturn, 0, returned), 0}}, "without its descriptor"},
		{"a message that has no descriptor comes with one", Host,
			[]part{{frameOf(Current, KindPong, flagDescriptor, `{}`), 1}}, "with a descriptor"},
		{"a question for a signature without a key", Host,
			[]part{{frameOf(Current, KindSign, 0, strings.Repeat("\x00", 7)+"\x01"+strings.Repeat("\x00", 13)+"\x01x"), 0}}, "needs a number"},
		{"a connection with a handshake to come, and bytes that were read", Worker,
			[]part{hello, {frameOf(Current, KindConn, flagDescriptor, strings.Repeat("\x00", 7)+"\x01"+strings.Repeat("\x00", 13)+"\x00\x00\x00\x01x\x00\x00\x00\x00\x00\x00\x00\x01"), 1}}, "nothing that was read"},
		{"an oversize frame", Host,
			[]part{{[]byte{Current.Major, Current.Minor, byte(KindPong), 0, 0, 4, 0, 0}, 0}}, "announces 262144 bytes"},
		{"an oversize frame with a descriptor", Host,
			[]part{{[]byte{Current.Major, Current.Minor, byte(KindReturn), flagDescriptor, 255, 255, 255, 255}, 1}}, "announces"},
		{"an unknown flag", Host,
			[]part{{frameOf(Current, KindPong, 2, `{}`), 0}}, "unknown flags"},
		{"an unknown message of our own version", Host,
			[]part{{frameOf(Current, 200, flagDescriptor, ``), 1}}, "unknown kind 200"},
		{"a payload that is too short", Host,
			[]part{{frameOf(Current, KindReturn, flagDescriptor, returned[:19]), 1}}, "too short"},
		{"bytes behind the payload in our own version", Host,
			[]part{{frameOf(Current, KindReturn, flagDescriptor, returned+"x"), 1}}, "follow the payload"},
		{"a payload that is no JSON", Host,
			[]part{{frameOf(Current, KindPong, 0, `{`), 0}}, "PONG cannot be read"},
		{"a forbidden number", Host,
			[]part{{frameOf(Current, KindRegister, flagDescriptor, strings.Repeat("\x00", 16)), 1}}, "not one a worker gives out"},
		{"the host receives a host's message", Host,
			[]part{{frameOf(Current, KindPing, 0, `{}`), 0}}, "only the host sends"},
		{"the host receives a newer host's message", Host,
			[]part{{frameOf(newer, 60, flagDescriptor, ``), 1}}, "only the host sends"},
		{"the worker receives a worker's message", Worker,
			[]part{hello, {frameOf(Current, KindReturn, flagDescriptor, returned), 1}}, "only the worker sends"},
		{"the host does not greet", Worker,
			[]part{{frameOf(Current, KindListen, flagDescriptor, `{}`), 1}}, "before HELLO"},
		{"the host greets twice", Worker,
			[]part{hello, {frameOf(Current, KindHello, flagDescriptor, `{}`), 1}}, "second time"},
	}
	for _, tt := range tests {
		t.Run(tt.why, func(t *testing.T) {
			noDescriptorLeaks(t)
			c, raw := rawPair(t, tt.side)
			play(t, raw, tt.parts)
			err := receiveError(c)
			var rules *ProtocolError
			if !errors.As(err, &rules) || !strings.Contains(rules.Reason, tt.want) {
				t.Fatalf("got %v, want a ProtocolError with %q", err, tt.want)
			}
			if rules.From != tt.side.peer() {
				t.Errorf("the %s is blamed, want the %s", rules.From, tt.side.peer())
			}
			if again := receiveError(c); again != err {
				t.Errorf("then got %v, want the same error again", again)
			}
			ping := Message(&Ping{})
			if tt.side == Worker {
				ping = &Pong{}
			}
			wantClosed(t, "nothing is sent to a side that breaks the rules", c.Send(ping))
		})
	}
}

// play writes parts, with descriptors of /dev/null.
func play(t *testing.T, raw *os.File, parts []part) {
	t.Helper()
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	for _, p := range parts {
		fds := make([]int, p.descriptors)
		for i := range fds {
			fds[i] = int(null.Fd())
		}
		write(t, raw, p.bytes, fds...)
	}
}

func receiveError(c *Channel) error {
	for {
		m, err := c.Receive()
		if err != nil {
			return err
		}
		Discard(m)
	}
}

func TestNewerMinorVersionsAreUnderstood(t *testing.T) {
	noDescriptorLeaks(t)
	newer := Version{Current.Major, Current.Minor + 1}
	host, raw := rawPair(t, Host)
	play(t, raw, []part{
		{frameOf(newer, 200, 0, `what is this`), 0},
		{frameOf(newer, 201, flagDescriptor, ``), 1},
		{frameOf(newer, KindPong, 0, `{"seq":3,"added":{"later":true}}`), 0},
		{frameOf(newer, KindDone, 0, "\x00\x00\x00\x00\x00\x00\x00\x05"+"\x00\x00\x00\x07"+"added later"), 0},
	})
	if m := receive[*Pong](t, host); m.Seq != 3 {
		t.Errorf("received pong %d, want 3: unknown kinds are skipped and unknown fields ignored", m.Seq)
	}
	if m := receive[*Done](t, host); m.ID != 5 || m.Requests != 7 {
		t.Errorf("received %+v, want ID 5 and 7 requests: added bytes are ignored", m)
	}
}

func TestAnotherMajorVersionIsRefused(t *testing.T) {
	noDescriptorLeaks(t)
	other := Version{Current.Major + 1, 4}
	worker, raw := rawPair(t, Worker)
	play(t, raw, []part{{frameOf(other, KindHello, flagDescriptor, `{}`), 1}})
	_, err := worker.Receive()
	var version *VersionError
	if !errors.As(err, &version) {
		t.Fatalf("got %v, want a VersionError", err)
	}
	want := "the host speaks hand-over protocol 2.4, this side speaks 1.2: build the application and the host from releases of Lanner with the same protocol"
	if err.Error() != want {
		t.Errorf("the error says\n%s\nwant\n%s", err, want)
	}
}

func TestAFullDescriptorTableIsReported(t *testing.T) {
	noDescriptorLeaks(t)
	host, raw := rawPair(t, Host)
	play(t, raw, []part{{frameOf(Current, KindReturn, flagDescriptor, strings.Repeat("\x00", 20)), 1}})

	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	none := limit
	none.Cur = 0
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &none); err != nil {
		t.Fatal(err)
	}
	_, err := host.Receive()
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if err == nil || !strings.Contains(err.Error(), "ulimit -n") {
		t.Errorf("got %v, want an error that names the likely cause", err)
	}
}
