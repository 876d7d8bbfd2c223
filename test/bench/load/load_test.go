package load

import (
	"bytes"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestEveryValueIsInABucketThatIsHardlyWider(t *testing.T) {
	last := -1
	for v := uint64(0); v < 1<<maxBits; v += 1 + v/97 {
		i := bucket(v)
		if i < last || i >= buckets {
			t.Fatalf("%d ns are in bucket %d after %d, of %d", v, i, last, buckets)
		}
		last = i
		if up := upper(i); up < v || up-v > v/subBuckets {
			t.Fatalf("%d ns are in a bucket up to %d ns", v, up)
		}
		if bucket(upper(i)) != i || bucket(upper(i)+1) == i && i < buckets-1 {
			t.Fatalf("bucket %d ends elsewhere than at %d", i, upper(i))
		}
	}
	for _, v := range []uint64{1 << maxBits, 1 << 62, ^uint64(0)} {
		if bucket(v) != buckets-1 {
			t.Errorf("%d ns are in bucket %d, want the last", v, bucket(v))
		}
	}
}

func TestQuantilesAreThoseOfTheSortedValues(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var h histogram
	if got := h.quantile(0.5); got != 0 {
		t.Errorf("the median of nothing is %v", got)
	}
	var all []time.Duration
	for range 10_000 {
		d := time.Duration(random.ExpFloat64() * float64(time.Millisecond))
		all = append(all, d)
		h.add(d)
	}
	slices.Sort(all)
	for _, q := range []float64{0, 0.5, 0.99, 0.999, 1} {
		want := all[min(len(all)-1, int(q*float64(len(all))))]
		if got := h.quantile(q); got < want || got > want+want/subBuckets {
			t.Errorf("quantile %v is %v, want %v or at most 1/64 more", q, got, want)
		}
	}
	h = histogram{}
	h.add(-time.Second) // a clock that was set back
	if got := h.quantile(1); got != 0 {
		t.Errorf("a negative duration is counted as %v, want 0", got)
	}
}

const answer = "HTTP/1.1 200 OK\r\nDate: x\r\ncontent-length: 5\r\n\r\nhello"

func TestResponsesAreReadInPieces(t *testing.T) {
	for i := range len(answer) {
		if n, err := scan([]byte(answer[:i])); n != 0 || err != nil {
			t.Errorf("%q is taken for %d bytes, %v, want it to be unfinished", answer[:i], n, err)
		}
	}
	if n, err := scan([]byte(answer + "HTTP/1.1")); n != len(answer) || err != nil {
		t.Errorf("a whole response is %d bytes, %v, want %d", n, err, len(answer))
	}
	for why, text := range map[string]string{
		"another status":   strings.Replace(answer, "200 OK", "503 No", 1),
		"no length":        strings.Replace(answer, "content-length", "x", 1),
		"a strange length": strings.Replace(answer, "5", "five", 1),
		"a negative one":   strings.Replace(answer, "5", "-5", 1),
		"too long a body":  strings.Replace(answer, "5", "5000", 1),
		"too long a head":  "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", maxResponse),
	} {
		if n, err := scan([]byte(text)); err == nil {
			t.Errorf("%s: %.60q is taken for %d bytes", why, text, n)
		}
	}
}

func FuzzScanStaysWithinItsInput(f *testing.F) {
	f.Add([]byte(answer))
	f.Add([]byte("HTTP/1.1 200 \r\n:\r\n\r\n"))
	f.Add([]byte("HTTP/1.1 200 OK\r\nContent-Length: 2147483647\r\n\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		n, err := scan(b)
		if n < 0 || n > len(b) || n > maxResponse || err != nil && n != 0 {
			t.Errorf("%q is taken for %d bytes, %v", b, n, err)
		}
	})
}

const (
	mixOutput     = `{"seconds":2,"fast":{"requests":190,"p50us":100,"p99us":500.5},"slow":{"requests":10,"p50us":20000,"p99us":30000}}` + "\n"
	shakenOutput  = `{"seconds":2,"requests":190,"p50us":100,"p99us":500.5}` + "\n"
	clientsOutput = `{"opened":20,"closed":19,"answered":3,"firstSeconds":1,"medianSeconds":1.5,"lastSeconds":2}` + "\n"
)

func TestResultsAreRead(t *testing.T) {
	m, err := ParseMix([]byte(mixOutput))
	if want := (Mix{2, Kind{190, 100, 500.5}, Kind{10, 20000, 30000}}); err != nil || m != want {
		t.Errorf("got %+v, %v, want %+v", m, err, want)
	}
	if m.Requests() != 200 || m.PerSecond() != 100 {
		t.Errorf("%d requests, %v/s, want those of both kinds: 200, 100/s", m.Requests(), m.PerSecond())
	}
	h, err := ParseHandshakes([]byte(shakenOutput))
	if want := (Handshakes{2, Kind{190, 100, 500.5}}); err != nil || h != want || h.PerSecond() != 95 {
		t.Errorf("got %+v, %v/s, %v, want %+v, 95/s", h, h.PerSecond(), err, want)
	}
	c, err := ParseClients([]byte(clientsOutput))
	if want := (Clients{20, 19, 3, 1, 1.5, 2}); err != nil || c != want {
		t.Errorf("got %+v, %v, want %+v", c, err, want)
	}
}

func TestImpossibleResultsAreRefused(t *testing.T) {
	for why, tt := range map[string][2]string{
		"nothing fast":        {`"requests":190`, `"requests":0`},
		"no time":             {`"seconds":2`, `"seconds":0`},
		"no latency":          {`"p50us":100`, `"p50us":0`},
		"p99 below the p50":   {`"p99us":500.5`, `"p99us":50`},
		"a negative number":   {`"requests":10`, `"requests":-10`},
		"an unknown field":    {`"seconds"`, `"minutes"`},
		"something behind it": {"\n", "{}"},
		"half of it":          {`"slow":{`, ``},
	} {
		if m, err := ParseMix([]byte(strings.Replace(mixOutput, tt[0], tt[1], 1))); err == nil {
			t.Errorf("%s: it is taken for %+v", why, m)
		}
	}
	for why, tt := range map[string][2]string{
		"no connections":   {`"requests":190`, `"requests":0`},
		"no time":          {`"seconds":2`, `"seconds":0`},
		"an unknown field": {`"p50us"`, `"p50"`},
	} {
		if h, err := ParseHandshakes([]byte(strings.Replace(shakenOutput, tt[0], tt[1], 1))); err == nil {
			t.Errorf("%s: it is taken for %+v", why, h)
		}
	}
	for why, tt := range map[string][2]string{
		"nobody":                {`"opened":20`, `"opened":0`},
		"more closed than open": {`"closed":19`, `"closed":21`},
		"more answered":         {`"answered":3`, `"answered":20`},
		"the last before":       {`"lastSeconds":2`, `"lastSeconds":1.2`},
	} {
		if c, err := ParseClients([]byte(strings.Replace(clientsOutput, tt[0], tt[1], 1))); err == nil {
			t.Errorf("%s: it is taken for %+v", why, c)
		}
	}
}

func FuzzParseMixTakesOnlyPossibleResults(f *testing.F) {
	f.Add([]byte(mixOutput))
	f.Add([]byte(shakenOutput))
	f.Add([]byte(clientsOutput))
	f.Add([]byte(""))
	f.Fuzz(func(t *testing.T, out []byte) {
		if m, err := ParseMix(out); err == nil && (m.Requests() <= 0 || m.Fast.P99 <= 0 || m.PerSecond() <= 0) {
			t.Errorf("%q is taken for %+v", out, m)
		}
		if h, err := ParseHandshakes(out); err == nil && (h.Requests <= 0 || h.P99 <= 0 || h.PerSecond() <= 0) {
			t.Errorf("%q is taken for %+v", out, h)
		}
		if c, err := ParseClients(out); err == nil && (c.Opened < c.Closed || c.Last < c.First) {
			t.Errorf("%q is taken for %+v", out, c)
		}
	})
}

func TestWrongCommandLinesAreRefused(t *testing.T) {
	for args, text := range map[string]string{
		"":                                "mix, slow or tls",
		"heavy":                           `no load "heavy"`,
		"mix -addr a":                     "mix needs -fast",
		"mix -addr a -fast /f -slow /s":   "together",
		"mix -addr a -fast /f -every 5":   "together",
		"mix -fast /f":                    "-addr is missing",
		"mix -addr a -fast /f -conns 0":   "1 to 15000",
		"mix -addr a -fast /f -for 2h":    "at most 1h",
		"mix -addr a -fast /f more":       `unexpected argument "more"`,
		"mix -nonsense":                   "not defined",
		"tls -addr a -resume":             "tls needs -path",
		"tls -addr a -path /p -every 5":   "not defined",
		"slow -addr a -every -1s":         "more than 0",
		"slow -addr a -conns 20000":       "1 to 15000",
		"slow -addr a -every 1s -for -1s": "more than 0",
	} {
		var stdout, stderr bytes.Buffer
		if status := Main(t.Context(), strings.Fields(args), &stdout, &stderr); status != exitUsage {
			t.Errorf("%q ends with status %d, want %d", args, status, exitUsage)
		}
		if !strings.Contains(stderr.String(), text) || stdout.Len() > 0 {
			t.Errorf("%q says %q, want %q on stderr alone", args, stderr.String(), text)
		}
	}
}

// listen accepts until the test ends, and leaves each connection to serve.
func listen(t *testing.T, serve func(net.Conn)) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go serve(conn)
		}
	}()
	t.Cleanup(func() {
		l.Close()
		<-done
	})
	return l.Addr().String()
}

func clients(t *testing.T, args string) Clients {
	t.Helper()
	var stdout bytes.Buffer
	if status := Main(t.Context(), strings.Fields(args), &stdout, t.Output()); status != 0 {
		t.Fatalf("%s: status %d", args, status)
	}
	c, err := ParseClients(stdout.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestSlowClientsAreFedAndTheirEndIsSeen(t *testing.T) {
	const more = 3
	addr := listen(t, func(conn net.Conn) { // answers after three bytes beyond the beginning
		defer conn.Close()
		got := make([]byte, len(beginning)+more)
		if _, err := io.ReadFull(conn, got); err != nil || string(got) != beginning+"aaa" {
			t.Errorf("the server got %q, %v", got, err)
		}
		io.WriteString(conn, "HTTP/1.1 408 Request Timeout\r\n\r\n")
	})
	const every = 50 * time.Millisecond
	c := clients(t, "slow -for 1m -conns 8 -every 50ms -addr "+addr)
	if c.Opened != 8 || c.Closed != 8 || c.Answered != 8 {
		t.Errorf("%+v, want all 8 answered and closed", c)
	}
	if least := ((more - 1) * every).Seconds(); c.First < least {
		t.Errorf("the first was closed after %v s, want %d bytes at intervals of %v before it", c.First, more, every)
	}
}

func TestSlowClientsThatAServerKeepsAreNotCountedAsClosed(t *testing.T) {
	addr := listen(t, func(conn net.Conn) {
		defer conn.Close()
		io.Copy(io.Discard, conn)
	})
	if c, want := clients(t, "slow -for 300ms -conns 5 -every 10ms -addr "+addr), (Clients{Opened: 5}); c != want {
		t.Errorf("%+v, want %+v", c, want)
	}
}

func TestASlowClientThatCannotConnectIsAnError(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	var stdout, stderr bytes.Buffer
	status := Main(t.Context(), []string{"slow", "-addr", l.Addr().String()}, &stdout, &stderr)
	if status != exitFailed || !strings.Contains(stderr.String(), "opening slow client 1") || stdout.Len() > 0 {
		t.Errorf("status %d, it says %q", status, stderr.String())
	}
}
