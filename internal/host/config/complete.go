package config

import (
	"net/url"
	"path/filepath"
	"strings"
)

// complete fills in what follows from the rest: names, pools of single applications, and files named after them.
func (d *decoder) complete(cfg *Config) {
	if cfg.Pools == nil {
		cfg.Pools = map[string]*Pool{}
	}
	for name, pool := range cfg.Pools {
		pool.Name = name
	}
	for name, site := range cfg.Sites {
		site.Name = name
		for i := range site.Applications {
			d.completeApplication(cfg, site, i)
		}
	}
}

func (d *decoder) completeApplication(cfg *Config, site *Site, i int) {
	app := &site.Applications[i]
	at := applicationPath(site.Name, i)
	if app.Stdout.File == "" {
		app.Stdout.File = filepath.Join(cfg.Logs, logName(site.Name, app.Path))
	}
	if app.Pool != "" {
		return
	}
	app.Pool = ownPool(site.Name, app.Path)
	pool := d.pools[member(at, "pool")]
	if pool == nil {
		fresh := poolObject.empty(d, member(at, "pool"))
		pool = &fresh
	}
	pool.Name, pool.Own = app.Pool, true
	cfg.Pools[app.Pool] = pool
}

func applicationPath(site string, i int) string {
	return element(member(member("sites", site), "applications"), i)
}

// BindingPath is the place of a site's binding, as in [Problem.Path].
func BindingPath(site string, i int) string { return bindingPath(site, i) }

func bindingPath(site string, i int) string {
	return element(member(member("sites", site), "bindings"), i)
}

// logName is the file for the output of an application: shop.log, shop~api.log. Two applications never share one, since ~ stands
// for a slash alone.
func logName(site, path string) string {
	if path == "/" {
		return site + ".log"
	}
	segments := strings.Split(strings.TrimPrefix(path, "/"), "/")
	for i, segment := range segments {
		segments[i] = strings.ReplaceAll(url.PathEscape(segment), "~", "%7E")
	}
	return site + "~" + strings.Join(segments, "~") + ".log"
}
