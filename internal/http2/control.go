package http2

import "encoding/binary"

// maxControls bounds the answers to control frames that a client leaves unread, in bytes.
const maxControls = 64 << 10

// controlledLocked counts an answer to a control frame.
func (c *Conn) controlledLocked(n int) *connError {
	c.controls += n
	if c.controls > maxControls {
		return errOutputQueue
	}
	return nil
}

// settingsFrame is RFC 9113 §6.5.
func (c *Conn) settingsFrame(f *frame, p []byte) *connError {
	switch {
	case f.stream != 0:
		return errStreamNotZero
	case f.has(flagAck) && len(p) > 0:
		return errSettingsAck
	case f.has(flagAck):
		c.decoder.SetMaxTableSize(uint32(c.cfg.Limits.HeaderTableSize))
		return c.spend(abuseSettings)
	case len(p)%6 != 0:
		return errSettingsLength
	}
	if err := c.spend(abuseSettings); err != nil {
		return err
	}
	c.settled = true
	c.mu.Lock()
	defer c.mu.Unlock()
	for ; len(p) > 0; p = p[6:] {
		if err := c.settingLocked(binary.BigEndian.Uint16(p), binary.BigEndian.Uint32(p[2:])); err != nil {
			return err
		}
	}
	c.outLocked()
	c.out = appendFrameHead(c.out, 0, frameSettings, flagAck, 0)
	return c.controlledLocked(frameHeaderSize)
}

func (c *Conn) settingLocked(id uint16, value uint32) *connError {
	switch id {
	case settingHeaderTableSize:
		c.encoder.SetMaxTableSize(min(value, defaultHeaderSize))
	case settingEnablePush:
		if value > 1 {
			return errSettingsValue
		}
	case settingInitialWindowSize:
		if value > maxWindow {
			return errSettingsWindow
		}
		return c.rewindowLocked(int64(value))
	case settingMaxFrameSize:
		if value < minFrameSize || value > maxFrameSize {
			return errSettingsValue
		}
		c.maxFrame = min(int(value), c.cfg.Limits.MaxFrameSize)
	case settingEnableConnect, settingNoRFC7540Priorities:
		if value > 1 {
			return errSettingsValue
		}
	}
	return nil
}

// rewindowLocked changes the windows of all streams by the difference (RFC 9113 §6.9.2). They may become negative.
func (c *Conn) rewindowLocked(size int64) *connError {
	by := size - c.peerWindow
	c.peerWindow = size
	for s := range c.streams.all() {
		s.sendWindow += by
		if s.sendWindow > maxWindow {
			return errWindowOverflow
		}
		c.enqueueLocked(s)
	}
	return nil
}

// pingFrame is RFC 9113 §6.7.
func (c *Conn) pingFrame(f *frame, p []byte) *connError {
	switch {
	case f.stream != 0:
		return errStreamNotZero
	case len(p) != 8:
		return errFrameLength
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if f.has(flagAck) {
		c.pinged = 0
		c.probedLocked(p)
		return c.spendLocked(abusePing)
	}
	if err := c.spendLocked(abusePing); err != nil {
		return err
	}
	c.outLocked()
	c.out = append(appendFrameHead(c.out, 8, framePing, flagAck, 0), p...)
	return c.controlledLocked(frameHeaderSize + 8)
}

// goAwayFrame is RFC 9113 §6.8: the client opens no more streams, and the connection ends with the last.
func (c *Conn) goAwayFrame(f *frame, p []byte) *connError {
	switch {
	case f.stream != 0:
		return errStreamNotZero
	case len(p) < 8:
		return errFrameLength
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.clientGone = true
	return c.spendLocked(abuseUnknown)
}

// windowFrame is RFC 9113 §6.9.
func (c *Conn) windowFrame(f *frame, p []byte) *connError {
	switch {
	case f.stream != 0 && f.stream%2 == 0:
		return errEvenStream
	case len(p) != 4:
		return errFrameLength
	}
	increment := int64(binary.BigEndian.Uint32(p) & maxWindow)
	if increment == 0 {
		return errWindowZero
	}
	c.mu.Lock()
	after, err := c.enlargeLocked(f.stream, increment)
	c.mu.Unlock()
	after.run(c)
	return err
}

func (c *Conn) enlargeLocked(id uint32, increment int64) (after, *connError) {
	if increment < smallIncrement {
		if err := c.spendLocked(abuseWindowUpdate); err != nil {
			return after{}, err
		}
	}
	if id == 0 {
		if c.sendWindow += increment; c.sendWindow > maxWindow {
			return after{}, errWindowOverflow
		}
		return after{}, nil
	}
	s := c.streams.get(id)
	switch {
	case s == nil && id > c.lastID:
		return after{}, errStreamIdle
	case s == nil:
		return after{}, nil // RFC 9113 §5.1: it may come after the end of the stream
	case s.reset != nil && s.reset.Remote:
		return after{}, errAborted
	case s.localEnded:
		return after{}, nil
	}
	if s.sendWindow += increment; s.sendWindow > maxWindow {
		return c.rejectLocked(s, errStreamWindow), c.spendLocked(abuseMadeReset)
	}
	c.enqueueLocked(s)
	return after{}, nil
}

// smallIncrement is below what a client has a reason to announce by itself, in bytes.
const smallIncrement = 1024

// rstFrame is RFC 9113 §6.4.
func (c *Conn) rstFrame(f *frame, p []byte) *connError {
	if err := f.ofStream(); err != nil {
		return err
	}
	switch {
	case len(p) != 4:
		return errFrameLength
	}
	code := ErrCode(binary.BigEndian.Uint32(p))
	c.mu.Lock()
	if f.stream > c.lastID {
		c.mu.Unlock()
		return errStreamIdle
	}
	err := c.spendLocked(abuseReset)
	s := c.streams.get(f.stream)
	if s == nil || s.reset != nil && s.reset.Remote {
		c.resets.forget(f.stream)
		c.mu.Unlock()
		return err
	}
	s.remoteEnded = true
	after := c.resetLocked(s, &ResetError{Code: code, Remote: true})
	c.mu.Unlock()
	after.run(c)
	return err
}
