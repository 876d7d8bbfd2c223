package app

import (
	"io"
	"io/fs"
	"mime"
	"net/http"
	"os"
	"path/filepath"

	"github.com/lannerhq/lanner/server"
)

// regularFile opens the file that a request asks for; nil when there is none.
func regularFile(rawQuery string) (*os.File, fs.FileInfo) {
	name, _ := param(rawQuery, "name")
	file, err := openFile(name)
	if err != nil {
		return nil, nil
	}
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() {
		file.Close()
		return nil, nil
	}
	return file, info
}

const noFile = "there is no such file: ask for name=hello.txt, page.html, 1k.bin, 64k.bin or 1m.bin"

func fileHTTP(w http.ResponseWriter, r *http.Request) {
	file, info := regularFile(r.URL.RawQuery)
	if file == nil {
		http.Error(w, noFile, http.StatusNotFound)
		return
	}
	defer file.Close()
	http.ServeContent(w, r, info.Name(), info.ModTime(), file)
}

var fileApplication = server.HTTP(http.HandlerFunc(fileHTTP))

// fileNative sends a whole file by itself; a request for a part, or with a condition, is for http.ServeContent.
func fileNative(c *server.Context) error {
	direct, ok := server.Get[server.ResponseBodyFeature](c.Features())
	if !ok || isPartial(c.RequestHeaders()) {
		return fileApplication.Process(c.Features())
	}
	file, info := regularFile(c.RawQuery())
	if file == nil {
		return failNative(c, http.StatusNotFound, noFile)
	}
	defer file.Close()
	contentType := mime.TypeByExtension(filepath.Ext(info.Name()))
	if contentType == "" { // to be guessed from the content
		return fileApplication.Process(c.Features())
	}
	c.SetHeader("Accept-Ranges", "bytes")
	c.SetContentLength(info.Size())
	c.SetHeader("Content-Type", contentType)
	c.SetHeader("Last-Modified", info.ModTime().UTC().Format(http.TimeFormat))
	if c.Method() != http.MethodHead {
		_, _ = direct.SendFrom(io.LimitReader(file, info.Size())) // that the client has gone is no error
	}
	return nil
}

func isPartial(h *server.Headers) bool {
	for _, name := range []string{"Range", "If-Match", "If-Unmodified-Since", "If-None-Match", "If-Modified-Since"} {
		if _, found := h.Lookup(name); found {
			return true
		}
	}
	return false
}
