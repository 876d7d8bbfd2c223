package proxyprotocol_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/lannerhq/lanner/connection"
	"github.com/lannerhq/lanner/connection/proxyprotocol"
	"github.com/lannerhq/lanner/kestrel"
	"github.com/lannerhq/lanner/server"
)

func Example() {
	log := slog.New(slog.DiscardHandler)
	balancers := []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
	srv := kestrel.New(kestrel.Options{Logger: log, Endpoints: []kestrel.Endpoint{{
		URL:        "http://127.0.0.1:0",
		Middleware: []connection.Middleware{proxyprotocol.New(proxyprotocol.Options{Trusted: balancers, Logger: log})},
	}}})
	ctx := context.Background()
	err := srv.Start(ctx, server.HTTP(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f, _ := server.From[*proxyprotocol.Feature](r.Context())
		fmt.Fprintf(w, "%s, in front of port %d", r.RemoteAddr, f.Header.Destination.(*net.TCPAddr).Port)
	})))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer srv.Stop(ctx)

	// What a load balancer sends:
	nc, err := net.Dial("tcp", strings.TrimPrefix(srv.Addresses()[0], "http://"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer nc.Close()
	io.WriteString(nc, "PROXY TCP4 203.0.113.7 198.51.100.1 50123 443\r\n")
	io.WriteString(nc, "GET / HTTP/1.1\r\nHost: example.org\r\nConnection: close\r\n\r\n")
	res, err := http.ReadResponse(bufio.NewReader(nc), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	fmt.Println(string(body))
	// Output: 203.0.113.7:50123, in front of port 443
}
