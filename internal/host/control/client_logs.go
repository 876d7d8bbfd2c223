package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
)

// Logs calls emit for each line until the stream ends, ctx ends or emit returns an error, which it then returns.
// A stream that the host ends by stopping ends without an error.
func (c *Client) Logs(ctx context.Context, query LogQuery, emit func(LogLine) error) error {
	resp, err := c.send(ctx, http.MethodGet, "/api/v1/logs?"+query.values().Encode())
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		data, _ := io.ReadAll(io.LimitReader(resp.Body, maxBodyBytes))
		return decodeFailure(c.socket, resp, data)
	}
	lines := json.NewDecoder(resp.Body)
	for {
		var line struct {
			LogLine
			Error *Error `json:"error"`
		}
		err := lines.Decode(&line)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil:
			return fmt.Errorf("the log stream of %s broke: %w", c.socket, err)
		case line.Error != nil:
			return line.Error
		}
		if err := emit(line.LogLine); err != nil {
			return err
		}
	}
}

func (q LogQuery) values() url.Values {
	v := url.Values{"site": {q.Site}}
	if q.Application != "" {
		v.Set("application", q.Application)
	}
	if q.Follow {
		v.Set("follow", "true")
	}
	v.Set("tail", strconv.Itoa(q.Tail))
	if q.Tail == TailAll {
		v.Set("tail", "all")
	}
	return v
}
