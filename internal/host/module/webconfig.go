package module

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// WebConfig is what a web.config says about an application: the section
// system.webServer/aspNetCore that "dotnet publish" writes on every system, with
// the module's defaults for what it leaves out.
type WebConfig struct {
	// Command is the program with its arguments, ready for Options.Command: found
	// in the application's folder, variables replaced, paths in this system's form.
	Command []string
	// HostingModel is "inprocess" or "outofprocess". Both mean out-of-process here:
	// a .NET application cannot be loaded into a Go program.
	HostingModel string
	// StartLimit and StopLimit are startupTimeLimit and shutdownTimeLimit.
	StartLimit, StopLimit time.Duration
	// RapidFailsPerMinute is how many crashes in a minute are borne.
	RapidFailsPerMinute int
	// RequestTimeout bounds the silence of the application during a request.
	RequestTimeout time.Duration
	// StdoutLog is the beginning of the log file's path, absolute; empty if
	// stdoutLogEnabled is off. See StdoutLogPath.
	StdoutLog string
	// ProcessesPerApplication is how many processes share the requests.
	ProcessesPerApplication int
	// ForwardWindowsAuthToken has no meaning outside of Windows.
	ForwardWindowsAuthToken bool
	// DisableStartUpErrorPage leaves the page of a failed start to others.
	DisableStartUpErrorPage bool
	// Vars are the environmentVariables.
	Vars []Variable
	// HandlerSettings are the handlerSettings, by name in lower case.
	HandlerSettings map[string]string
	// MaxRequestBody is requestFiltering's maxAllowedContentLength in bytes; 0 if it
	// is not given.
	MaxRequestBody int64
}

// maxWebConfig bounds the size of the file. IIS's own limit is 250 KB.
const maxWebConfig = 1 << 20

// ConfigError is a fault in a web.config; event 1034.
type ConfigError struct {
	Path         string
	Line, Column int // from 1; 0 if the fault has no place
	Err          error
}

func (e *ConfigError) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("%s: %v", e.Path, e.Err)
	}
	return fmt.Sprintf("%s:%d:%d: %v", e.Path, e.Line, e.Column, e.Err)
}

// Unwrap returns the cause.
func (e *ConfigError) Unwrap() error { return e.Err }

var errNoSection = errors.New("there is no section system.webServer/aspNetCore: is this the folder that \"dotnet publish\" has written?")

// ReadWebConfig reads dir/web.config. In processPath, arguments, log path and
// values, %NAME% is replaced by what lookupEnv knows (os.LookupEnv for the
// host's). An error wraps fs.ErrNotExist if there is no file, and is a
// *ConfigError if it says something wrong.
func ReadWebConfig(dir string, lookupEnv func(string) (string, bool)) (*WebConfig, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "web.config")
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxWebConfig+1))
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", path, err)
	}
	if len(text) > maxWebConfig {
		return nil, &ConfigError{Path: path, Err: fmt.Errorf("the file is larger than %d bytes", maxWebConfig)}
	}
	return parseWebConfig(path, text, lookupEnv)
}

// parseWebConfig is ReadWebConfig without the reading; path gives the folder.
func parseWebConfig(path string, text []byte, lookupEnv func(string) (string, bool)) (*WebConfig, error) {
	root, err := parseNodes(bytes.NewReader(bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))))
	if err != nil {
		return nil, &ConfigError{Path: path, Err: fmt.Errorf("not a well-formed XML document: %w", err)}
	}
	server := findServer(root)
	section := server.child("aspNetCore")
	if section == nil {
		return nil, &ConfigError{Path: path, Err: errNoSection}
	}
	r := &configReader{path: path, dir: filepath.Dir(path), getenv: lookupEnv}
	c := r.section(section)
	c.MaxRequestBody = r.maxRequestBody(server)
	if r.err != nil {
		return nil, r.err
	}
	return c, nil
}

// findServer returns the system.webServer that holds for the folder itself: the
// SDK writes it into <location path=".">, hand-written files often do not.
func findServer(root *node) *node {
	server := root.child("system.webServer")
	for _, l := range root.children {
		if l.name != "location" {
			continue
		}
		if path, _ := l.attr("path"); path != "" && path != "." {
			continue
		}
		if inner := l.child("system.webServer"); inner.child("aspNetCore") != nil || server == nil {
			server = inner
		}
	}
	return server
}

// StdoutLogPath names the log file of a process: the beginning, the time of its
// start in UTC, and its id, as the original does.
func StdoutLogPath(prefix string, started time.Time, pid int) string {
	return fmt.Sprintf("%s_%s_%d.log", prefix, started.UTC().Format("20060102150405"), pid)
}

// slashes gives a path this system's form. What else than a path it might be on
// Windows does not matter there, where nothing changes.
func slashes(path string) string {
	if filepath.Separator == '\\' {
		return path
	}
	return strings.ReplaceAll(path, `\`, "/")
}
