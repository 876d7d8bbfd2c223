package main

import (
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/lannerhq/lanner/server"
	"github.com/lannerhq/lanner/test/target/app"
)

// filesPath is where the files are.
const filesPath = "/files/"

// nativeApplication answers on server.Context: files, and all else as test/target does.
func nativeApplication(root *os.Root) server.Application {
	target := app.Native()
	if root == nil {
		return target
	}
	return server.ContextHandler(func(c *server.Context) error {
		if name, ok := strings.CutPrefix(c.Path(), filesPath); ok && c.Method() == http.MethodGet {
			return sendFile(c, root, name)
		}
		return target.Process(c.Features())
	})
}

// sendFile opens, sends and closes a file, with the header fields by which a client could cache it.
func sendFile(c *server.Context, root *os.Root, name string) error {
	file, err := root.Open(name)
	if err != nil {
		c.SetStatus(http.StatusNotFound)
		return nil
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	c.SetContentLength(info.Size())
	c.SetHeader("Content-Type", "application/octet-stream")
	c.SetHeader("Last-Modified", info.ModTime().UTC().Format(http.TimeFormat))
	if direct, ok := server.Get[server.ResponseBodyFeature](c.Features()); ok {
		_, _ = direct.SendFrom(io.LimitReader(file, info.Size())) // that the client has gone is no error
		return nil
	}
	_, _ = io.Copy(c, file)
	return nil
}
