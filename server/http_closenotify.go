package server

// CloseNotify implements http.CloseNotifier. It is deprecated in favour of Request.Context, but frameworks still assert it
// without looking. Without a RequestLifetimeFeature the channel stays silent.
func (w *responseWriter) CloseNotify() <-chan bool {
	rare := w.needRare()
	if rare.gone != nil {
		return rare.gone
	}
	gone := make(chan bool, 1)
	rare.gone = gone
	if life, ok := Get[RequestLifetimeFeature](w.features); ok && !w.closed.Load() {
		life.OnAborted(func(error) {
			select {
			case gone <- true:
			default:
			}
		})
	}
	return gone
}
