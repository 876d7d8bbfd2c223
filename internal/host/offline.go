package host

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
)

// offlineName is the file that takes an application offline while it lies in its folder.
const offlineName = "app_offline.htm"

// maxOfflinePage bounds the page.
const maxOfflinePage = 1 << 20

// checkOffline looks for the file. It is called once a second, and at once when the folder changes.
func (a *application) checkOffline() {
	cfg := a.cfg.Load()
	if !cfg.app.AppOffline {
		return
	}
	path := findOffline(cfg.app.Directory)
	a.offlineMu.Lock()
	defer a.offlineMu.Unlock()
	was := a.offline.Load()
	switch {
	case path == "" && was != nil:
		a.offline.Store(nil)
		a.log.Info(eventOnline.msg, eventOnline.id)
		a.preload()
	case path != "" && was != nil: // it may have been looked at while it was being written
		if page := readOffline(path); !bytes.Equal(page, was.page) {
			a.offline.Store(offlineAnswer(page))
		}
	case path != "":
		a.offline.Store(offlineAnswer(readOffline(path)))
		a.log.Info(eventOffline.msg, eventOffline.id, "file", path)
		a.mu.Lock()
		a.broadcastLocked() // requests that wait get the page
		a.mu.Unlock()
		a.retireAll("app_offline.htm")
	}
}

func findOffline(dir string) string {
	direct := filepath.Join(dir, offlineName)
	if _, err := os.Stat(direct); err == nil {
		return direct
	}
	return ""
}

// readOffline reads the page. One that cannot be read still takes the application offline, with an empty page.
func readOffline(path string) []byte {
	f, err := os.Open(path)
	if err != nil {
		return []byte{}
	}
	defer f.Close()
	page, err := io.ReadAll(io.LimitReader(f, maxOfflinePage))
	if err != nil || page == nil {
		return []byte{}
	}
	return page
}

func isOffline(path string) bool { return filepath.Base(path) == offlineName }
