package config

import (
	"strings"
	"testing"
)

const twoSites = `
pools: {web: {}}
sites:
  blog:
    bindings: [http://127.0.0.1:8081]
    applications: [{hosting: inprocess, command: ./blog}]
  shop:
    bindings: [http://127.0.0.1:8080]
    applications:
      - {hosting: inprocess, command: ./shop, pool: web}
      - {path: /api, hosting: outofprocess, command: node server.js}
`

func TestDiffListsOnlyWhatChanged(t *testing.T) {
	for _, test := range []struct {
		why, old, new, want string
	}{
		{"the same text", "", "", ""},
		{"lines and quotes do not count", "./blog", "\"./blog\"\n      \n", ""},
		{"a default that is written out does not count", "pools: {web: {}}", "pools: {web: {queueLength: 1000}}\nlog: {level: info}", ""},
		{"an application", "./blog", "./blog2", "changed application blog/: command\n"},
		{"a binding does not touch the applications", "8081", "8082", "changed site blog: bindings\n"},
		{"a pool with a name", "web: {}", "web: {idleTimeout: 1m, recycling: {time: 0}}", "changed pool web: idleTimeout, recycling\n"},
		{"a pool of its own", "command: ./blog", "command: ./blog, pool: {maxProcesses: 2}", "changed pool blog/: maxProcesses\n"},
		{"another pool", "./blog", "./blog, pool: web", "removed pool blog/\nchanged application blog/: pool\n"},
		{"a path", "/api", "/v1", "removed pool shop/api\nadded pool shop/v1\nremoved application shop/api\nadded application shop/v1\n"},
		{"a site", "  blog:", "  news:", "removed pool blog/\nadded pool news/\nremoved site blog\nadded site news\nremoved application blog/\nadded application news/\n"},
		{"a setting", "pools:", "shutdownTimeLimit: 1s\nlog: {format: json}\npools:", "changed log\nchanged shutdownTimeLimit\n"},
		{"limits", "[http://127.0.0.1:8081]", "[http://127.0.0.1:8081]\n    limits: {maxConnections: 5}", "changed site blog: limits\n"},
	} {
		before := mustParse(t, twoSites)
		after := mustParse(t, strings.Replace(twoSites, test.old, test.new, 1))
		changes := Diff(before, after)
		want(t, test.why, changes.String(), test.want)
		want(t, test.why+" is empty or not", changes.Empty(), test.want == "")
	}
}

func TestDiffSeesANewValueOfAVariable(t *testing.T) {
	text := []byte(minimal + "        environment: {A: '${env:MODE}'}\n")
	before, err := parse("lanner.yaml", text, testSystem())
	if err != nil {
		t.Fatal(err)
	}
	changed := testSystem()
	changed.lookupEnv = func(name string) (string, bool) {
		if name == "MODE" {
			return "other", true
		}
		return testSystem().lookupEnv(name)
	}
	after, err := parse("lanner.yaml", text, changed)
	if err != nil {
		t.Fatal(err)
	}
	got := Diff(before, after)
	want(t, "the text is the same, the value is not", got.Applications, []Change{{Name: "web/", Action: Changed, Keys: []string{"environment"}}})
	if strings.Contains(got.String(), "other") {
		t.Error("a difference is shown without values, which may be secrets")
	}
}
