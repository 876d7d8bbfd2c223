package acme

import (
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"testing"

	"github.com/letsencrypt/challtestsrv"
	"github.com/miekg/dns"
	"go.uber.org/goleak"
)

var (
	// names is where the tests' names are looked up: each leads to 127.0.0.1.
	names *challtestsrv.ChallSrv
	// resolver is its address.
	resolver string
)

func TestMain(m *testing.M) {
	if os.Getenv(hostedProgram) != "" {
		if err := runHosted(); err != nil {
			log.Fatal(err)
		}
		return
	}
	if os.Getenv(childFolder) != "" {
		os.Exit(child())
	}
	os.Setenv("PEBBLE_VA_NOSLEEP", "1")
	os.Setenv("PEBBLE_AUTHZREUSE", "0") // each order is validated
	stop, err := serveNames()
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	code := m.Run()
	stop()
	if err := goleak.Find(
		// Pebble's queue of validations has no end.
		goleak.IgnoreAnyFunction("github.com/letsencrypt/pebble/v2/va.VAImpl.processTasks"),
		// Nor has certmagic's limiter of its own rate, of which a process has one for each directory.
		goleak.IgnoreAnyFunction("github.com/caddyserver/certmagic.(*RingBufferRateLimiter).loop"),
	); code == 0 && err != nil {
		fmt.Println(err)
		code = 1
	}
	os.Exit(code)
}

// zone is the start of authority that challtestsrv has not, and a libdns provider needs.
const zone = "dns.test."

// serveNames answers DNS on one port, by UDP and TCP.
func serveNames() (stop func(), err error) {
	// It listens by itself when Run; what counts is that it puts its handler into the multiplexer of package dns.
	names, err = challtestsrv.New(challtestsrv.Config{Log: log.New(io.Discard, "", 0), DNSAddrs: []string{"127.0.0.1:0"}})
	if err != nil {
		return nil, err
	}
	names.SetDefaultDNSIPv4("127.0.0.1")
	names.SetDefaultDNSIPv6("")
	var l net.Listener
	var p net.PacketConn
	for range 10 { // until a port is free for both
		if l, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			return nil, err
		}
		if p, err = net.ListenPacket("udp", l.Addr().String()); err == nil {
			break
		}
		l.Close()
	}
	if err != nil {
		return nil, err
	}
	resolver = l.Addr().String()
	handler := dns.HandlerFunc(func(w dns.ResponseWriter, r *dns.Msg) {
		if q := r.Question[0]; q.Qtype == dns.TypeSOA {
			m := new(dns.Msg).SetReply(r)
			if q.Name == zone {
				m.Answer = []dns.RR{&dns.SOA{Hdr: dns.RR_Header{Name: zone, Rrtype: dns.TypeSOA, Class: dns.ClassINET}, Ns: "ns." + zone, Mbox: "m." + zone}}
			}
			w.WriteMsg(m)
			return
		}
		dns.DefaultServeMux.ServeDNS(w, r)
	})
	servers := []*dns.Server{{Listener: l, Handler: handler}, {PacketConn: p, Handler: handler}}
	for _, srv := range servers {
		started := make(chan struct{})
		srv.NotifyStartedFunc = func() { close(started) }
		go srv.ActivateAndServe()
		<-started
	}
	return func() {
		for _, srv := range servers {
			srv.Shutdown()
		}
	}, nil
}
