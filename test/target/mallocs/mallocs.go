// Package mallocs lets a benchmark ask a program how many objects it has allocated, on a listener of its own: the server
// that is measured neither sees these requests nor has a branch for them.
package mallocs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// Path is where the number is.
const Path = "/debug/mallocs"

// patience bounds one question.
const patience = 10 * time.Second

// Serve answers GET Path on addr, a host and port, with the number of objects that this process has allocated so far
// (runtime.MemStats.Mallocs). Answering stops the process for some microseconds. stop ends it; the zero port is resolved
// in bound.
func Serve(addr string) (bound string, stop func() error, err error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return "", nil, fmt.Errorf("cannot tell allocations on %s: %w", addr, err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+Path, func(w http.ResponseWriter, _ *http.Request) {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		fmt.Fprintln(w, m.Mallocs)
	})
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: patience}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	return l.Addr().String(), func() error {
		err := srv.Close()
		if ended := <-served; !errors.Is(ended, http.ErrServerClosed) {
			err = errors.Join(err, ended)
		}
		return err
	}, nil
}

// Fetch asks the program on addr.
func Fetch(ctx context.Context, addr string) (uint64, error) {
	client := http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+Path, nil)
	if err != nil {
		return 0, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, fmt.Errorf("asking for allocations: %w", err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 64))
	if err != nil {
		return 0, fmt.Errorf("asking for allocations: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("asking %s for allocations: it answers %s", req.URL, resp.Status)
	}
	n, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("asking %s for allocations: %w", req.URL, err)
	}
	return n, nil
}
