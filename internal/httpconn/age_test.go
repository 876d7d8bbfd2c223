package httpconn

import (
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

func TestTheLastRequestOfAConnectionSaysSo(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := serve(t, Config{MaxRequests: 2}, httpApp(hello))
		c := s.dial()
		c.write("GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n")
		c.want("the first of two", sent200...)
		c.want("the last", last200...)
		c.wantClosed("no third answer")
	})
}

func TestAWaitingConnectionEndsAtItsAge(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := serve(t, Config{MaxAge: time.Minute}, httpApp(hello))
		c, silent := s.dial(), s.dial()
		c.get("/")
		c.want("an answer", sent200...)
		time.Sleep(53 * time.Second)
		c.wantIdle("kept alive until a tenth before its age")
		time.Sleep(15 * time.Second)
		c.wantClosed("a tenth after its age, and two beats")
		silent.wantClosed("one that never sent a request, too")
	})
}

func TestARunningRequestIsTheLastAtTheConnectionsAge(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g := newGate()
		s := serve(t, Config{MaxAge: time.Minute}, httpApp(g.handler))
		c, half := s.dial(), s.dial()
		c.get("/")
		time.Sleep(50 * time.Second)
		half.write("GET / HTTP/1.1\r\nHos")
		time.Sleep(20 * time.Second)
		half.write("t: a\r\n\r\n")
		close(g.opened)
		c.want("the answer to a request that ran", last200...)
		c.wantClosed("it was the last")
		half.want("the answer to one that was being read", last200...)
		half.wantClosed("it was the last")
	})
}

func TestWhatRunsAfterTheGraceIsAborted(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l := newLines(t)
		var took time.Duration
		s := serve(t, Config{MaxAge: time.Minute, AgeGrace: 30 * time.Second, AccessLog: l.log}, httpApp(func(w http.ResponseWriter, r *http.Request) {
			began := time.Now()
			<-r.Context().Done()
			took = time.Since(began)
		}))
		c := s.dial()
		c.get("/")
		time.Sleep(100 * time.Second)
		c.wantClosed("aborted")
		synctest.Wait()
		if took < 84*time.Second || took > 98*time.Second {
			t.Errorf("aborted after %v, want a minute and the grace, within a tenth of the minute", took)
		}
		l.want("the request", map[string]any{"status": 0, "reason": reasonTimeout})
	})
}

func TestAnUpgradedConnectionHasNoAge(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := serve(t, Config{MaxAge: time.Minute, AgeGrace: time.Second}, httpApp(func(w http.ResponseWriter, r *http.Request) {
			nc, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer nc.Close()
			time.Sleep(10 * time.Minute)
			io.WriteString(nc, "still here")
		}))
		c := s.dial()
		c.send("GET / HTTP/1.1", "Host: a", "Connection: Upgrade", "Upgrade: x", "")
		time.Sleep(10 * time.Minute)
		c.want("what it sends after its age", "still here")
	})
}

func TestConnectionsThatEndLeaveTheAges(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := serve(t, Config{MaxAge: time.Hour}, httpApp(hello))
		for range 10 {
			s.dial().Close()
		}
		synctest.Wait()
		if n := len(s.m.ages.buckets); n != 0 {
			t.Errorf("%d buckets are left", n)
		}
	})
}
