package accesslog

import (
	"fmt"
	"time"
)

// loop owns writer. Its states and events are in DESIGN.md.
func (l *Log) loop(interval time.Duration) {
	defer close(l.done)
	timer := time.NewTimer(interval)
	timer.Stop()
	defer timer.Stop()
	for {
		var err error
		select {
		case <-l.begun:
			if interval > 0 {
				timer.Reset(interval)
				continue
			}
			err = l.write()
		case <-l.half:
			err = l.write()
		case <-timer.C:
			err = l.write()
		case a := <-l.asks:
			err = l.write()
			if a.reopen {
				a.reply <- l.reopen()
			} else {
				a.reply <- err
			}
		case <-l.stop:
			l.last = l.end()
			return
		}
		if err != nil {
			timer.Reset(retryAfter(interval))
		}
	}
}

func retryAfter(interval time.Duration) time.Duration {
	if interval <= 0 {
		return defaultFlushInterval
	}
	return interval
}

// write writes what an earlier attempt has left, then what waits.
func (l *Log) write() error {
	for range 2 {
		if l.writer.empty() {
			l.take()
		}
		if err := l.writer.write(); err != nil {
			return err
		}
	}
	l.mu.Lock()
	dropped := l.dropped
	l.mu.Unlock()
	l.writer.succeeded(dropped)
	return nil
}

// take exchanges the two buffers.
func (l *Log) take() {
	spare := l.writer.spare(l.size)
	l.mu.Lock()
	full, lines := l.front, l.waiting
	l.front, l.waiting = spare, 0
	l.mu.Unlock()
	l.writer.load(full, lines)
}

func (l *Log) drop(lines int64) {
	l.mu.Lock()
	l.dropped += lines
	l.mu.Unlock()
}

// reopen exchanges the file. What could not be written to the old one goes to the new one, but for the rest of a line that
// has begun there.
func (l *Log) reopen() error {
	lost, err := l.writer.reopen(time.Now())
	l.drop(lost)
	return err
}

// end is the last attempt to write.
func (l *Log) end() error {
	err := l.write()
	lost := l.writer.lines
	l.mu.Lock()
	lost += l.waiting
	l.front, l.waiting = nil, 0
	l.dropped += lost
	l.mu.Unlock()
	if err != nil {
		err = fmt.Errorf("%w; the last %d entries are lost", err, lost)
	}
	if closeErr := l.writer.close(); err == nil {
		err = closeErr
	}
	return err
}
