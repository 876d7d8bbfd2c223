package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Changes is what differs between two configurations. What is in none of the lists is the same, so a reload leaves it
// untouched.
type Changes struct {
	// Settings lists top-level keys, such as log or control, other than sites and pools.
	Settings []string `json:"settings,omitempty"`
	// Pools lists pools, those of single applications included.
	Pools []Change `json:"pools,omitempty"`
	// Sites lists sites whose bindings, limits or start changed. Their applications are listed by themselves.
	Sites []Change `json:"sites,omitempty"`
	// Applications lists applications, named by site and path: "shop/", "shop/api". One whose pool changed is listed only in
	// Pools unless it changed itself.
	Applications []Change `json:"applications,omitempty"`
}

// Change is one thing that differs.
type Change struct {
	Name   string `json:"name"`
	Action Action `json:"action"`
	// Keys lists the keys that differ, when Action is Changed.
	Keys []string `json:"keys,omitempty"`
}

// Action says how a thing differs.
type Action string

const (
	Added   Action = "added"
	Removed Action = "removed"
	Changed Action = "changed"
)

// Empty reports whether nothing differs.
func (c Changes) Empty() bool {
	return len(c.Settings)+len(c.Pools)+len(c.Sites)+len(c.Applications) == 0
}

// String returns one line for each change, and no values, since they may be secrets.
func (c Changes) String() string {
	var b strings.Builder
	for _, name := range c.Settings {
		fmt.Fprintf(&b, "changed %s\n", name)
	}
	write := func(kind string, changes []Change) {
		for _, change := range changes {
			fmt.Fprintf(&b, "%s %s %s", change.Action, kind, change.Name)
			if len(change.Keys) > 0 {
				fmt.Fprintf(&b, ": %s", strings.Join(change.Keys, ", "))
			}
			b.WriteByte('\n')
		}
	}
	write("pool", c.Pools)
	write("site", c.Sites)
	write("application", c.Applications)
	return b.String()
}

// Diff returns what a reload from before to after changes, each list in the order of the names. Where a value comes from
// does not count: only what it is.
func Diff(before, after *Config) Changes {
	settings := configObject.changed(before, after)
	settings = slices.DeleteFunc(settings, func(key string) bool { return key == "sites" || key == "pools" })
	sites := diffMaps(before.Sites, after.Sites, func(a, b *Site) []string {
		return slices.DeleteFunc(siteObject.changed(a, b), func(key string) bool { return key == "applications" })
	})
	return Changes{
		Settings:     settings,
		Pools:        diffMaps(before.Pools, after.Pools, poolObject.changed),
		Sites:        sites,
		Applications: diffMaps(before.applications(), after.applications(), applicationObject.changed),
	}
}

// applications returns all applications by site and path.
func (c *Config) applications() map[string]*Application {
	all := map[string]*Application{}
	for _, site := range c.Sites {
		for i := range site.Applications {
			app := &site.Applications[i]
			all[site.Name+app.Path] = app
		}
	}
	return all
}

func diffMaps[T any](before, after map[string]*T, changed func(a, b *T) []string) []Change {
	var changes []Change
	for _, name := range slices.Sorted(maps.Keys(before)) {
		if after[name] == nil {
			changes = append(changes, Change{Name: name, Action: Removed})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(after)) {
		if before[name] == nil {
			changes = append(changes, Change{Name: name, Action: Added})
			continue
		}
		if keys := changed(before[name], after[name]); len(keys) > 0 {
			changes = append(changes, Change{Name: name, Action: Changed, Keys: keys})
		}
	}
	slices.SortStableFunc(changes, func(a, b Change) int { return strings.Compare(a.Name, b.Name) })
	return changes
}
