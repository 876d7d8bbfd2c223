package server

import (
	"net/http"

	"github.com/lannerhq/lanner/internal/httpcommon"
)

// sniffed is how far the Content-Type has been guessed from the body.
type sniffed uint8

const (
	sniffedNone  sniffed = iota
	sniffedFirst         // from one short write, whose bytes may not be all that tell
	sniffedLater         // to be guessed again, from all writes, when the response starts
	sniffedAll           // or not to be guessed
)

// sniffLen is as many bytes as http.DetectContentType looks at.
const sniffLen = 512

// heldBack is implemented by a ResponseFeature that shows the body bytes it holds back before the response starts.
type heldBack interface{ Held() []byte }

// sniff guesses the Content-Type from p, the body's next bytes, unless the handler set it (nil suppresses it) or the
// content is encoded. A handler may write its first 512 bytes in pieces, as templates do; like net/http, which looks at
// what has gathered in its buffer, it then guesses once more when the response starts.
func (w *responseWriter) sniff(p []byte) {
	h := w.res.Header()
	switch w.sniffed {
	case sniffedNone:
		w.sniffed = sniffedAll
		_, typed := w.header["Content-Type"]
		if _, set := h.Lookup("Content-Type"); set || typed || !httpcommon.BodyAllowed(w.res.Status()) {
			return
		}
		if h.Get("Content-Encoding") != "" || w.header.Get("Transfer-Encoding") != "" {
			return
		}
		h.Add("Content-Type", http.DetectContentType(p))
		if len(p) < sniffLen {
			w.sniffed = sniffedFirst
		}
	case sniffedFirst:
		held, ok := w.res.(heldBack)
		if !ok || len(held.Held()) >= sniffLen {
			w.sniffed = sniffedAll
			return
		}
		w.sniffed = sniffedLater
		w.needRare().next = p
		guess := h.Get("Content-Type")
		w.res.OnStarting(func() { w.sniffAgain(held.Held(), guess) })
	case sniffedLater:
		w.rare.next = p
	}
}

// sniffAgain replaces the guess, if nobody else has, by one from what was written before and what is being written.
func (w *responseWriter) sniffAgain(held []byte, guess string) {
	w.sniffed = sniffedAll
	if w.res.Header().Get("Content-Type") != guess {
		return
	}
	b := append(make([]byte, 0, sniffLen), held[:min(len(held), sniffLen)]...)
	b = append(b, w.rare.next[:min(len(w.rare.next), sniffLen-len(b))]...)
	w.res.Header().Set("Content-Type", http.DetectContentType(b))
}
