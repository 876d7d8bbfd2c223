package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// h2loadLatencies returns median and 99th percentile of the fast requests in h2load's log of that many, one of each every
// being slow. The log does not say which was which: the slowest share of that size counts as the slow ones, so that whatever
// fast requests are slower than those, these figures do not see.
func h2loadLatencies(path string, requests int64, every int) (p50, p99 time.Duration, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	all, err := readH2loadLog(f)
	if err == nil && int64(len(all)) != requests {
		err = fmt.Errorf("it has %d lines, of %d requests", len(all), requests)
	}
	if err != nil {
		return 0, 0, fmt.Errorf("h2load's log: %w", err)
	}
	slices.Sort(all)
	fast := all[:len(all)-len(all)/every]
	return fast[(len(fast)-1)/2], fast[(len(fast)-1)*99/100], nil
}

// readH2loadLog returns the time that each request took. A line of the log is when a request began, its status and its time in
// microseconds, with tabs between.
func readH2loadLog(r io.Reader) ([]time.Duration, error) {
	var all []time.Duration
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		fields := strings.Split(lines.Text(), "\t")
		if len(fields) < 3 || len(fields[1]) != 3 || fields[1][0] != '2' {
			return nil, fmt.Errorf("line %d is %.100q, want the time, a status of 2xx and microseconds", len(all)+1, lines.Text())
		}
		us, err := strconv.ParseInt(fields[2], 10, 32)
		if err != nil || us < 0 {
			return nil, fmt.Errorf("line %d says that a request took %.100q microseconds", len(all)+1, fields[2])
		}
		all = append(all, max(1, time.Duration(us))*time.Microsecond) // 0 would be unknown
	}
	return all, lines.Err()
}
