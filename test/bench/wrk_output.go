package main

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"time"
)

var (
	wrkRequests   = regexp.MustCompile(`(?m)^\s*(\d+) requests in `)
	wrkPerSecond  = regexp.MustCompile(`(?m)^Requests/sec:\s+([0-9.]+)$`)
	wrkPercentile = regexp.MustCompile(`(?m)^\s+(50|99)%\s+([0-9.]+)(us|ms|s|m|h)$`)
	wrkTrouble    = regexp.MustCompile(`(?m)^\s*((?:Non-2xx or 3xx responses|Socket errors): .*)$`)
)

// parseWrk reads the output of wrk --latency. A response other than 2xx or 3xx and a failed connection are errors: a server
// that answers wrongly is not measured. A percentile that is 0 in it is not known: wrk says "0.00us" now and then when the
// answers to pipelined requests come faster than its clock ticks.
func parseWrk(out string) (loadResult, error) {
	var r loadResult
	if trouble := wrkTrouble.FindStringSubmatch(out); trouble != nil {
		return r, errors.New(trouble[1])
	}
	m := wrkRequests.FindStringSubmatch(out)
	if m == nil {
		return r, fmt.Errorf("its output does not say how many requests it made:\n%s", out)
	}
	var err error
	if r.requests, err = strconv.ParseInt(m[1], 10, 64); err != nil || r.requests == 0 {
		return r, fmt.Errorf("it made %s requests", m[1])
	}
	if m = wrkPerSecond.FindStringSubmatch(out); m == nil {
		return r, fmt.Errorf("its output has no line Requests/sec:\n%s", out)
	}
	if r.perSecond, err = strconv.ParseFloat(m[1], 64); err != nil {
		return r, fmt.Errorf("requests per second: %w", err)
	}
	told := make(map[string]time.Duration)
	for _, m := range wrkPercentile.FindAllStringSubmatch(out, -1) {
		if told[m[1]], err = time.ParseDuration(m[2] + m[3]); err != nil {
			return r, fmt.Errorf("percentile %s: %w", m[1], err)
		}
	}
	if len(told) != 2 {
		return r, fmt.Errorf("its output has no latency distribution:\n%s", out)
	}
	r.p50, r.p99 = told["50"], told["99"]
	return r, nil
}
