package main

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// h2loadResult is what h2load says at its end.
type h2loadResult struct {
	loadResult
	bytes         int64         // of bodies, also of those that were not whole at the end
	mean, longest time.Duration // from a request's beginning until its answer's end
}

// figures are those that only h2load tells. It prints no percentiles.
func (r h2loadResult) figures() []figure {
	return []figure{{"mean", micros(r.mean), microseconds}, {"longest", micros(r.longest), microseconds}}
}

var (
	h2loadProtocol = regexp.MustCompile(`(?m)^Application protocol: (\S+)$`)
	h2loadRate     = regexp.MustCompile(`(?m)^finished in \S+, ([0-9.]+) req/s, `)
	h2loadRequests = regexp.MustCompile(`(?m)^requests: \d+ total, (\d+) started, (\d+) done, (\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout$`)
	h2loadStatuses = regexp.MustCompile(`(?m)^status codes: \d+ 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx$`)
	h2loadTraffic  = regexp.MustCompile(`(?m)^traffic: .* \((\d+)\) data$`)
	h2loadTimes    = regexp.MustCompile(`(?m)^time for request: +\S+ +([0-9.]+)(us|ms|s) +([0-9.]+)(us|ms|s) `)
)

// parseH2load reads the output of h2load -D with so many connections and streams on each. A response other than 2xx, a failed
// request, a protocol other than the one that is to be measured, and a connection that did not last until the end are errors:
// h2load itself takes HTTP/1.1 from a server that knows no better, stops asking when a server says goodbye, and ends with 0
// when nobody answers.
func parseH2load(out string, over protocol, connections, streams int) (h2loadResult, error) {
	var r h2loadResult
	requests := h2loadRequests.FindStringSubmatch(out)
	statuses := h2loadStatuses.FindStringSubmatch(out)
	if requests == nil || statuses == nil {
		return r, fmt.Errorf("its output does not say what became of its requests:\n%s", out)
	}
	for _, text := range requests[4:] {
		if strings.Trim(text, "0") != "" {
			return r, errors.New(requests[0])
		}
	}
	for _, text := range statuses[1:] {
		if strings.Trim(text, "0") != "" {
			return r, errors.New(statuses[0])
		}
	}
	started, err := strconv.ParseInt(requests[1], 10, 64)
	if err != nil {
		return r, fmt.Errorf("it started %s requests", requests[1])
	}
	if r.requests, err = strconv.ParseInt(requests[2], 10, 64); err != nil || r.requests == 0 || requests[2] != requests[3] {
		return r, fmt.Errorf("it finished %s requests, %s of them well:\n%s", requests[2], requests[3], out)
	}
	if open := started - r.requests; open <= int64((connections-1)*streams) { // each has its streams under way all the time
		return r, fmt.Errorf("only %d requests were under way at the end, on %d connections with %d streams: the server closed some, or takes fewer streams", open, connections, streams)
	}
	if m := h2loadProtocol.FindStringSubmatch(out); m == nil || m[1] != string(over) {
		return r, fmt.Errorf("it did not speak %s alone:\n%s", over, out)
	}
	rate, traffic, times := h2loadRate.FindStringSubmatch(out), h2loadTraffic.FindStringSubmatch(out), h2loadTimes.FindStringSubmatch(out)
	if rate == nil || traffic == nil || times == nil {
		return r, fmt.Errorf("its output lacks rate, traffic or times:\n%s", out)
	}
	var errs [4]error
	r.perSecond, errs[0] = strconv.ParseFloat(rate[1], 64)
	r.bytes, errs[1] = strconv.ParseInt(traffic[1], 10, 64)
	r.longest, errs[2] = time.ParseDuration(times[1] + times[2])
	r.mean, errs[3] = time.ParseDuration(times[3] + times[4])
	if err := errors.Join(errs[:]...); err != nil {
		return r, err
	}
	if r.perSecond <= 0 || r.mean > r.longest {
		return r, fmt.Errorf("its figures contradict each other: %v requests/s, %v at most, %v in the mean", r.perSecond, r.longest, r.mean)
	}
	return r, nil
}
