package e2e

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// overHTTP2 makes the requests of a test go over HTTP/2 with prior knowledge, and counts its connections.
func (r *running) overHTTP2() *atomic.Int32 {
	conns := new(atomic.Int32)
	t := &http.Transport{Protocols: new(http.Protocols), DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		conns.Add(1)
		return new(net.Dialer).DialContext(ctx, network, addr)
	}}
	t.Protocols.SetUnencryptedHTTP2(true)
	r.client = &http.Client{Transport: t, Timeout: 30 * time.Second}
	r.t.Cleanup(t.CloseIdleConnections)
	return conns
}

var h2cSite = strings.Replace(outOfProcessSite, "hosting: outofprocess", "hosting: outofprocess\n        protocol: h2c", 1)

var http2Models = map[string]string{"in-process": inProcessSite, "out-of-process": outOfProcessSite, "h2c": h2cSite}

func TestEveryApplicationIsReachedOverHTTP2(t *testing.T) {
	for name, yaml := range http2Models {
		t.Run(name, func(t *testing.T) {
			r := startHost(t, yaml)
			conns := r.overHTTP2()
			proto := "HTTP/2.0"
			if name == "out-of-process" {
				proto = "HTTP/1.1"
			}
			r.wantGet("the first request starts the worker", "/x?y=z", 200, "path=/x query=y=z")
			for range 20 {
				if body := r.wantGet("every request", "/", 200, "name=shop"); !strings.Contains(body, "proto="+proto) {
					t.Errorf("the application saw %q, want %s", body, proto)
				}
			}
			if n := conns.Load(); n != 1 {
				t.Errorf("%d connections were made, want one for all", n)
			}
			body := strings.Repeat("0123456789", 100_000)
			res, err := r.client.Post(r.urls[0]+"/echo", "text/plain", strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			if back, err := io.ReadAll(res.Body); string(back) != body || err != nil || res.ProtoMajor != 2 {
				t.Errorf("%d bytes came back over %s, %v, want %d over HTTP/2", len(back), res.Proto, err, len(body))
			}
		})
	}
}

func TestAnApplicationBehindH2CIsReachedOverHTTP1(t *testing.T) {
	r := startHost(t, strings.Replace(h2cSite, "protocol: h2c", "protocol: h2c\n        healthCheck: {path: /health, interval: 1s, timeout: 1s}", 1))
	for range 20 {
		r.wantGet("the client's version is its own affair", "/", 200, "proto=HTTP/2.0")
	}
}

func TestStreamsOfOneConnectionReachSeveralApplications(t *testing.T) {
	r := startHost(t, strings.NewReplacer("hosting: inprocess", "hosting: outofprocess, protocol: h2c").Replace(twoSites))
	conns := r.overHTTP2()
	r.wantGet("the first", "/", 200, "name=root")
	var all sync.WaitGroup
	for range 10 {
		for path, name := range map[string]string{"/": "name=root", "/api/v1": "name=api", "/py/x": "name=py", "/apix": "name=root"} {
			all.Go(func() { r.wantGet("each stream is routed", path, 200, name) })
		}
	}
	all.Wait()
	if n := conns.Load(); n != 1 {
		t.Errorf("%d connections were made, want one for all", n)
	}
}

func TestWhereAnInProcessApplicationSharesTheAddressHTTP1IsRequired(t *testing.T) {
	r := startHost(t, twoSites)
	nc, err := net.Dial("tcp", addrOf(r))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	nc.SetDeadline(time.Now().Add(20 * time.Second))
	io.WriteString(nc, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00")
	got := make([]byte, 9+17)
	if _, err := io.ReadFull(nc, got); err != nil {
		t.Fatal(err)
	}
	if want := "\x00\x00\x00\x04\x00\x00\x00\x00\x00" + "\x00\x00\x08\x07\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x0d"; string(got) != want {
		t.Errorf("got %q, want SETTINGS, and GOAWAY with HTTP_1_1_REQUIRED", got)
	}
	r.wantGet("HTTP/1.1 goes on", "/py/x", 200, "name=py")
	r.wantGet("HTTP/1.1 goes on", "/", 200, "name=root")
}

// muxLoad is steady traffic over HTTP/2.
type muxLoad struct {
	r    *running
	done atomic.Int64
	stop chan struct{}
	wg   sync.WaitGroup
}

// startMuxLoad requests path n at a time until wait is called. A request that fails fails the test.
func (r *running) startMuxLoad(n int, path string) *muxLoad {
	l := &muxLoad{r: r, stop: make(chan struct{})}
	for range n {
		l.wg.Go(func() {
			for {
				select {
				case <-l.stop:
					return
				default:
				}
				res, err := r.client.Get(r.urls[0] + path)
				if err != nil {
					r.t.Errorf("a request was lost: %v", err)
					return
				}
				if _, err := io.Copy(io.Discard, res.Body); err != nil || res.StatusCode != 200 {
					r.t.Errorf("a request was lost: %d, %v", res.StatusCode, err)
				}
				res.Body.Close()
				l.done.Add(1)
			}
		})
	}
	return l
}

// until waits for n more answers.
func (l *muxLoad) until(n int64) {
	want := l.done.Load() + n
	eventually(l.r.t, fmt.Sprintf("%d more answers", n), func() bool { return l.done.Load() >= want || l.r.t.Failed() })
}

func (l *muxLoad) wait() {
	close(l.stop)
	l.wg.Wait()
}

func TestRecyclesUnderHTTP2LoadLoseNoRequest(t *testing.T) {
	for name, yaml := range http2Models {
		t.Run(name, func(t *testing.T) {
			r := startHost(t, yaml)
			conns := r.overHTTP2()
			r.wantGet("it runs", "/", 200, "name=shop")
			l := r.startMuxLoad(16, "/slow?ms=3")
			for range 5 {
				l.until(100)
				if _, err := r.control.Recycle(t.Context(), "shop"); err != nil {
					t.Fatal(err)
				}
			}
			l.until(100)
			l.wait()
			if g := r.app("shop", "/").Workers[0].Generation; g != 6 {
				t.Errorf("generation %d after 5 recycles, want 6", g)
			}
			if n := conns.Load(); name != "in-process" && n != 1 {
				t.Errorf("%d connections were made, want the host's to outlive the workers", n)
			}
			t.Logf("%d requests on %d connections", l.done.Load(), conns.Load())
		})
	}
}

func TestARunningStreamFinishesWhenItsWorkerIsRecycled(t *testing.T) {
	for name, yaml := range http2Models {
		t.Run(name, func(t *testing.T) {
			r := startHost(t, yaml)
			r.overHTTP2()
			r.wantGet("it runs", "/", 200, "name=shop")
			body, feed := io.Pipe()
			req, _ := http.NewRequest("POST", r.urls[0]+"/echo", body)
			answered := make(chan *http.Response, 1)
			go func() {
				res, err := r.client.Do(req)
				if err != nil {
					t.Errorf("the stream was lost: %v", err)
				}
				answered <- res
			}()
			io.WriteString(feed, strings.Repeat("a", 100_000))
			if _, err := r.control.Recycle(t.Context(), "shop"); err != nil {
				t.Fatal(err)
			}
			r.wantGet("the successor serves", "/", 200, "name=shop")
			io.WriteString(feed, "b")
			feed.Close()
			res := <-answered
			if res == nil {
				return
			}
			defer res.Body.Close()
			if back, err := io.ReadAll(res.Body); len(back) != 100_001 || err != nil {
				t.Errorf("%d bytes came back, %v, want all of them", len(back), err)
			}
		})
	}
}

func TestAKilledWorkerOfHTTP2IsReplaced(t *testing.T) {
	for name, yaml := range http2Models {
		t.Run(name, func(t *testing.T) {
			r := startHost(t, yaml)
			r.overHTTP2()
			r.wantGet("it runs", "/", 200, "name=shop")
			victim, err := os.FindProcess(r.app("shop", "/").Workers[0].PID)
			if err != nil {
				t.Fatal(err)
			}
			if err := victim.Kill(); err != nil {
				t.Fatal(err)
			}
			eventually(t, "an answer again", func() bool {
				res, err := r.client.Get(r.urls[0] + "/")
				if err != nil {
					return false
				}
				defer res.Body.Close()
				body, _ := io.ReadAll(res.Body)
				return res.StatusCode == 200 && !strings.Contains(string(body), fmt.Sprint("pid=", victim.Pid))
			})
		})
	}
}

func TestAReloadMovesClientsToTheirNewOwner(t *testing.T) {
	for name, multiplexed := range map[string]bool{"HTTP/1.1": false, "HTTP/2": true} {
		t.Run(name, func(t *testing.T) {
			port := itoa(freePort(t))
			there := strings.ReplaceAll(h2cSite, "127.0.0.1:0", "127.0.0.1:"+port)
			here := strings.ReplaceAll(inProcessSite, "127.0.0.1:0", "127.0.0.1:"+port)
			r := startHost(t, there)
			if multiplexed {
				r.overHTTP2()
			}
			r.changeModelUnderLoad(there, here)
		})
		t.Run(name+" over TLS", func(t *testing.T) {
			site := strings.ReplaceAll(secureSite, "port: 0", "port: "+itoa(freePort(t)))
			there, here := strings.ReplaceAll(site, "HOSTING", "outofprocess"), strings.ReplaceAll(site, "HOSTING", "inprocess")
			r, a := startSecure(t, there)
			r.over(a.trust(), multiplexed)
			r.changeModelUnderLoad(there, here)
		})
	}
}

// changeModelUnderLoad makes an application in-process, out-of-process and in-process again, and wants every request answered.
func (r *running) changeModelUnderLoad(there, here string) {
	r.t.Helper()
	r.wantGet("it runs", "/", 200, "name=shop")
	l := r.startMuxLoad(8, "/")
	for _, yaml := range []string{here, there, here} {
		l.until(100)
		r.write(yaml)
		if _, err := r.control.Reload(r.t.Context()); err != nil {
			r.t.Fatal(err)
		}
		eventually(r.t, "a worker of the new model", func() bool {
			workers := r.app("shop", "/").Workers
			return len(workers) == 1 && (workers[0].Port == 0) == (yaml == here)
		})
	}
	l.until(100)
	l.wait()
}

func TestAnApplicationThatJoinsTheAddressIsKeptFromHTTP2Connections(t *testing.T) {
	port := itoa(freePort(t))
	before := strings.ReplaceAll(h2cSite, "127.0.0.1:0", "127.0.0.1:"+port)
	r := startHost(t, before)
	plain := r.client
	r.overHTTP2()
	r.wantGet("alone", "/", 200, "name=shop")
	r.write(before + `
      - path: /in
        hosting: inprocess
        command: [SELF]
        directory: DIR
        environment: {LANNER_E2E_PROGRAM: app, NAME: in}
`)
	if _, err := r.control.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/in/x", "/"} {
		if res, err := r.client.Get(r.urls[0] + path); err == nil {
			res.Body.Close()
			t.Errorf("GET %s over HTTP/2 = %d after the reload, want HTTP/1.1 to be required", path, res.StatusCode)
		}
	}
	r.client = plain
	r.wantGet("over HTTP/1.1", "/in/x", 200, "name=in")
	r.wantGet("over HTTP/1.1", "/", 200, "name=shop")
}
