package main

import (
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/lannerhq/lanner/internal/host/config"
)

// formatLogfmt is key=value, which a file cannot ask for but a flag can.
const formatLogfmt config.LogFormat = "logfmt"

// logger returns the log of the host on standard error: what the flags say, or else the configuration.
func (a *app) logger(cfg config.Log) (*slog.Logger, error) {
	level, format := cfg.Level, cfg.Format
	if a.logLevel != "" {
		if err := level.UnmarshalText([]byte(a.logLevel)); err != nil {
			return nil, &usageError{fmt.Sprintf("--log-level is %q", a.logLevel), "write debug, info, warn or error"}
		}
	}
	if a.logFormat != "" {
		format = config.LogFormat(strings.ToLower(a.logFormat))
	}
	if a.json {
		format = config.LogJSON
	}
	f, ok := a.stderr.(*os.File)
	if format == config.LogAuto || format == "" {
		format = config.LogJSON
		if ok && isTerminal(f) {
			format = config.LogConsole
		}
	}
	options := &slog.HandlerOptions{Level: level}
	switch format {
	case config.LogJSON:
		return slog.New(slog.NewJSONHandler(a.stderr, options)), nil
	case formatLogfmt:
		return slog.New(slog.NewTextHandler(a.stderr, options)), nil
	case config.LogConsole:
		return slog.New(newConsole(a.stderr, level, a.painter(a.stderr))), nil
	}
	return nil, &usageError{fmt.Sprintf("--log-format is %q", a.logFormat), "write auto, console, json or logfmt"}
}
