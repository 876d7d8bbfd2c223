package scaffold

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
)

// lannerModule is the module that new applications require.
const lannerModule = "github.com/lannerhq/lanner"

// unpublished stands in go.mod for a version that a replace line makes unimportant.
const unpublished = "v0.0.0"

// lanner is the Lanner that a new application is built against.
type lanner struct {
	version  string
	checkout string // absolute; empty for a published version
}

// String returns the version or the path.
func (l lanner) String() string {
	if l.checkout != "" {
		return l.checkout
	}
	return l.version
}

// quoted returns the path of the checkout as go.mod wants it: in quotes when it has what is special there.
func (l lanner) quoted() string {
	path := filepath.ToSlash(l.checkout)
	if strings.ContainsAny(path, " \t\"'`()[]{},;") || strings.Contains(path, "//") {
		return strconv.Quote(path)
	}
	return path
}

// chooseLanner takes the checkout that was named, or the one this program was built from, or the version it is of.
func chooseLanner(named string) (lanner, error) {
	if named != "" {
		dir, err := filepath.Abs(named)
		if err != nil {
			return lanner{}, fmt.Errorf("cannot use the checkout %s: %w", named, err)
		}
		if !isCheckout(dir) {
			return lanner{}, &UsageError{Message: fmt.Sprintf("%s is no checkout of Lanner: it has no go.mod of module %s", dir, lannerModule)}
		}
		return lanner{unpublished, dir}, nil
	}
	if dir := ownCheckout(); dir != "" {
		return lanner{unpublished, dir}, nil
	}
	info, _ := debug.ReadBuildInfo()
	if version := released(info); version != "" {
		return lanner{version: version}, nil
	}
	return lanner{}, &UsageError{Message: "this lanner is of no published version that a new application could require",
		Hint: "name a checkout of Lanner with --lanner-path"}
}

// ownCheckout returns the folder this program was built from, if it is still there. The compiler writes the path of each
// file into the program, unless -trimpath is given; a downloaded module is no checkout.
func ownCheckout() string {
	_, file, _, ok := runtime.Caller(0)
	if !ok || !filepath.IsAbs(file) || strings.Contains(file, lannerModule+"@") {
		return ""
	}
	dir := filepath.Dir(filepath.Dir(filepath.Dir(file)))
	if !isCheckout(dir) {
		return ""
	}
	return dir
}

func isCheckout(dir string) bool {
	f, err := os.Open(filepath.Join(dir, "go.mod"))
	if err != nil {
		return false
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if module, ok := strings.CutPrefix(lines.Text(), "module "); ok {
			return strings.Trim(strings.TrimSpace(module), `"`) == lannerModule
		}
	}
	return false
}

// versionForm is a version that can be downloaded: no "(devel)", and no "+dirty" of a changed checkout.
var versionForm = regexp.MustCompile(`^v\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$`)

// released returns the version of Lanner in this program, or "".
func released(info *debug.BuildInfo) string {
	if info == nil {
		return ""
	}
	for _, m := range append([]*debug.Module{&info.Main}, info.Deps...) {
		if m.Path == lannerModule && m.Replace == nil && versionForm.MatchString(m.Version) {
			return m.Version
		}
	}
	return ""
}
