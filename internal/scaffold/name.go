package scaffold

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

// maxModule bounds a module path.
const maxModule = 200

var (
	// elementForm is stricter than module paths are (golang.org/ref/mod#go-mod-file-ident), which allow ~ and odd dots.
	elementForm = regexp.MustCompile(`^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9_-])?$`)
	// nameForm is what the names of a program, a site, a unit and a container have in common.
	nameForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9._-]{0,63}$`)
)

// taken are the first elements of import paths that belong to Go: those of the standard library and the words that mean
// several packages. A module of such a name could not be imported, or would hide what it is named for.
var taken = strings.Fields(`all archive bufio builtin bytes cmd cmp compress container context crypto database debug embed
	encoding errors expvar flag fmt go hash html image index internal io iter log main maps math mime net os path plugin
	reflect regexp runtime slices sort std strconv strings structs sync syscall testing text time tool unicode unique unsafe
	vendor weak work`)

// reserved are no names of files on Windows, with any ending.
var reserved = strings.Fields(`aux com1 com2 com3 com4 com5 com6 com7 com8 com9 con lpt1 lpt2 lpt3 lpt4 lpt5 lpt6 lpt7 lpt8
	lpt9 nul prn`)

// checkName returns the name of the application for the path of its module.
func checkName(module string) (string, error) {
	bad := func(hint, format string, args ...any) (string, error) {
		return "", &UsageError{Message: fmt.Sprintf(format, args...), Hint: hint}
	}
	const form = "use letters, digits, dots, dashes and underscores, such as shop or example.org/shop"
	switch {
	case module == "":
		return bad("name it, such as shop or example.org/shop", "the new application has no name")
	case len(module) > maxModule:
		return bad(fmt.Sprintf("use at most %d characters", maxModule), "the name has %d characters", len(module))
	}
	elements := strings.Split(module, "/")
	for _, e := range elements {
		if !elementForm.MatchString(e) {
			return bad(form, "%q cannot be the name of an application", module)
		}
		if stem, _, _ := strings.Cut(strings.ToLower(e), "."); slices.Contains(reserved, stem) {
			return bad("choose another name", "%q cannot be a name: Windows has no files named %s", module, stem)
		}
	}
	name := path.Base(module)
	switch {
	case !nameForm.MatchString(name):
		return bad("begin it with a letter, and use at most 64 characters", "%q cannot be the name of an application", name)
	case strings.HasSuffix(name, ".go"), strings.HasSuffix(name, ".exe"):
		return bad("leave the ending out", "%q cannot be the name of an application: it looks like a file", name)
	case slices.Contains(taken, elements[0]):
		return bad("choose another name, or put a domain before it, such as example.org/"+module, "%q belongs to Go itself", elements[0])
	}
	return name, nil
}
