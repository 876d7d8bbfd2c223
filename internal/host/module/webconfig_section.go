package module

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// configReader reads the section and keeps the first error.
type configReader struct {
	path, dir string
	getenv    func(string) (string, bool)
	err       error
}

func (r *configReader) fail(n *node, format string, args ...any) {
	if r.err == nil {
		r.err = &ConfigError{Path: r.path, Line: n.line, Column: n.column, Err: fmt.Errorf(format, args...)}
	}
}

// expand replaces variables, but not those that stand for the port.
func (r *configReader) expand(s string) string {
	return expand(s, func(name string) (string, bool) {
		if isPortName(name) {
			return "", false
		}
		return r.getenv(name)
	})
}

// sectionAttrs are the attributes of the module's schema.
var sectionAttrs = []string{
	"processPath", "arguments", "hostingModel", "startupTimeLimit", "shutdownTimeLimit", "rapidFailsPerMinute",
	"requestTimeout", "stdoutLogEnabled", "stdoutLogFile", "processesPerApplication",
	"forwardWindowsAuthToken", "disableStartUpErrorPage",
}

// section reads aspNetCore, with the names, ranges, defaults and messages of the
// module's schema.
func (r *configReader) section(n *node) *WebConfig {
	for _, a := range n.attrs {
		if !slices.Contains(sectionAttrs, a.Name.Local) {
			r.fail(n, "unrecognized attribute '%s': aspNetCore has %s", a.Name.Local, strings.Join(sectionAttrs, ", "))
		}
	}
	c := &WebConfig{
		HostingModel:            r.hostingModel(n),
		StartLimit:              time.Duration(r.number(n, "startupTimeLimit", 120, 0, 3600)) * time.Second,
		StopLimit:               time.Duration(r.number(n, "shutdownTimeLimit", 10, 0, 600)) * time.Second,
		RapidFailsPerMinute:     r.number(n, "rapidFailsPerMinute", 10, 0, 100),
		RequestTimeout:          r.span(n, "requestTimeout", 2*time.Minute, 360*time.Hour),
		ProcessesPerApplication: r.number(n, "processesPerApplication", 1, 1, 100),
		ForwardWindowsAuthToken: r.boolean(n, "forwardWindowsAuthToken", true),
		DisableStartUpErrorPage: r.boolean(n, "disableStartUpErrorPage", false),
		HandlerSettings:         make(map[string]string),
	}
	c.Command = r.command(n)
	if r.boolean(n, "stdoutLogEnabled", false) {
		c.StdoutLog = r.logFile(n)
	}
	for _, child := range n.children {
		switch child.name {
		case "environmentVariables":
			c.Vars = r.variables(child)
		case "handlerSettings":
			r.handlerSettings(child, c.HandlerSettings)
		case "recycleOnFileChange": // in the schema, and read by nobody
		default:
			r.authoring(child)
		}
	}
	return c
}

// authoring is the module's message for what its schema does not know.
func (r *configReader) authoring(n *node) {
	r.fail(n, "Unable to get required configuration section 'system.webServer/aspNetCore'. Possible reason is web.config authoring error: element '%s' is not expected here", n.name)
}

func (r *configReader) hostingModel(n *node) string {
	model, _ := n.attr("hostingModel")
	switch strings.ToLower(model) {
	case "inprocess":
		return "inprocess"
	case "outofprocess", "":
		return "outofprocess"
	}
	r.fail(n, "Unknown hosting model '%s'. Please specify either hostingModel=\"inprocess\" or hostingModel=\"outofprocess\" in the web.config file.", model)
	return ""
}

func (r *configReader) number(n *node, name string, def, low, high int) int {
	text, ok := n.attr(name)
	if !ok {
		return def
	}
	v, err := strconv.ParseUint(text, 10, 31)
	if err != nil || int(v) < low || int(v) > high {
		r.fail(n, "attribute '%s' is \"%s\": it must be a number from %d to %d", name, text, low, high)
	}
	return int(v)
}

func (r *configReader) boolean(n *node, name string, def bool) bool {
	text, ok := n.attr(name)
	switch {
	case !ok:
		return def
	case strings.EqualFold(text, "true"):
		return true
	case strings.EqualFold(text, "false"):
		return false
	}
	r.fail(n, "attribute '%s' is \"%s\": it must be true or false", name, text)
	return def
}

func (r *configReader) span(n *node, name string, def, most time.Duration) time.Duration {
	text, ok := n.attr(name)
	if !ok {
		return def
	}
	d, err := parseSpan(text)
	if err != nil || d > most {
		r.fail(n, "attribute '%s' is \"%s\": it must be hours:minutes:seconds, at most %d:00:00", name, text, int(most.Hours()))
	}
	return d
}

var errSpan = errors.New("not hours:minutes:seconds")

// parseSpan reads "00:02:00", "360:00:00" or "15.00:00:00" (with days).
func parseSpan(s string) (time.Duration, error) {
	days, rest, ok := strings.Cut(s, ".")
	if !ok {
		days, rest = "0", s
	}
	f := strings.Split(rest, ":")
	if len(f) != 3 {
		return 0, errSpan
	}
	var v [4]uint64
	for i, text := range append([]string{days}, f...) {
		n, err := strconv.ParseUint(text, 10, 16)
		if err != nil || i >= 2 && n > 59 {
			return 0, errSpan
		}
		v[i] = n
	}
	hours := time.Duration(v[0]*24 + v[1])
	return hours*time.Hour + time.Duration(v[2])*time.Minute + time.Duration(v[3])*time.Second, nil
}

func (r *configReader) logFile(n *node) string {
	file, ok := n.attr("stdoutLogFile")
	if !ok || file == "" {
		file = `.\aspnetcore-stdout`
	}
	file = slashes(r.expand(file))
	if !filepath.IsAbs(file) {
		file = filepath.Join(r.dir, file)
	}
	return file
}

func (r *configReader) variables(n *node) []Variable {
	var vars []Variable
	for _, child := range n.children {
		if child.name == "clear" {
			vars = nil
			continue
		}
		if child.name != "environmentVariable" {
			r.authoring(child)
			continue
		}
		name, _ := child.attr("name")
		value, ok := child.attr("value")
		v := Variable{Name: name, Value: r.expand(value)}
		switch {
		case name == "":
			r.fail(child, "Attribute 'name' is required.")
		case !ok:
			r.fail(child, "Attribute 'value' is required.")
		case has(vars, name):
			r.fail(child, "environment variable '%s' is set twice", name)
		default:
			if err := v.check(); err != nil {
				r.fail(child, "%w", err)
			}
		}
		vars = append(vars, v)
	}
	return vars
}

func has(vars []Variable, name string) bool {
	_, ok := lookup(vars, name)
	return ok
}

func (r *configReader) handlerSettings(n *node, into map[string]string) {
	for _, child := range n.children {
		if child.name == "clear" {
			clear(into)
			continue
		}
		if child.name != "handlerSetting" {
			r.authoring(child)
			continue
		}
		name, _ := child.attr("name")
		value, ok := child.attr("value")
		if name == "" || !ok {
			r.fail(child, "a handlerSetting needs the attributes 'name' and 'value'")
		}
		into[strings.ToLower(name)] = value
	}
}

// maxRequestBody reads security/requestFiltering/requestLimits.
func (r *configReader) maxRequestBody(server *node) int64 {
	n := server.child("security").child("requestFiltering").child("requestLimits")
	text, ok := n.attr("maxAllowedContentLength")
	if !ok {
		return 0
	}
	v, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		r.fail(n, "attribute 'maxAllowedContentLength' is \"%s\": it must be a number up to 4294967295", text)
	}
	return int64(v)
}
