package config

import (
	"fmt"
	"strings"
)

// Origin says where a value comes from.
type Origin struct {
	// File and Line say where it is written. File is empty for a default.
	File string `json:"file,omitempty"`
	Line int    `json:"line,omitempty"`
	// Env lists the environment variables that were put into it.
	Env []string `json:"env,omitempty"`
	// Files lists the files whose content was put into it.
	Files []string `json:"files,omitempty"`
}

// Default reports whether nobody wrote the value.
func (o Origin) Default() bool { return o.File == "" }

// String returns "default", "lanner.yaml:12", or "lanner.yaml:12, env PORT".
func (o Origin) String() string {
	if o.Default() {
		return "default"
	}
	text := fmt.Sprintf("%s:%d", o.File, o.Line)
	if len(o.Env) > 0 {
		text += ", env " + strings.Join(o.Env, " ")
	}
	if len(o.Files) > 0 {
		text += ", file " + strings.Join(o.Files, " ")
	}
	return text
}
