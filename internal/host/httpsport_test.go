package host

import (
	"strconv"
	"strings"
	"testing"

	"github.com/lannerhq/lanner/internal/host/config"
)

func TestAWorkerIsToldTheOnlyHTTPSPortOfItsSite(t *testing.T) {
	const name = "ASPNETCORE_ANCM_HTTPS_PORT"
	t.Setenv(name, "1") // of the host itself: none of its workers' business
	for _, tt := range []struct {
		why   string
		ports []int
		env   map[string]string
		want  string // "" when there is no variable
	}{
		{"one https binding", []int{8443}, nil, "8443"},                        // an-208
		{"two with one port, for two host names", []int{443, 443}, nil, "443"}, // an-208
		{"two ports", []int{443, 8443}, nil, ""},                               // an-210
		{"and the first again", []int{443, 8443, 443}, nil, ""},                // an-210
		{"no https binding", nil, nil, ""},
		{"the application's own wins", []int{8443}, map[string]string{name: "123"}, "123"}, // an-209
		{"also where the site has none", nil, map[string]string{name: "123"}, "123"},       // an-209
		{"an empty one is kept", []int{8443}, map[string]string{name: ""}, "empty"},        // an-209
	} {
		site := &config.Site{Bindings: []config.Binding{{Protocol: config.HTTP, Port: 80}}}
		for _, port := range tt.ports {
			site.Bindings = append(site.Bindings, config.Binding{Protocol: config.HTTPS, Port: port})
		}
		cfg := newAppConfig(&config.Config{Pools: map[string]*config.Pool{"p": {}}}, site, &config.Application{Pool: "p", Environment: tt.env})
		p := &inProcess{w: &worker{app: &application{site: "shop", path: "/"}}}
		got := ""
		for _, kv := range p.environment(cfg) { // of one name, the last counts
			if value, ok := strings.CutPrefix(kv, name+"="); ok {
				if got = value; got == "" {
					got = "empty"
				}
			}
		}
		if got != tt.want {
			t.Errorf("%s: in-process the variable is %q, want %q", tt.why, got, tt.want)
		}
		if tt.env == nil { // out-of-process the module adds it, unless there is a variable already
			want, _ := strconv.Atoi(tt.want)
			if cfg.httpsPort != want {
				t.Errorf("%s: the module is told %d, want %d", tt.why, cfg.httpsPort, want)
			}
		}
	}
}
