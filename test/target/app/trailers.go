package app

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"strconv"

	"github.com/lannerhq/lanner/server"
)

const trailerBody = "The checksum of this line follows it.\n"

// trailerFields are the trailers of /trailers, in the order in which they are announced.
func trailerFields() [2][2]string {
	sum := sha256.Sum256([]byte(trailerBody))
	return [2][2]string{{"X-Checksum", hex.EncodeToString(sum[:])}, {"X-Count", strconv.Itoa(len(trailerBody))}}
}

func trailersHTTP(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain")
	w.Header().Set("Trailer", "X-Checksum, X-Count")
	io.WriteString(w, trailerBody)
	for _, field := range trailerFields() {
		w.Header().Set(field[0], field[1])
	}
}

func trailersNative(c *server.Context) error {
	c.SetHeader("Content-Type", "text/plain")
	c.SetHeader("Trailer", "X-Checksum, X-Count")
	if err := writeNative(c, trailerBody); err != nil {
		return err
	}
	if out, ok := server.Get[server.ResponseTrailersFeature](c.Features()); ok {
		for _, field := range trailerFields() {
			out.ResponseTrailers().Add(field[0], field[1])
		}
	}
	return nil
}
