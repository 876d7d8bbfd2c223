//go:build unix

package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/pprof"
	"strconv"
	"strings"
	"syscall"
	"time"

	peer "github.com/quic-go/quic-go/http3"

	"github.com/lannerhq/lanner"
	"github.com/lannerhq/lanner/http3"
	"github.com/lannerhq/lanner/kestrel"
	"github.com/lannerhq/lanner/server"
	"github.com/lannerhq/lanner/test/selfsigned"
)

var block = bytes.Repeat([]byte("0123456789abcdef"), 1024)

// handler is what both servers have.
func handler() http.Handler {
	mux := http.NewServeMux()
	answer := func(path, kind string, content []byte) {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			w.Write(content)
		})
	}
	answer("/plaintext", "text/plain", []byte("Hello, World!"))
	answer("/json", "application/json", []byte(`{"message":"Hello, World!"}`))
	answer("/bytes", "application/octet-stream", block)
	mux.HandleFunc("POST /echo", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Write(body)
	})
	return mux
}

// serve is the process of a server: it says where it listens, and then, for each line it reads, what CPU time it has used.
func serve(name string) error {
	cert, err := selfsigned.New("127.0.0.1")
	if err != nil {
		return err
	}
	secure := &tls.Config{Certificates: []tls.Certificate{cert}}
	lanner.TuneGC() // both: what is compared is the server
	if name == "lanner" {
		k := kestrel.New(kestrel.Options{HTTP3: http3.New(http3.Options{}), Endpoints: []kestrel.Endpoint{{
			URL: "https://127.0.0.1:0", Protocols: kestrel.HTTP3Only, TLS: secure,
		}}})
		if err := k.Start(context.Background(), server.HTTP(handler())); err != nil {
			return err
		}
		fmt.Println(strings.TrimPrefix(k.Addresses()[0], "https://"))
	} else {
		socket, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			return err
		}
		s := &peer.Server{Handler: handler(), TLSConfig: peer.ConfigureTLSConfig(secure)}
		go s.Serve(socket)
		fmt.Println(socket.LocalAddr())
	}
	if dir := os.Getenv("H3_PROFILE"); dir != "" {
		out, err := os.Create(filepath.Join(dir, name+".prof"))
		if err != nil {
			return err
		}
		pprof.StartCPUProfile(out)
		defer pprof.StopCPUProfile()
	}
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		var used syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
			return err
		}
		fmt.Println(used.Utime.Nano() + used.Stime.Nano())
	}
	return nil
}

// child is that process.
type child struct {
	name, addr string
	cmd        *exec.Cmd
	in         io.WriteCloser
	out        *bufio.Scanner
}

func start(name string) (*child, error) {
	c := &child{name: name, cmd: exec.Command(os.Args[0], name)}
	c.cmd.Stderr = os.Stderr
	var err error
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	c.out = bufio.NewScanner(out)
	if !c.out.Scan() {
		return nil, fmt.Errorf("%s did not start", name)
	}
	c.addr = c.out.Text()
	return c, nil
}

func (c *child) cpu() (time.Duration, error) {
	fmt.Fprintln(c.in)
	if !c.out.Scan() {
		return 0, fmt.Errorf("%s has ended: %w", c.name, io.ErrUnexpectedEOF)
	}
	n, err := strconv.ParseInt(c.out.Text(), 10, 64)
	return time.Duration(n), err
}

func (c *child) stop() {
	c.in.Close()
	c.cmd.Wait()
}
