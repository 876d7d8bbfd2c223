package host

import (
	"time"

	"github.com/fsnotify/fsnotify"
)

// watchOffline looks at app_offline.htm as soon as an application's folder changes. The look once a second, in maintain,
// stays: a folder may not be watchable.
func (h *Host) watchOffline() {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		h.log.Warn("cannot watch the folders of applications; app_offline.htm is looked for once a second", "error", err)
		<-h.stopping
		return
	}
	defer w.Close()
	folders := make(map[string]bool)
	ticker := time.NewTicker(maintainEvery)
	defer ticker.Stop()
	h.followFolders(w, folders)
	for {
		select {
		case <-h.stopping:
			return
		case <-ticker.C:
			h.followFolders(w, folders)
		case e := <-w.Events:
			if isOffline(e.Name) {
				for _, a := range h.applications() {
					a.checkOffline()
				}
			}
		case <-w.Errors: // an overflow: the next look finds what was missed
		}
	}
}

// followFolders watches what is configured now.
func (h *Host) followFolders(w *fsnotify.Watcher, folders map[string]bool) {
	for _, a := range h.applications() {
		dir := a.cfg.Load().app.Directory
		if a.cfg.Load().app.AppOffline && !folders[dir] && w.Add(dir) == nil {
			folders[dir] = true
		}
	}
}
