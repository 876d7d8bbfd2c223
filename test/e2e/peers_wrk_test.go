//go:build linux

package e2e

import (
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

var wrkRequests = regexp.MustCompile(`(\d+) requests in`)

func TestWrkSeesNoFailureDuringTwentyRecycles(t *testing.T) {
	for path, hosting := range map[string]string{"/": "in-process", "/out/": "out-of-process"} {
		t.Run(hosting, func(t *testing.T) {
			program := needPeer(t, "wrk")
			h := startLanner(t, bothModels)
			h.get(path)
			wrk := startChild(t, exec.Command(program, "-t1", "-c64", "-d5s", "--latency", h.url(path)))
			recycles := 0
			for ; recycles < 20; recycles++ {
				if out, err := h.lanner("recycle", "shop"); err != nil {
					t.Fatalf("recycle %d: %v: %s", recycles, err, out)
				}
			}
			if !wrk.ended(peerTimeout) {
				t.Fatal("wrk does not end")
			}
			report := wrk.log.String()
			m := wrkRequests.FindStringSubmatch(report)
			if m == nil || m[1] == "0" || strings.Contains(report, "Socket errors") || strings.Contains(report, "Non-2xx") {
				t.Errorf("wrk reports failures during %d recycles:\n%s", recycles, report)
			}
			if m != nil {
				t.Logf("%s requests, %d recycles", m[1], recycles)
			}
		})
	}
}
