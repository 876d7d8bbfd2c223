package process

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
)

// explainExec adds what the kernel's answer leaves out: "no such file" for a
// program that is there means that its interpreter is not, and "exec format
// error" a script without its first line or a program for another machine.
func explainExec(path string, err error) error {
	if runtime.GOOS == "windows" {
		return err
	}
	if _, statErr := os.Stat(path); statErr == nil && errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("the file is there, but the interpreter named in its first line, or its program loader, is not: %w", err)
	}
	if isExecFormat(err) {
		return fmt.Errorf("a script needs a first line such as #!/bin/sh, a program must be built for %s/%s: %w", runtime.GOOS, runtime.GOARCH, err)
	}
	return err
}
