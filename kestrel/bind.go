package kestrel

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// bound is a listener and the URL under which it is reached.
type bound struct {
	listener net.Listener
	socket   net.PacketConn // for HTTP/3; nil for none
	url      string
	name     string
	scheme   string
}

// bind opens all listeners of an endpoint: two for localhost, else one.
func bind(ctx context.Context, e Endpoint) ([]bound, error) {
	if e.Listener != nil {
		url := e.listenerURL()
		return []bound{{listener: e.Listener, url: url, name: nameOr(e.Name, url), scheme: e.scheme()}}, nil
	}
	a, err := ParseAddress(e.URL)
	if err != nil {
		return nil, err
	}
	if err := a.check(); err != nil {
		return nil, err
	}
	if err := e.checkScheme(a); err != nil {
		return nil, err
	}
	var listeners []net.Listener
	switch {
	case a.isUnix():
		listeners, err = one(listenUnix(ctx, strings.TrimPrefix(a.Host, "unix:"), e.UnixMode))
	case a.isDescriptor():
		listeners, err = one(listenDescriptor(strings.TrimPrefix(a.Host, "fd:")))
	case strings.EqualFold(a.Host, "localhost"):
		listeners, err = listenLocalhost(ctx, a.Port)
	default:
		listeners, err = one(listenTCP(ctx, a))
	}
	if err != nil {
		if errors.Is(err, syscall.EADDRINUSE) {
			return nil, fmt.Errorf("failed to bind to address %s: address already in use: %w", a, err)
		}
		if errors.Is(err, syscall.EACCES) {
			return nil, fmt.Errorf("failed to bind to address %s: permission denied; ports below 1024 need CAP_NET_BIND_SERVICE, a unix socket needs a writable folder: %w", a, err)
		}
		return nil, fmt.Errorf("failed to bind to address %s: %w", a, err)
	}
	var out []bound
	for _, l := range listeners {
		url := boundURL(a, l)
		out = append(out, bound{listener: l, url: url, name: nameOr(e.Name, url), scheme: a.Scheme})
	}
	if strings.EqualFold(a.Host, "localhost") {
		for i := range out { // both sockets answer under the one name
			out[i].url = a.Scheme + "://localhost:" + strconv.Itoa(port(listeners[0]))
		}
	}
	return out, nil
}

func nameOr(name, url string) string {
	if name == "" {
		return url
	}
	return name
}

func one(l net.Listener, err error) ([]net.Listener, error) {
	if err != nil {
		return nil, err
	}
	return []net.Listener{l}, nil
}

// listenTCP binds one address. Every address means both families on one socket, or IPv4 alone where there is no IPv6.
func listenTCP(ctx context.Context, a Address) (net.Listener, error) {
	var lc net.ListenConfig
	host := ""
	if ip := a.ip(); ip.IsValid() {
		host = ip.String()
	}
	return lc.Listen(ctx, "tcp", net.JoinHostPort(host, strconv.Itoa(a.Port)))
}

// listenLocalhost binds both loopback addresses, with the same port also when it is a free one (Kestrel refuses that). A
// port that the system found free on one of them may be taken on the other: then it is asked for another.
func listenLocalhost(ctx context.Context, port int) (listeners []net.Listener, err error) {
	const tries = 16
	for range tries {
		listeners, err = listenLoopbacks(ctx, port)
		if port != 0 || !errors.Is(err, syscall.EADDRINUSE) {
			break
		}
	}
	return listeners, err
}

// listenLoopbacks binds both. One of them is enough where the system lacks the other family, but not when another program
// holds the port on it.
func listenLoopbacks(ctx context.Context, port int) ([]net.Listener, error) {
	var lc net.ListenConfig
	v4, err4 := lc.Listen(ctx, "tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if errors.Is(err4, syscall.EADDRINUSE) {
		return nil, err4
	}
	if err4 == nil {
		port = v4.Addr().(*net.TCPAddr).Port
	}
	v6, err6 := lc.Listen(ctx, "tcp6", net.JoinHostPort("::1", strconv.Itoa(port)))
	switch {
	case err4 == nil && err6 == nil:
		return []net.Listener{v4, v6}, nil
	case err4 == nil && errors.Is(err6, syscall.EADDRINUSE):
		v4.Close()
		return nil, err6
	case err4 == nil:
		return []net.Listener{v4}, nil
	case err6 == nil:
		return []net.Listener{v6}, nil
	}
	return nil, err4
}

// defaultUnixMode lets the owner and the group connect.
const defaultUnixMode fs.FileMode = 0o660

// listenUnix binds a unix socket. The file of a server that is gone is removed; that of one that answers is not.
func listenUnix(ctx context.Context, path string, mode fs.FileMode) (net.Listener, error) {
	if !strings.HasPrefix(path, "/") {
		return nil, fmt.Errorf("the path of a unix socket must be absolute, not %q", path)
	}
	if err := removeStale(path); err != nil {
		return nil, err
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "unix", path)
	if err != nil {
		return nil, err
	}
	if mode == 0 {
		mode = defaultUnixMode
	}
	if err := os.Chmod(path, mode); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// removeStale removes a socket file that nobody listens on: only then the kernel refuses a connection. One whose queue is
// full, for example, is in use.
func removeStale(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode()&fs.ModeSocket == 0 {
		return fmt.Errorf("%s exists and is not a socket: move it away or choose another path", path)
	}
	c, err := net.Dial("unix", path)
	if err == nil {
		c.Close()
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return &net.OpError{Op: "listen", Net: "unix", Err: os.NewSyscallError("bind", syscall.EADDRINUSE)}
	}
	return os.Remove(path)
}

// listenDescriptor takes over a listening socket that this process inherited.
func listenDescriptor(text string) (net.Listener, error) {
	n, err := strconv.ParseUint(text, 10, 31)
	if err != nil {
		return nil, fmt.Errorf("fd:%s is not a descriptor: write fd:3", text)
	}
	f := os.NewFile(uintptr(n), "fd:"+text)
	if f == nil {
		return nil, fmt.Errorf("descriptor %d is not open", n)
	}
	defer f.Close() // FileListener works on a copy
	l, err := net.FileListener(f)
	if err != nil {
		return nil, fmt.Errorf("descriptor %d is not a listening socket: %w", n, err)
	}
	return l, nil
}

// boundURL is the address with what the system chose filled in.
func boundURL(a Address, l net.Listener) string {
	if a.isUnix() {
		return a.String()
	}
	if a.isDescriptor() {
		return listenerURL(a.Scheme, l)
	}
	a.Port = port(l)
	if !a.ip().IsValid() && !strings.EqualFold(a.Host, "localhost") {
		a.Host = "[::]"
		if tcp := l.Addr().(*net.TCPAddr); tcp.IP.To4() != nil {
			a.Host = "0.0.0.0"
		}
	}
	return a.String()
}

func port(l net.Listener) int {
	if tcp, ok := l.Addr().(*net.TCPAddr); ok {
		return tcp.Port
	}
	return 0
}

// listenerURL is the URL of a listener that was made elsewhere. One without an address is named by its type.
func listenerURL(scheme string, l net.Listener) string {
	if l.Addr() == nil {
		return fmt.Sprintf("%s://%T", scheme, l)
	}
	if l.Addr().Network() == "unix" {
		return scheme + "://unix:" + l.Addr().String()
	}
	return scheme + "://" + l.Addr().String()
}

// listenerURL is the URL of the endpoint's Listener, and scheme what it has for one.
func (e *Endpoint) listenerURL() string { return listenerURL(e.scheme(), e.Listener) }

func (e *Endpoint) scheme() string {
	if e.encrypted() {
		return "https"
	}
	return "http"
}
