package control

import "log/slog"

// The events of this package, all logged with the key "socket".
const (
	// eventListening, Info: the API can be used.
	eventListening = "control API listening"
	// eventRequest, Info: a command was given. Keys: method, path, status, and of the peer uid and pid where known.
	eventRequest = "control command"
	// eventDenied, Warn: somebody may not use the API. Keys: uid, pid.
	eventDenied = "control API denied"
	// eventServer, Warn: net/http's own complaints. Key: error.
	eventServer = "control API connection failed"
	// eventCut, Warn: Stop ended requests that were still running. Key: error.
	eventCut = "control API requests cut"
)

// serverLog lets net/http write to the log of the host.
type serverLog struct{ log *slog.Logger }

func (w serverLog) Write(p []byte) (int, error) {
	text := string(p)
	if n := len(text); n > 0 && text[n-1] == '\n' {
		text = text[:n-1]
	}
	w.log.Warn(eventServer, "error", text)
	return len(p), nil
}
