package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestTheFirstConfigurationInTheSearchOrderIsFound(t *testing.T) {
	for _, test := range []struct {
		why    string
		goos   string
		flag   string
		env    map[string]string
		exists string
		want   string
	}{
		{"the flag wins, even over what exists", "linux", "x.yaml", map[string]string{"LANNER_CONFIG": "y.yaml"}, "lanner.yaml", "x.yaml"},
		{"then the variable", "linux", "", map[string]string{"LANNER_CONFIG": "y.yaml"}, "lanner.yaml", "y.yaml"},
		{"then the current folder", "linux", "", nil, "lanner.yaml /etc/lanner/lanner.yaml", "lanner.yaml"},
		{"then the user's folder", "linux", "", map[string]string{"XDG_CONFIG_HOME": "/c"}, "/c/lanner/lanner.yaml /etc/lanner/lanner.yaml", "/c/lanner/lanner.yaml"},
		{"which has a default", "linux", "", map[string]string{"HOME": "/h"}, "/h/.config/lanner/lanner.yaml", "/h/.config/lanner/lanner.yaml"},
		{"a relative XDG folder is ignored, as its specification says", "linux", "", map[string]string{"XDG_CONFIG_HOME": "c"}, "c/lanner/lanner.yaml /etc/lanner/lanner.yaml", "/etc/lanner/lanner.yaml"},
		{"then the machine's folder", "linux", "", nil, "/etc/lanner/lanner.yaml", "/etc/lanner/lanner.yaml"},
		{"which is another one on macOS", "darwin", "", nil, "/usr/local/etc/lanner/lanner.yaml", "/usr/local/etc/lanner/lanner.yaml"},
	} {
		s := system{goos: test.goos, lookupEnv: func(name string) (string, bool) { v, ok := test.env[name]; return v, ok }}
		got, err := s.find(test.flag, func(path string) bool { return strings.Contains(" "+test.exists+" ", " "+path+" ") })
		if err != nil {
			t.Fatal(test.why, err)
		}
		want(t, test.why, got, test.want)
	}
}

func TestFindSaysWhereItLooked(t *testing.T) {
	s := system{goos: "linux", lookupEnv: func(string) (string, bool) { return "", false }}
	_, err := s.find("", func(string) bool { return false })
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, a caller may want to tell that there is none", err)
	}
	want(t, "the places are listed", err.Error(),
		"no configuration: file does not exist: looked for lanner.yaml, /etc/lanner/lanner.yaml; name one with --config or $LANNER_CONFIG")
}

func TestLoadReadsAFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, FileName)
	text := strings.Replace(minimal, "node server.js", "node ${file:secret}", 1)
	if err := errors.Join(os.WriteFile(path, []byte(text), 0o600), os.WriteFile(filepath.Join(dir, "secret"), []byte("s\r\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	cfg, err := Load(FileName)
	if err != nil {
		t.Fatal(err)
	}
	want(t, "the path is absolute, so that it can be read again from elsewhere", cfg.File, path)
	want(t, "a file is read without its last line end", cfg.Sites["web"].Applications[0].Command, []string{"node", "s"})
	want(t, "relative paths start from the file", cfg.Sites["web"].Applications[0].Directory, dir)
}

func TestAFileThatCannotBeReadIsExplained(t *testing.T) {
	dir := t.TempDir()
	large := filepath.Join(dir, "large.yaml")
	if err := os.WriteFile(large, make([]byte, maxFileSize+1), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, text := range map[string]string{
		filepath.Join(dir, "none.yaml"): "cannot read the configuration: no such file or directory",
		dir:                             "cannot read the configuration: it is not a regular file",
		large:                           "cannot read the configuration: it is larger than 1MiB",
	} {
		_, err := Load(path)
		var errs *Errors
		if !errors.As(err, &errs) {
			t.Fatalf("got %v, want *Errors", err)
		}
		p := errs.Problems[0]
		want(t, path, p.Message, text)
		if p.File != path || p.Hint == "" {
			t.Errorf("%+v has no file or no way out", p)
		}
	}
	_, err := Load(filepath.Join(dir, "none.yaml"))
	if !errors.Is(err, fs.ErrNotExist) || !errors.Is(err, syscall.ENOENT) {
		t.Errorf("got %v, a caller may want to tell that the file is missing", err)
	}
	_, err = Parse("large.yaml", make([]byte, maxFileSize+1))
	if err == nil || !strings.Contains(err.Error(), "larger than 1MiB") {
		t.Errorf("got %v, Parse has the limit too", err)
	}
}

func TestDefaultPathsFollowTheConventionsOfTheSystem(t *testing.T) {
	for _, test := range []struct {
		why          string
		s            system
		env          map[string]string
		socket, logs string
	}{
		{"root on Linux", system{goos: "linux", uid: 0}, map[string]string{"XDG_RUNTIME_DIR": "/run/user/0", "HOME": "/root"}, "/run/lanner/admin.sock", "/var/log/lanner"},
		{"root on macOS", system{goos: "darwin", uid: 0}, nil, "/var/run/lanner/admin.sock", "/var/log/lanner"},
		{"a user", system{goos: "linux", uid: 7}, map[string]string{"XDG_RUNTIME_DIR": "/r", "XDG_STATE_HOME": "/s", "HOME": "/h"}, "/r/lanner/admin.sock", "/s/lanner/logs"},
		{"a user without a session", system{goos: "linux", uid: 7, temp: "/tmp"}, nil, "/tmp/lanner-7/admin.sock", "/etc/lanner/logs"},
		{"a user of macOS", system{goos: "darwin", uid: 7, temp: "/tmp"}, map[string]string{"HOME": "/h"}, "/tmp/lanner-7/admin.sock", "/h/Library/Application Support/lanner/logs"},
		{"Windows", system{goos: "windows", uid: -1}, map[string]string{"LocalAppData": "/l"}, `\\.\pipe\lanner-admin`, "/l/lanner/logs"},
	} {
		test.s.lookupEnv = func(name string) (string, bool) { v, ok := test.env[name]; return v, ok }
		want(t, "socket of "+test.why, test.s.controlSocket(), test.socket)
		want(t, "logs of "+test.why, test.s.logs("/etc/lanner"), test.logs)
	}
}

func TestFindLooksAtTheRealFiles(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv("LANNER_CONFIG", "")
	if err := os.WriteFile(FileName, []byte(minimal), 0o600); err != nil {
		t.Fatal(err)
	}
	path, err := Find("")
	if err != nil {
		t.Fatal(err)
	}
	want(t, "the current folder comes first", path, FileName)
	if DefaultControlSocket() == "" {
		t.Error("there is always a socket to try")
	}
}
