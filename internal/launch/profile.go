package launch

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// The files that hold launch profiles, the first one found counts: the name of this project's own, and that of .NET's.
const profileFile = "lanner.launch.yaml"

var settingsFile = filepath.Join("Properties", "launchSettings.json")

// commandProject is the only commandName that can be run here; all others belong to development environments.
const commandProject = "Project"

// profile is one way to launch a program, with variables not expanded yet. The keys are those of launchSettings.json.
type profile struct {
	name             string
	commandName      string
	commandLine      string   // as one text, to be split
	arguments        []string // or split already
	applicationURL   string
	environment      []string // NAME=value, in the order of the file
	launchBrowser    bool
	launchURL        string
	workingDirectory string
}

// profiles is the content of one file, in its order.
type profiles struct {
	file string // absolute; empty if there is none
	list []profile
}

// findProfiles reads the file of launch profiles next to the program, or in a folder above it up to root.
func findProfiles(home, root string) (profiles, error) {
	for dir := home; ; dir = filepath.Dir(dir) {
		for _, name := range []string{profileFile, settingsFile} {
			path := filepath.Join(dir, name)
			data, err := os.ReadFile(path)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return profiles{}, &FileError{File: path, Message: "cannot read launch profiles: " + err.Error()}
			}
			return parseProfiles(path, data)
		}
		if dir == root || !strings.HasPrefix(dir, root) || filepath.Dir(dir) == dir {
			return profiles{}, nil
		}
	}
}

// choose returns the profile with that name, whose case does not matter, or the first one that can be run here when name
// is empty. It returns nil when there is none to choose by default.
func (p profiles) choose(name string) (*profile, error) {
	if name == "" {
		for i := range p.list {
			if p.list[i].commandName == commandProject {
				return &p.list[i], nil
			}
		}
		return nil, nil
	}
	if p.file == "" {
		return nil, &UsageError{Message: fmt.Sprintf("there is no launch profile %q: neither %s nor %s was found", name, profileFile, settingsFile),
			Hint: "create one, or leave --profile out"}
	}
	for i := range p.list {
		if !strings.EqualFold(p.list[i].name, name) {
			continue
		}
		if p.list[i].commandName != commandProject {
			return nil, &UsageError{Message: fmt.Sprintf("cannot launch profile %q of %s: its commandName is %q", name, p.file, p.list[i].commandName),
				Hint: "only profiles with commandName Project can be launched here"}
		}
		return &p.list[i], nil
	}
	return nil, &UnknownProfileError{Name: name, File: p.file, Known: p.names()}
}

// names returns the profiles that can be run here.
func (p profiles) names() []string {
	var names []string
	for _, one := range p.list {
		if one.commandName == commandProject {
			names = append(names, one.name)
		}
	}
	return names
}
