package module

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/lannerhq/lanner/internal/host/process"
)

// command turns processPath and arguments into a command for this system.
// ANCM_LAUNCHER_PATH and ANCM_LAUNCHER_ARGS, with which a debugger puts itself in
// between, win over both.
func (r *configReader) command(n *node) []string {
	path, _ := n.attr("processPath")
	arguments, _ := n.attr("arguments")
	if launcher, _ := r.getenv("ANCM_LAUNCHER_PATH"); launcher != "" {
		path = launcher
	}
	if args, _ := r.getenv("ANCM_LAUNCHER_ARGS"); args != "" {
		arguments = args
	}
	if path == "" {
		r.fail(n, "Attribute 'processPath' is required.")
		return nil
	}
	path = r.expand(path)
	if name, ok := unresolved(path); ok {
		r.fail(n, "attribute 'processPath' is \"%s\": the environment variable %s is not set (the web.config of a project is completed by \"dotnet publish\")", path, name)
		return nil
	}
	if runtime.GOOS != "windows" && len(path) > 2 && path[1] == ':' && (path[2] == '\\' || path[2] == '/') {
		r.fail(n, "attribute 'processPath' is \"%s\", a path of Windows: name the program of this system", path)
		return nil
	}
	command := []string{r.program(path)}
	for _, arg := range splitArguments(r.expand(arguments)) {
		command = append(command, r.argument(arg))
	}
	return command
}

// unresolved returns the first %NAME% that was left.
func unresolved(s string) (string, bool) {
	name, found := "", false
	expand(s, func(n string) (string, bool) {
		if !found && !isPortName(n) {
			name, found = n, true
		}
		return "", false
	})
	return name, found
}

// program finds the program: in the application's folder first, as the original
// does, then, if it is a bare name, wherever PATH leads. Outside of Windows the
// ending .exe is dropped when there is no such file but one without it.
func (r *configReader) program(path string) string {
	path = slashes(path)
	names := []string{path}
	if runtime.GOOS != "windows" && strings.EqualFold(filepath.Ext(path), ".exe") {
		names = append(names, path[:len(path)-len(".exe")])
	}
	for _, name := range names {
		full := name
		if !filepath.IsAbs(full) {
			full = filepath.Join(r.dir, name)
		}
		if isFile(full) {
			return full
		}
	}
	searchPath, _ := r.getenv("PATH")
	for _, name := range names {
		if _, err := process.LookPath(name, r.dir, []string{"PATH=" + searchPath}); err == nil {
			return name
		}
	}
	return path // the start will say that it is not there
}

// argument gives an argument this system's form if it is a path of Windows:
// relative to the folder, the application's dll, or the name of a file that is
// there. Others, such as patterns, keep their backslashes.
func (r *configReader) argument(arg string) string {
	changed := slashes(arg)
	if changed == arg {
		return arg
	}
	relative := strings.HasPrefix(changed, "./") || strings.HasPrefix(changed, "../")
	if relative || strings.EqualFold(filepath.Ext(changed), ".dll") || isFile(filepath.Join(r.dir, changed)) {
		return changed
	}
	return arg
}

func isFile(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.Mode().IsRegular()
}
