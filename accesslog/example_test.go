package accesslog_test

import (
	"fmt"
	"os"
	"time"

	"github.com/lannerhq/lanner/accesslog"
)

func Example() {
	log := accesslog.New(os.Stdout, accesslog.Options{Format: accesslog.CLF})
	log.Write(&accesslog.Entry{
		Time: time.Date(2026, 11, 24, 9, 0, 55, 0, time.UTC), RemoteAddr: "203.0.113.7:51324",
		Method: "GET", Target: "/\n", Protocol: "HTTP/1.1", Status: 200, ResponseBytes: 2,
	})
	if err := log.Close(); err != nil {
		fmt.Println(err)
	}
	// Output: 203.0.113.7 - - [24/Nov/2026:09:00:55 +0000] "GET /\n HTTP/1.1" 200 2
}
