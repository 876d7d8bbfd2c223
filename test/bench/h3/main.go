//go:build unix

// Command h3 compares HTTP/3 of Lanner with that of quic-go, which have QUIC in common: the same handler, each in a process of its own, the
// client quic-go's in another. It prints requests per second, and per second of the server's CPU.
//
//	go run ./test/bench/h3 [-for 3s] [-rounds 3] [-conns 8] [-streams 16] [-path /plaintext]
//
// With H3_PROFILE=DIR in the environment each server writes a CPU profile there. Paths are /plaintext, /json, /bytes (16 KiB) and /echo (a POST of 4 KiB). The servers take turns, so that both see the same machine.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"slices"
	"time"
)

// servers are what is compared, by the names of their processes.
var servers = []string{"lanner", "quic-go"}

func main() {
	if len(os.Args) == 2 && slices.Contains(servers, os.Args[1]) {
		if err := serve(os.Args[1]); err != nil {
			log.Fatal(err)
		}
		return
	}
	var l load
	d := flag.Duration("for", 3*time.Second, "how long a round is")
	rounds := flag.Int("rounds", 3, "how many rounds each server has")
	flag.IntVar(&l.conns, "conns", 8, "connections")
	flag.IntVar(&l.streams, "streams", 16, "requests at once on each")
	flag.StringVar(&l.path, "path", "/plaintext", "what is asked for")
	flag.Parse()
	if err := compare(l, *rounds, *d); err != nil {
		log.Fatal(err)
	}
}

// compare prints a line for each round, and what the medians of the two are to each other.
func compare(l load, rounds int, d time.Duration) error {
	var children []*child
	for _, name := range servers {
		c, err := start(name)
		if err != nil {
			return err
		}
		defer c.stop()
		children = append(children, c)
	}
	perCPU := make(map[string][]float64)
	for round := range rounds + 1 {
		for _, c := range children {
			before, err := c.cpu()
			if err != nil {
				return err
			}
			began := time.Now()
			n, err := l.run(c.addr, d)
			if err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			took := time.Since(began)
			after, err := c.cpu()
			if err != nil {
				return err
			}
			if round == 0 {
				continue // both warm up
			}
			rate := float64(n) / (after - before).Seconds()
			perCPU[c.name] = append(perCPU[c.name], rate)
			fmt.Printf("%-8s %9.0f requests/s %9.0f requests per CPU second\n", c.name, float64(n)/took.Seconds(), rate)
		}
	}
	ours, theirs := median(perCPU[servers[0]]), median(perCPU[servers[1]])
	fmt.Printf("%s / %s: %.2f\n", servers[0], servers[1], ours/theirs)
	return nil
}

func median(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}
