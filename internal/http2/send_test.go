package http2

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// sized answers /n with n bytes.
func sized(s *Stream) error {
	var n int
	fmt.Sscanf(s.Request().Path(), "/%d", &n)
	_, err := s.Response().Write(bytes.Repeat([]byte{byte('a' + s.ID()/2%26)}, n))
	return err
}

// order is the streams of the DATA frames that were written.
func (r *rig) order() (ids []string) {
	for _, f := range r.frames() {
		if strings.HasPrefix(f, "DATA ") {
			ids = append(ids, strings.Fields(f)[1])
		}
	}
	return ids
}

func TestTheMostUrgentAnswersGoFirst(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := connect(t, sized, nil)
		r.send(appendWindowUpdate(nil, 0, 1<<20), settings(settingInitialWindowSize, 0))
		for i, urgency := range []int{5, 3, 0, 7, 3, 0} {
			r.send(r.get(odd(i), "/20000", "priority", fmt.Sprint("u=", urgency)))
		}
		r.drop()
		r.send(settings(settingInitialWindowSize, 1<<20))
		if got, want := r.order(), "[5 5 11 11 3 3 9 9 1 1 7 7]"; fmt.Sprint(got) != want {
			t.Errorf("answers go in the order %v, want %s: by urgency, and whole", got, want)
		}
		r.end()
	})
}

func TestIncrementalAnswersTakeTurns(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := connect(t, sized, nil)
		r.send(appendWindowUpdate(nil, 0, 1<<20), settings(settingInitialWindowSize, 0))
		for i, wish := range []string{"u=3, i", "u=3, i", "u=3, i", "u=1, i"} {
			r.send(r.get(odd(i), "/40000", "priority", wish))
		}
		r.drop()
		r.send(settings(settingInitialWindowSize, 1<<20))
		if got, want := r.order(), "[7 7 7 1 3 5 1 3 5 1 3 5]"; fmt.Sprint(got) != want {
			t.Errorf("answers go in the order %v, want %s", got, want)
		}
		r.end()
	})
}

func TestAPriorityUpdateMovesAnAnswerThatWaits(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := connect(t, sized, nil)
		r.send(r.get(1, "/65535"), appendWindowUpdate(nil, 1, 1<<20)) // the connection's window is used up
		for i := 1; i < 4; i++ {
			r.send(r.get(odd(i), "/1000"))
		}
		r.drop()
		r.send(aFrame(framePriorityUpdate, 0, 0, []byte("\x00\x00\x00\x07u=0")), aFrame(framePriorityUpdate, 0, 0, []byte("\x00\x00\x00\x03u=7")))
		r.send(appendWindowUpdate(nil, 0, 1<<20))
		if got, want := r.order(), "[7 5 3]"; fmt.Sprint(got) != want {
			t.Errorf("answers go in the order %v, want %s", got, want)
		}
		r.end()
	})
}

// The queues hold what was put there, whatever is taken out of their middle.
func TestQueuesKeepTheirOrder(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	c := &Conn{}
	var want [urgencies][]*Stream
	streams := make([]*Stream, 30)
	for i := range streams {
		streams[i] = &Stream{id: odd(i), out: []byte("x"), sendWindow: 1, conn: c}
	}
	for range 5000 {
		s := streams[random.IntN(len(streams))]
		u := s.priority.Urgency
		if s.queued {
			c.dequeueLocked(s)
			want[u] = slices.DeleteFunc(want[u], func(x *Stream) bool { return x == s })
		} else {
			s.priority.Urgency = uint8(random.IntN(urgencies))
			c.enqueueLocked(s)
			c.enqueueLocked(s) // once is enough
			want[s.priority.Urgency] = append(want[s.priority.Urgency], s)
		}
		for u := range want {
			var got []*Stream
			for x := c.queue[u].head; x != nil; x = x.next {
				got = append(got, x)
			}
			tail := c.queue[u].tail
			if !slices.Equal(got, want[u]) || len(got) > 0 && tail != got[len(got)-1] || (c.queued&(1<<u) != 0) != (len(got) > 0) {
				t.Fatalf("queue %d holds %d streams, want %d in their order; bits %b", u, len(got), len(want[u]), c.queued)
			}
		}
	}
}

func TestAnswersKeepToTheClientsWindows(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := connect(t, sized, nil)
		r.send(settings(settingInitialWindowSize, 10), r.get(1, "/100"))
		r.want("as much as the window takes", "SETTINGS ack", "HEADERS 1 :status=200 content-length=100", `DATA 1 "aaaaaaaaaa"`)
		r.send(appendWindowUpdate(nil, 1, 5))
		r.want("five more", `DATA 1 "aaaaa"`)
		r.send(settings(settingInitialWindowSize, 2))
		r.want("nothing: the window is -8", "SETTINGS ack")
		r.send(appendWindowUpdate(nil, 1, 8))
		r.want("nothing: the window is 0")
		r.send(appendWindowUpdate(nil, 1, 1))
		r.want("one more", `DATA 1 "a"`)
		r.send(settings(settingInitialWindowSize, 200))
		r.want("the rest", "SETTINGS ack", "DATA 1 (84 bytes) end")
		r.end()
	})
}

func TestEmptyAnswersNeedNoWindow(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := connect(t, func(s *Stream) error {
			s.Response().Flush()
			if s.ID() > 1 {
				s.Response().Trailers().Add("X-Done", "yes")
			}
			return nil
		}, nil)
		r.send(settings(settingInitialWindowSize, 0), r.get(1, "/"), r.get(3, "/"))
		r.want("both at once", "SETTINGS ack", "HEADERS 1 :status=200", `DATA 1 "" end`, "HEADERS 3 :status=200", "HEADERS 3 x-done=yes end")
		r.end()
	})
}

func TestWindowsThatGrowTooLarge(t *testing.T) {
	for _, tt := range []struct {
		name   string
		frames func(r *rig) [][]byte
		want   []string
	}{
		{"the connection's", func(*rig) [][]byte { return [][]byte{appendWindowUpdate(nil, 0, maxWindow)} }, []string{"GOAWAY 1 FLOW_CONTROL_ERROR"}},
		{"a stream's", func(*rig) [][]byte { return [][]byte{appendWindowUpdate(nil, 1, maxWindow)} }, []string{"RST_STREAM 1 FLOW_CONTROL_ERROR"}},
		{"a stream's by settings", func(*rig) [][]byte {
			return [][]byte{appendWindowUpdate(nil, 1, maxWindow-defaultWindow), settings(settingInitialWindowSize, defaultWindow+1)}
		}, []string{"GOAWAY 1 FLOW_CONTROL_ERROR"}},
		{"the initial", func(*rig) [][]byte { return [][]byte{settings(settingInitialWindowSize, maxWindow+1)} }, []string{"GOAWAY 1 FLOW_CONTROL_ERROR"}},
		{"as large as can be", func(*rig) [][]byte {
			return [][]byte{appendWindowUpdate(nil, 0, maxWindow-defaultWindow), appendWindowUpdate(nil, 1, maxWindow-defaultWindow)}
		}, nil},
		{"nothing", func(*rig) [][]byte { return [][]byte{appendWindowUpdate(nil, 1, 0)} }, []string{"GOAWAY 1 PROTOCOL_ERROR"}},
		{"a stream to come", func(*rig) [][]byte { return [][]byte{appendWindowUpdate(nil, 3, 1)} }, []string{"GOAWAY 1 PROTOCOL_ERROR"}},
		{"the answer is whole", func(r *rig) [][]byte { return [][]byte{r.get(3, "/0"), appendWindowUpdate(nil, 3, maxWindow)} }, []string{"HEADERS 3 :status=200 content-length=0 end"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				release := make(chan struct{})
				r := connect(t, func(s *Stream) error {
					if s.ID() == 1 {
						<-release
						return nil
					}
					return sized(s)
				}, nil)
				r.elsewhere = true
				r.send(r.get(1, "/"))
				for _, f := range tt.frames(r) {
					r.send(f)
				}
				if got := r.frames(); !slices.Equal(got, tt.want) {
					t.Errorf("answered with %q, want %q", got, tt.want)
				}
				close(release)
				r.end()
			})
		})
	}
}

// Whatever the wire takes at a time, the client reads the same.
func TestAWireThatTakesLittleAtATime(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var want []string
		for round := range 40 {
			r := newRig(t, sized, nil)
			if round > 0 {
				r.room = 0
			}
			r.send([]byte(Preface), settings(settingInitialWindowSize, 1<<20), appendWindowUpdate(nil, 0, 1<<20))
			for i := range 5 {
				r.send(r.get(odd(i), fmt.Sprint("/", i*30_000)))
			}
			for range 3 {
				r.send(aFrame(framePing, 0, 0, []byte("12345678")))
			}
			for i := 0; r.notified > 0; i++ {
				r.take(rand.IntN(1 + 20_000/(1+round%7)))
				if i > 10_000 {
					t.Fatal("the output never ends")
				}
			}
			got := joined(r.frames())
			if round == 0 {
				want = got
			} else if !slices.Equal(got, want) {
				t.Fatalf("the client reads %q, want %q", got, want)
			}
			if r.conn.out != nil || r.conn.writeBuf != nil {
				t.Error("the output's memory is kept")
			}
			r.end()
		}
	})
}

// joined are the frames by stream, with the sizes of DATA added up.
func joined(frames []string) (all []string) {
	sizes := map[string]int{}
	for _, f := range frames {
		var id string
		var n int
		if _, err := fmt.Sscanf(f, "DATA %s (%d bytes)", &id, &n); err == nil {
			sizes[id] += n
			if !strings.HasSuffix(f, "end") {
				continue
			}
			f = fmt.Sprintf("DATA %s %d end", id, sizes[id])
		}
		all = append(all, f)
	}
	slices.Sort(all)
	return all
}

func TestAWireThatBreaksEndsWhatRuns(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var got error
		r := connect(t, func(s *Stream) error {
			_, got = s.Response().Write(make([]byte, 100_000))
			_, again := s.Response().Write([]byte("x"))
			if again != got {
				t.Errorf("then a write returns %v, want %v again", again, got)
			}
			return got
		}, nil)
		r.take(10)
		r.send(r.get(1, "/"))
		r.broken = errors.New("broken pipe")
		r.take(-1)
		if got == nil || got.Error() != "the client has disconnected" && !strings.Contains(got.Error(), "client") {
			t.Errorf("the handler's write returns %v", got)
		}
		r.wantOver(Abort)
	})
}

func TestOutputThatIsNotReadIsBounded(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := connect(t, func(s *Stream) error {
			s.Response().Header().Add("X-Large", strings.Repeat("x", 30_000))
			return nil
		}, func(c *Config) { c.Limits.MaxStreams = 1000 })
		r.take(0)
		for i := 0; i < 200 && !r.ended; i++ {
			r.send(r.request(odd(i), flagEndStream, "HEAD", "/"))
			if n := len(r.conn.out) + len(r.conn.writeBuf); n > maxBacklog+200<<10 {
				t.Fatalf("%d bytes wait", n)
			}
		}
		r.wantEvents("the end", "failed: "+errOutputQueue.Error()+" (output_queue_size_exceeded)")
		r.wantOver(Close)
	})
}

func TestHeadersThatAreLongerThanAFrameAreContinued(t *testing.T) {
	bubble(t, func(t *testing.T) {
		long := strings.Repeat("é~", 15_000) // Huffman does not shorten it
		r := connect(t, func(s *Stream) error {
			s.Response().Header().Add("X-Long", long)
			return nil
		}, nil)
		r.send(r.get(1, "/"))
		r.want("the fields whole", "HEADERS 1 :status=200 x-long="+long+" content-length=0 end")
		r.end()
	})
}

// The rest of what the wire took in part is written though nothing has come behind it.
func TestTheRestOfAnOutputIsWritten(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := connect(t, answer("ok"), nil)
		r.take(5)
		r.send(r.get(1, "/"))
		r.take(-1)
		r.want("all", "HEADERS 1 :status=200 content-length=2", `DATA 1 "ok" end`)
		r.end()
	})
}
