package main

import (
	"os"

	"github.com/lannerhq/lanner/internal/host/process"
)

func main() {
	process.RunGuard() // must come first: it takes over when this program was started as a guard
	os.Exit(newApp().run(os.Args[1:]))
}
