package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// errUnavailable is that the machine lacks something without which nothing can be measured.
var errUnavailable = errors.New("this machine lacks something")

// tool is a program that is not built here.
type tool struct {
	name     string
	packages []string // of Debian
	version  string   // the argument that makes it say its version
}

// debianTools are the tools that can be installed. h2load is for rows of HTTP/2, as h2o and nghttpd are.
var debianTools = []tool{
	{"wrk", []string{"wrk"}, "-v"},
	{"h2load", []string{"nghttp2-client"}, "--version"},
	{"h2o", []string{"h2o"}, "--version"},
	{"nghttpd", []string{"nghttp2-server"}, "--version"},
	{"nginx", []string{"nginx-light"}, "-v"},
	{"haproxy", []string{"haproxy"}, "-v"},
	{"cc", []string{"gcc", "libc6-dev"}, "--version"},
	{"taskset", []string{"util-linux"}, "--version"},
}

// findTools returns the paths of those that are here.
func findTools() map[string]string {
	found := make(map[string]string)
	for _, t := range debianTools {
		if path := lookPath(t.name); path != "" {
			found[t.name] = path
		}
	}
	return found
}

// lookPath also looks where servers are, which are not in everybody's PATH.
func lookPath(name string) string {
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	for _, dir := range []string{"/usr/sbin", "/usr/local/sbin"} {
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return path
		}
	}
	return ""
}

// missing says how to get a tool that is not here.
func missing(name string) string {
	i := slices.IndexFunc(debianTools, func(t tool) bool { return t.name == name })
	return fmt.Sprintf("%s is not here: apt-get install %s, or run as root with -install", name, strings.Join(debianTools[i].packages, " "))
}

// installTools installs what is missing, with the output on progress.
func installTools(ctx context.Context, progress io.Writer) (err error) {
	apt, lookErr := exec.LookPath("apt-get")
	if lookErr != nil || os.Geteuid() != 0 {
		return fmt.Errorf("%w: -install needs root and apt-get", errUnavailable)
	}
	found := findTools()
	var packages []string
	for _, t := range debianTools {
		if found[t.name] == "" {
			packages = append(packages, t.packages...)
		}
	}
	if len(packages) == 0 {
		return nil
	}
	fmt.Fprintln(progress, "installing", strings.Join(packages, " "))
	remove, err := forbidServices()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, remove()) }()
	for _, args := range [][]string{{"update", "-qq"}, append([]string{"install", "-y", "-qq", "--no-install-recommends"}, packages...)} {
		cmd := exec.CommandContext(ctx, apt, args...)
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		cmd.Cancel = func() error { return terminate(cmd.Process.Pid) } // it must not leave a package half installed
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("apt-get %s: %w\n%s", strings.Join(args, " "), err, out.String())
		}
	}
	return nil
}

// policyFile is asked by Debian's packages whether they may start their services (invoke-rc.d(8)).
const policyFile = "/usr/sbin/policy-rc.d"

// forbidServices keeps packages from starting nginx, haproxy and h2o as services. An existing policy is left as it is.
func forbidServices() (remove func() error, err error) {
	f, err := os.OpenFile(policyFile, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	if errors.Is(err, os.ErrExist) {
		return func() error { return nil }, nil
	}
	if err != nil {
		return nil, err
	}
	_, err = io.WriteString(f, "#!/bin/sh\nexit 101\n") // "action forbidden by policy"
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, errors.Join(err, os.Remove(policyFile))
	}
	return func() error { return os.Remove(policyFile) }, nil
}

var versionNumber = regexp.MustCompile(`\d+\.\d+(\.\d+)*`)

// toolVersion is the version number that a tool says; "" when it says none.
func toolVersion(ctx context.Context, path string) string {
	i := slices.IndexFunc(debianTools, func(t tool) bool { return t.name == filepath.Base(path) })
	if i < 0 {
		return ""
	}
	out, _ := exec.CommandContext(ctx, path, debianTools[i].version).CombinedOutput() // wrk -v says it and fails
	line, _, _ := strings.Cut(string(out), "\n")
	return versionNumber.FindString(line)
}
