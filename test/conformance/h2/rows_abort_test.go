package h2

import (
	"context"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/lannerhq/lanner/server"
	"golang.org/x/net/http2"
)

// writesWhenAborted waits for the request's end, and then writes what nobody gets.
func (r *run) writesWhenAborted(write func(http.ResponseWriter)) http.HandlerFunc {
	return func(w http.ResponseWriter, req *http.Request) {
		r.reports <- nil
		select {
		case <-req.Context().Done():
		case <-r.released:
		}
		write(w)
		http.NewResponseController(w).Flush()
		r.reports <- req.Context().Err()
	}
}

// resetByClient is a scenario whose client resets the request while handler runs; nothing comes on the stream from then on.
func resetByClient(handler func(*run) http.HandlerFunc) func(*run) {
	return func(r *run) {
		w := r.open(handler(r))
		w.headers(1, true, get("/"))
		r.report("the request")
		w.reset(1, http2.ErrCodeCancel)
		if err := r.report("the end of the request's context"); err == nil {
			r.Error("the request's context has no error after the client's reset")
		}
		w.expectNothing(1)
	}
}

// bodyBroken is a scenario in which the client resets a request whose content is not complete.
func bodyBroken(content string) func(*run) {
	return func(r *run) {
		w := r.open(r.readsAndReports)
		w.headers(1, false, post("/", "content-length", "100"))
		if content != "" {
			w.data(1, content, false)
		}
		r.report("the request")
		w.reset(1, http2.ErrCodeCancel)
		if err := r.report("the end of the body"); err == nil || err == io.EOF {
			r.Errorf("the body ended with %v, want an error", err)
		}
	}
}

// Requests that are given up, by the client or by the application.
var abortScenarios = map[string]func(*run){
	"RST_STREAM_Received_AbortsStream": resetByClient(func(r *run) http.HandlerFunc {
		return r.writesWhenAborted(func(http.ResponseWriter) {})
	}),
	"RST_STREAM_Received_AbortsStream_FlushedHeadersNotSent": resetByClient(func(r *run) http.HandlerFunc {
		return r.writesWhenAborted(func(w http.ResponseWriter) { w.WriteHeader(http.StatusOK) })
	}),
	"RST_STREAM_Received_AbortsStream_FlushedDataNotSent": resetByClient(func(r *run) http.HandlerFunc {
		return r.writesWhenAborted(func(w http.ResponseWriter) { io.WriteString(w, strings.Repeat("x", 10)) })
	}),
	"RST_STREAM_WaitingForRequestBody_RequestBodyThrows": bodyBroken(""),
	"RST_STREAM_IncompleteRequest_RequestBodyThrows":     bodyBroken("some of it"),

	"RequestAbort_AfterDataSent_SendsRstStream": func(r *run) {
		w := r.open(func(w http.ResponseWriter, req *http.Request) {
			io.WriteString(w, "hello, world")
			http.NewResponseController(w).Flush()
			<-r.released // the content is on its way
			abort(req)
		})
		w.headers(1, true, get("/"))
		w.expectStatus(1, 200)
		w.expectBytes(1, len("hello, world"))
		r.release()
	},
	"RequestAbort_ThrowsOperationCanceledExceptionFromSubsequentRequestBodyStreamRead": func(r *run) {
		w := r.open(func(_ http.ResponseWriter, req *http.Request) {
			abort(req)
			_, err := io.Copy(io.Discard, req.Body)
			r.reports <- err
		})
		w.headers(1, false, post("/"))
		if err := r.report("the end of the body"); err == nil {
			r.Error("reading the body of an aborted request succeeded")
		}
	},
	// A context that the application has derived and cancelled is its own matter.
	"WriteAsync_PreCancelledCancellationToken_DoesNotAbort": func(r *run) {
		w := r.open(func(w http.ResponseWriter, req *http.Request) {
			ctx, cancel := context.WithCancel(req.Context())
			cancel()
			*req = *req.WithContext(ctx)
			io.WriteString(w, "hello, world")
		})
		w.headers(1, true, get("/"))
		w.expectBody(1, "hello, world")
	},
	"WriteAsync_CancellationTokenTriggeredDueToFlowControl_SendRST": func(r *run) {
		w := r.open(func(w http.ResponseWriter, req *http.Request) {
			life, _ := server.From[server.RequestLifetimeFeature](req.Context())
			giveUp := func() {
				<-r.released
				if life != nil {
					life.Abort(errAborted)
				} else {
					http.NewResponseController(w).SetWriteDeadline(time.Now())
				}
			}
			done := make(chan struct{})
			go func() { defer close(done); giveUp() }()
			_, err := io.WriteString(w, strings.Repeat("x", 1<<20))
			<-done
			r.reports <- err
		}, setting(http2.SettingInitialWindowSize, 1000))
		w.headers(1, true, get("/"))
		w.expectStatus(1, r.row.Status)
		w.expectBytes(1, 1000)
		r.release()
		if err := r.report("the end of the write"); err == nil {
			r.Error("the write that was given up succeeded")
		}
	},
}
