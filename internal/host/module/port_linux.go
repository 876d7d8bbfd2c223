package module

import (
	"os"
	"strconv"
	"strings"
)

// candidatePorts leaves out the range of the system's own choice, and what the
// administrator has reserved for somebody (the kernel's ip-sysctl document).
func candidatePorts() []portRange {
	local, _ := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	reserved, _ := os.ReadFile("/proc/sys/net/ipv4/ip_local_reserved_ports")
	return outside(append(parseLocalRange(string(local)), parseReserved(string(reserved))...))
}

// parseLocalRange reads "32768	60999".
func parseLocalRange(s string) []portRange {
	f := strings.Fields(s)
	if len(f) != 2 {
		return nil
	}
	return parseRange(f[0], f[1])
}

// parseReserved reads "8080,9148" or "1024-2048,30000".
func parseReserved(s string) []portRange {
	var all []portRange
	for part := range strings.SplitSeq(strings.TrimSpace(s), ",") {
		from, to, ok := strings.Cut(part, "-")
		if !ok {
			to = from
		}
		all = append(all, parseRange(from, to)...)
	}
	return all
}

func parseRange(from, to string) []portRange {
	a, err1 := strconv.ParseUint(from, 10, 16)
	b, err2 := strconv.ParseUint(to, 10, 16)
	if err1 != nil || err2 != nil || a > b {
		return nil
	}
	return []portRange{{int(a), int(b)}}
}
