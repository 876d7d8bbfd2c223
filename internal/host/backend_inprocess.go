package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lannerhq/lanner/internal/handover"
	"github.com/lannerhq/lanner/internal/host/config"
	"github.com/lannerhq/lanner/internal/host/module"
	"github.com/lannerhq/lanner/internal/host/process"
	"github.com/lannerhq/lanner/kestrel"
	"github.com/lannerhq/lanner/server"
)

// inProcess is the backend of a worker that takes connections from the host and serves them itself.
type inProcess struct {
	w     *worker
	proc  *process.Process
	token string

	version handover.Version // the worker's, known when it is ready
	channel *handover.Channel
	table   *handover.StatusTable
	ready   chan error    // the end of the start: nil, or why not
	ended   chan struct{} // closed when the process and the channel have ended
	read    chan struct{} // closed when the receiving goroutine has ended

	seq    atomic.Uint64
	nextID atomic.Uint64

	mu     sync.Mutex
	gone   bool // no more connections may be handed over
	handed map[uint64]*handed
	shares map[uint32]*socket
	pings  map[uint64]chan struct{} // closed by the PONG with that number
	keys   map[uint64]*signingKey   // that the worker may have used

	telling     sync.Mutex // held while the worker is told of a credential, until the CONN that needs it is sent
	credentials map[credentialAt]*credential
	lastID      uint32 // of a credential

	signing signing
}

// handed is a connection that the worker has, and the host's copy of it.
type handed struct {
	front    *front
	slot     uint32
	copy     *handover.Descriptor
	prefix   []byte // until it is accepted
	accepted bool
	arrival  time.Time
	client   *handover.Client // of a link
	sni      *sni             // of one whose handshake is to come
}

func newInProcess(w *worker) *inProcess {
	return &inProcess{
		w: w, ready: make(chan error, 1), ended: make(chan struct{}), read: make(chan struct{}),
		handed: make(map[uint64]*handed), shares: make(map[uint32]*socket), pings: make(map[uint64]chan struct{}),
		keys: make(map[uint64]*signingKey), credentials: make(map[credentialAt]*credential), signing: newSigning(),
	}
}

// start implements backend. The worker's READY ends it; no port is polled.
func (p *inProcess) start(ctx context.Context) error {
	a := p.w.app
	cfg := a.cfg.Load()
	channel, child, err := handover.Socketpair()
	if err != nil {
		return fmt.Errorf("cannot make a control channel: %w", err)
	}
	p.channel = channel
	if p.table, err = handover.NewStatusTable(0); err != nil {
		child.Close()
		channel.Close()
		return fmt.Errorf("cannot make a status table: %w", err)
	}
	p.proc, err = a.host.supervisor.Start(process.Spec{
		Name: a.name() + "/" + strconv.Itoa(p.w.id), Command: cfg.app.Command, Dir: cfg.app.Directory,
		Env: p.environment(cfg), ExtraFiles: []*os.File{child}, Output: a.output,
	})
	child.Close()
	if err != nil {
		channel.Close()
		p.table.Close()
		return err
	}
	go p.receive()
	go p.watch()
	if err := p.greet(cfg); err != nil && !errors.Is(err, handover.ErrClosed) {
		a.log.Error("cannot greet the worker", "worker", p.w.id, "error", err)
		p.proc.Kill()
	}
	return p.awaitReady(ctx)
}

// greet sends HELLO, with the status table where the system has one.
func (p *inProcess) greet(cfg *appConfig) error {
	hello := p.hello(cfg)
	if p.table.Available() {
		d, err := p.table.Descriptor()
		if err != nil {
			return err
		}
		defer d.Close()
		hello.StatusTable = d
	}
	return p.channel.Send(hello)
}

// awaitReady waits for the worker's word, its end, or the time limit. After a failure nothing of the worker is left.
func (p *inProcess) awaitReady(ctx context.Context) error {
	var err error
	select {
	case err = <-p.ready:
		if err == nil {
			return nil
		}
	case <-p.proc.Done():
		err = fmt.Errorf("the program ended (%v) before it was ready; it must call lanner.Run, and be built with this version of Lanner", p.proc.Exit())
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	p.proc.Kill()
	<-p.ended
	p.table.Close()
	if tail := tailText(p.proc.Tail()); tail != "" {
		err = fmt.Errorf("%w\n%s", err, tail)
	}
	return err
}

func tailText(lines []process.Line) string {
	var b strings.Builder
	for _, l := range lines {
		b.WriteString(l.Text)
		b.WriteByte('\n')
	}
	return strings.TrimSpace(b.String())
}

func (p *inProcess) environment(cfg *appConfig) []string {
	env := module.Inherit(os.Environ(), nil)
	if cfg.httpsPort != 0 {
		env = append(env, module.HTTPSPortVariable+"="+strconv.Itoa(cfg.httpsPort)) // pool and application may set it otherwise
	}
	for name, value := range cfg.pool.Environment {
		env = append(env, name+"="+value)
	}
	for name, value := range cfg.app.Environment {
		env = append(env, name+"="+value)
	}
	p.token = module.NewToken().Reveal()
	return append(env,
		handover.ControlVariable+"="+strconv.Itoa(handover.DefaultControlDescriptor),
		"LANNER_SITE="+p.w.app.site, "LANNER_WORKER="+strconv.Itoa(p.w.id), "LANNER_APPL_PATH="+p.w.app.path,
		"LANNER_TOKEN="+p.token, "PWD="+cfg.app.Directory)
}

func (p *inProcess) hello(cfg *appConfig) *handover.Hello {
	a := p.w.app
	routes, prefixes, hosts := a.host.ownership(a)
	limits, err := json.Marshal(kestrelLimits(&cfg.limits))
	if err != nil {
		panic(err) // a struct of numbers
	}
	base := a.path
	if base == "/" {
		base = ""
	}
	hello := &handover.Hello{
		Generation: uint64(p.w.generation), Site: a.site, Application: a.path, PathBase: base, Worker: strconv.Itoa(p.w.id),
		Token: handover.Secret(p.token), Routes: routes, ForeignPrefixes: prefixes, ForeignHosts: hosts, Limits: limits,
		Addresses: a.host.appAddresses(a),
	}
	return hello
}

// kestrelLimits translates a site's limits.
func kestrelLimits(l *config.Limits) kestrel.Limits {
	rate := func(n int) server.DataRate {
		if n < 0 {
			return server.DataRate{BytesPerSecond: -1}
		}
		return server.DataRate{BytesPerSecond: float64(n), Grace: 5 * time.Second}
	}
	return kestrel.Limits{
		MaxRequestBodySize: l.MaxRequestBodySize, MaxRequestLineSize: int(l.MaxRequestLineSize),
		MaxRequestHeadersTotalSize: int(l.MaxRequestHeadersTotalSize), MaxRequestHeaderCount: l.MaxRequestHeaderCount,
		MaxConcurrentConnections: int64(l.MaxConnections), KeepAliveTimeout: l.KeepAliveTimeout,
		RequestHeadersTimeout: l.RequestHeadersTimeout, MinRequestBodyDataRate: rate(l.MinRequestBodyDataRate),
		MinResponseDataRate: rate(l.MinResponseDataRate),
	}
}

// watch closes ended when nothing more can come from the worker, dead or alive.
func (p *inProcess) watch() {
	<-p.proc.Done()
	select { // what it sent before its death is still read
	case <-p.read:
	case <-time.After(5 * time.Second): // a process that escaped the tree holds the other end
		p.channel.Close()
		<-p.read
	}
	p.channel.Close()
	close(p.ended)
}

// receive takes the worker's messages. It is the only caller of Channel.Receive.
func (p *inProcess) receive() {
	defer close(p.read)
	for {
		m, err := p.channel.Receive()
		if err != nil {
			var broken *handover.ProtocolError
			var version *handover.VersionError
			if errors.As(err, &broken) || errors.As(err, &version) {
				p.w.app.log.Warn(eventWorkerProtocol.msg, eventWorkerProtocol.id, "worker", p.w.id, "error", err)
				p.tellReady(err)
				p.proc.Kill()
			}
			return
		}
		p.handle(m)
	}
}

func (p *inProcess) handle(m handover.Message) {
	switch m := m.(type) {
	case *handover.Ready:
		p.version = m.Version
		p.tellReady(nil)
	case *handover.Failed:
		p.tellReady(errors.New(m.Reason))
	case *handover.Accepted:
		p.accepted(m.ID)
	case *handover.Done:
		p.connectionEnded(m.ID, m.Requests)
	case *handover.Return:
		p.returned(m)
	case *handover.Register:
		p.register(m)
	case *handover.Status:
		p.status(m)
	case *handover.Pong:
		p.answered(m.Seq)
	case *handover.Sign:
		if !p.sign(m) {
			p.proc.Kill()
		}
	default:
		handover.Discard(m)
	}
}

func (p *inProcess) tellReady(err error) {
	select {
	case p.ready <- err:
	default: // said before
	}
}

func (p *inProcess) status(m *handover.Status) {
	if before := p.w.requests.Swap(int64(m.Requests)); before != int64(m.Requests) || m.Running > 0 {
		p.w.app.touch()
	}
	p.w.active.Store(m.Running)
}

// ping asks for an answer. The channel keeps its order: the worker has acted on all that was sent before when the channel
// that ping returns is closed.
func (p *inProcess) ping() <-chan struct{} {
	seq, answer := p.seq.Add(1), make(chan struct{})
	p.mu.Lock()
	p.pings[seq] = answer
	p.mu.Unlock()
	if p.channel.Send(&handover.Ping{Seq: seq}) != nil {
		p.answered(seq) // a worker that is gone serves nobody
	}
	return answer
}

func (p *inProcess) answered(seq uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if answer := p.pings[seq]; answer != nil {
		delete(p.pings, seq)
		close(answer)
	}
}

// activate implements backend: the worker accepts by itself where every connection is its own.
func (p *inProcess) activate() { p.w.app.host.shareSockets(p.w.app) }

// share gives the worker a copy of a listening socket.
func (p *inProcess) share(s *socket) {
	p.mu.Lock()
	if p.gone || p.shares[s.id] != nil {
		p.mu.Unlock()
		return
	}
	p.shares[s.id] = s
	p.mu.Unlock()
	d, err := handover.Borrow(s.listener)
	if err == nil {
		err = p.channel.Send(&handover.Listen{ID: s.id, Address: s.front.key, Scheme: s.front.scheme, Descriptor: d})
	}
	if err != nil {
		p.mu.Lock()
		delete(p.shares, s.id)
		p.mu.Unlock()
		return
	}
	s.share(+1)
}

// unshare takes it back.
func (p *inProcess) unshare(s *socket) {
	p.mu.Lock()
	_, had := p.shares[s.id]
	delete(p.shares, s.id)
	p.mu.Unlock()
	if had {
		s.share(-1)
		_ = p.channel.Send(&handover.Unlisten{ID: s.id}) // a worker that is gone has closed it
	}
}

func (p *inProcess) unshareAll() {
	p.mu.Lock()
	p.gone = true
	shares := p.shares
	p.shares = make(map[uint32]*socket)
	p.mu.Unlock()
	for _, s := range shares {
		s.share(-1)
	}
}

// stop implements backend.
func (p *inProcess) stop(ctx context.Context) error {
	p.unshareAll()
	return p.proc.Stop(ctx, process.StopOptions{Graceful: func(ctx context.Context) error {
		deadline, _ := ctx.Deadline()
		return p.channel.Send(&handover.Drain{Deadline: deadline})
	}})
}

func (p *inProcess) done() <-chan struct{} { return p.ended }

// finish implements backend: the connections that the worker had are given to somebody else, answered, or closed.
func (p *inProcess) finish() {
	p.unshareAll()
	p.signing.wg.Wait()
	p.mu.Lock()
	left := p.handed
	p.handed = make(map[uint64]*handed)
	p.mu.Unlock()
	for _, c := range left {
		p.rescue(c)
	}
	p.table.Close()
}

func (p *inProcess) exit() process.ExitStatus {
	if p.proc == nil {
		return process.ExitStatus{Code: -1}
	}
	return p.proc.Exit()
}

func (p *inProcess) pid() int             { return p.proc.PID() }
func (p *inProcess) port() int            { return 0 }
func (p *inProcess) stats() process.Stats { return p.proc.Stats() }
func (p *inProcess) refresh()             { _ = p.channel.Send(&handover.Ping{Seq: p.seq.Add(1)}) }

// failure implements backend, with the module's codes: 500.37 for a start that took too long, 500.30 otherwise.
func (p *inProcess) failure(err error) *answer {
	if errors.Is(err, errStartTime) {
		return &answer{status: 500, sub: "500.37", title: "In-Process Start Time Limit Exceeded", detail: err.Error()}
	}
	return &answer{status: 500, sub: "500.30", title: "In-Process Start Failure", detail: err.Error()}
}
