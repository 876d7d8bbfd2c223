package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lannerhq/lanner/internal/editdistance"
)

// nearest returns the name that was most likely meant by word, or "". Case and punctuation do not count as mistakes;
// otherwise one letter may be wrong, and one more for each five. An abbreviation of one name alone counts too.
func nearest(word string, names []string) string {
	given := plain(word)
	best, bestDistance := "", 2+len(given)/5
	var longer []string
	for _, name := range names {
		if d := editdistance.Between(given, plain(name)); d < bestDistance {
			best, bestDistance = name, d
		}
		if abbreviates(given, plain(name)) {
			longer = append(longer, name)
		}
	}
	if best == "" && len(longer) == 1 {
		return longer[0]
	}
	return best
}

// abbreviates reports whether a name begins like word and has all its letters in their order.
func abbreviates(word, name []rune) bool {
	if len(word) < 4 || len(name) == 0 || word[0] != name[0] {
		return false
	}
	for _, r := range name {
		if len(word) > 0 && word[0] == r {
			word = word[1:]
		}
	}
	return len(word) == 0
}

// plain drops what does not count as a mistake.
func plain(word string) []rune {
	if len(word) > 64 {
		word = word[:64]
	}
	return []rune(strings.Map(func(r rune) rune {
		if r == '-' || r == '_' || r == ' ' || r == '.' {
			return -1
		}
		return r
	}, strings.ToLower(word)))
}

// didYouMean returns the hint for a word that is none of names: the nearest one, or all of them.
func didYouMean(word string, names []string, all string) string {
	if name := nearest(word, names); name != "" {
		return fmt.Sprintf("did you mean %q?", name)
	}
	sorted := slices.Clone(names)
	slices.Sort(sorted)
	return all + strings.Join(sorted, ", ")
}

// otherName is the word of another system for a key.
type otherName struct {
	key  string // the key here, or "" where it is not one of the same object
	hint string
}

// otherNames are never accepted, only explained. They are written without case and dashes, as plain does it.
var otherNames = map[string]otherName{
	"applicationpools":        {"pools", `write "pools" at the top level`},
	"apps":                    {"applications", `write "applications"`},
	"arguments":               {"", `write the arguments in "command", after the program`},
	"args":                    {"", `write the arguments in "command", after the program`},
	"cmd":                     {"command", `write "command"`},
	"cwd":                     {"directory", `write "directory"`},
	"env":                     {"environment", `write "environment"`},
	"environmentvariables":    {"environment", `write "environment"`},
	"exec":                    {"command", `write "command"`},
	"hostingmodel":            {"hosting", `write "hosting"`},
	"listen":                  {"bindings", `write "bindings", a list such as [http://127.0.0.1:8080]`},
	"maxallowedcontentlength": {"", `write "maxRequestBodySize" under the site's "limits"`},
	"periodicrestart":         {"recycling", `write "recycling"`},
	"processesperapplication": {"", `write "maxProcesses" in the pool`},
	"processpath":             {"command", `write "command"`},
	"rapidfailsperminute":     {"", `write "failures" and "window" under the pool's "rapidFail"`},
	"run":                     {"command", `write "command"`},
	"serverautostart":         {"autoStart", `write "autoStart"`},
	"shutdowntimeout":         {"shutdownTimeLimit", `write "shutdownTimeLimit"`},
	"stdoutlogenabled":        {"", `output is always captured; "stdout" says where`},
	"stdoutlogfile":           {"stdout", `write "file" under "stdout"`},
	"stoptimeout":             {"shutdownTimeLimit", `write "shutdownTimeLimit"`},
	"tls":                     {"certificate", `write "certificate" in a binding with protocol https`},
	"url":                     {"bindings", `write "bindings", a list such as [http://127.0.0.1:8080]`},
	"urls":                    {"bindings", `write "bindings", a list such as [http://127.0.0.1:8080]`},
	"workdir":                 {"directory", `write "directory"`},
	"workingdirectory":        {"directory", `write "directory"`},
}

// either joins words as in "debug, info or error".
func either(words []string) string {
	if len(words) == 1 {
		return words[0]
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}
