package kestrel

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// firstDescriptor is where systemd begins (sd_listen_fds(3)).
const firstDescriptor = 3

// SystemdEndpoints returns an endpoint for each socket that systemd, or anything that speaks its protocol, passed to this
// process, named by LISTEN_FDNAMES. It returns none when LISTEN_PID does not name this process. The variables are
// removed from the environment, so that children do not take them for theirs.
func SystemdEndpoints() ([]Endpoint, error) {
	pid, count, names := os.Getenv("LISTEN_PID"), os.Getenv("LISTEN_FDS"), os.Getenv("LISTEN_FDNAMES")
	if pid == "" || pid != strconv.Itoa(os.Getpid()) {
		return nil, nil
	}
	n := 1 // as Kestrel's UseSystemd, when the count is not said
	if count != "" {
		var err error
		if n, err = strconv.Atoi(count); err != nil || n < 0 || n > 1024 {
			return nil, fmt.Errorf("LISTEN_FDS is %q: it must be a number of descriptors", count)
		}
	}
	for _, name := range []string{"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"} {
		os.Unsetenv(name)
	}
	list := strings.Split(names, ":")
	var out []Endpoint
	for i := range n {
		e := Endpoint{URL: "http://fd:" + strconv.Itoa(firstDescriptor+i)}
		if i < len(list) {
			e.Name = list[i]
		}
		out = append(out, e)
	}
	return out, nil
}
