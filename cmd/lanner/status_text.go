package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/lannerhq/lanner/internal/host/control"
)

// printStatus writes the status for people.
func (a *app) printStatus(status control.Status, workers bool) {
	p := a.painter(a.stdout)
	a.printf("lanner %s, pid %d, %s, up %s, %s\n", status.Version, status.PID, status.State, ago(status.Uptime), status.ConfigFile)
	if wrong := status.ConfigErrors; wrong != nil {
		a.printf("%s\n", p.paint(yellow, "the configuration file has errors since "+wrong.Since.Local().Format(time.DateTime)+", an older one is served:"))
		for _, one := range wrong.Errors {
			a.printf("  %s\n", strings.ReplaceAll(one, "\n", "\n  "))
		}
	}
	a.printf("\n")
	sites := table{head: []string{"SITE", "STATE", "BINDINGS", "APP", "HOSTING", "STATE", "READY", "ACTIVE", "QUEUED", "CPU", "MEMORY", "RESTARTS"}}
	for _, site := range status.Sites {
		addSite(&sites, site)
	}
	sites.write(a.stdout, p)
	if !workers {
		return
	}
	list := table{head: []string{"APP", "WORKER", "PID", "GENERATION", "STATE", "SINCE", "PORT", "REQUESTS", "ACTIVE", "CPU", "MEMORY", "LAST EXIT"}}
	for _, site := range status.Sites {
		for _, app := range site.Applications {
			addWorkers(&list, app)
		}
	}
	if len(list.rows) > 0 {
		a.printf("\n")
		list.write(a.stdout, p)
	}
}

// addSite adds one row for each application, the first of which names the site.
func addSite(t *table, site control.Site) {
	name := append(text(site.Name), cell{string(site.State), stateColour(site.State)}, cell{text: strings.Join(site.Bindings, " ")})
	if len(site.Applications) == 0 {
		t.add(append(name, text("-", "", "", "", "", "", "", "", "")...)...)
	}
	for _, app := range site.Applications {
		t.add(append(name, applicationCells(app)...)...)
		name = text("", "", "")
	}
}

func applicationCells(app control.Application) []cell {
	ready, active, cpu, memory := 0, 0, 0.0, int64(0)
	for _, w := range app.Workers {
		if w.State == control.Ready {
			ready++
		}
		active += w.Active
		cpu += w.CPUSeconds
		memory += w.RSSBytes
	}
	restarts := fmt.Sprint(app.Restarts)
	if app.LastRestartReason != "" {
		restarts += " (" + printable(app.LastRestartReason, false) + ")"
	}
	return []cell{
		{text: app.Path}, {text: app.Hosting}, {string(app.State), stateColour(app.State)},
		{text: fmt.Sprintf("%d/%d", ready, len(app.Workers))}, {text: fmt.Sprint(active)},
		{text: fmt.Sprintf("%d/%d", app.Queued, app.QueueLength)}, {text: fmt.Sprintf("%.1fs", cpu)}, {text: size(memory)}, {text: restarts},
	}
}

func addWorkers(t *table, app control.Application) {
	for _, w := range app.Workers {
		port, exit := "-", "-"
		if w.Port > 0 {
			port = fmt.Sprint(w.Port)
		}
		if w.LastExit != nil {
			exit = fmt.Sprintf("%s, %s", w.LastExit.At.Local().Format(time.DateTime), printable(w.LastExit.Reason, false))
		}
		row := text(app.Path, w.ID, w.PID, w.Generation)
		row = append(row, cell{string(w.State), stateColour(w.State)})
		t.add(append(row, text(w.Since.Local().Format(time.DateTime), port, w.Requests, w.Active, fmt.Sprintf("%.1fs", w.CPUSeconds), size(w.RSSBytes), exit)...)...)
	}
}

func stateColour(s control.State) colour {
	switch s {
	case control.Running, control.Ready:
		return green
	case control.Degraded, control.Failed:
		return red
	case control.Stopped:
		return dim
	}
	return yellow
}
