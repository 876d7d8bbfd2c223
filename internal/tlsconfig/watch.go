package tlsconfig

import (
	"context"
	"time"
)

// How long the watch waits.
const (
	settle     = time.Second      // files are read when they have not changed for this long
	patience   = 10 * time.Second // a failure is told when it has lasted: between the two files of a pair there is a time when they do not match
	retry      = time.Minute      // what failed is tried again, though its files are the same: who owns them, and the time, cannot be seen
	unattended = time.Minute      // between looks at the expiry alone
)

// watch is what is known of the files.
//
//	steady ──files differ──▶ changing ──the same for 1 s, or 10 s over──▶ read ──ok──▶ steady
//	                             ▲                                         └─error──▶ failing ──10 s since the change──▶ told
//	                             └────────────files differ────────────────────────────────┘ (and read again each minute)
type watch struct {
	seen  *snapshot // when they were read last
	last  *snapshot // when they were looked at last
	since time.Time // when the change began; zero: steady
	err   error     // why they cannot be used; nil unless failing
	tried time.Time // when they were read last
	told  string    // the error that was told
}

// watch is the goroutine that looks at files and expiry.
func (s *Store) watch(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		s.warn(time.Now())
		wait := time.Duration(unattended)
		if s.opts.interval() > 0 {
			wait = s.poll(time.Now())
		}
		timer.Reset(wait)
	}
}

// poll looks at the files once, and returns when to look again.
func (s *Store) poll(now time.Time) time.Duration {
	wait, events := s.pollFiles(now)
	for _, tell := range events {
		tell()
	}
	return wait
}

func (s *Store) pollFiles(now time.Time) (wait time.Duration, events []func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := &s.watched
	looks := w.seen.again()
	differs, rests := !looks.equal(w.seen), looks.equal(w.last)
	w.last = looks
	if differs && (w.since.IsZero() || w.told != "") {
		w.since, w.told = now, ""
	}
	soon := min(settle, s.opts.interval())
	switch {
	case differs && !rests && now.Sub(w.since) < patience:
		return soon, nil
	case differs, w.err != nil && now.Sub(w.tried) >= retry:
		if events = s.readLocked(now); w.err == nil {
			return s.opts.interval(), events
		}
	case w.err == nil:
		return s.opts.interval(), nil
	}
	if now.Sub(w.since) < patience {
		return soon, events
	}
	if told := w.err.Error(); told != w.told {
		w.told = told
		if err, tell := w.err, s.opts.Events.ReloadFailed; tell != nil {
			events = append(events, func() { tell(err) })
		}
	}
	return s.opts.interval(), events
}

// readLocked reads the files again, and uses them if it can.
func (s *Store) readLocked(now time.Time) (events []func()) {
	set, err := s.Prepare()
	if err != nil {
		w := &s.watched
		w.seen, w.last, w.err, w.tried = set.seen, set.seen, err, now
		return nil
	}
	if tell := s.opts.Events.Reloaded; s.useLocked(set) && tell != nil {
		events = append(events, func() { tell(set.Certificates()) })
	}
	return events
}
