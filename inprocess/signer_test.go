package inprocess

import (
	"crypto/tls"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lannerhq/lanner/internal/handover"
)

// asked is a signer and what it has sent.
type asked struct {
	*signer
	over chan struct{}
	mu   sync.Mutex
	sent []*handover.Sign
	err  error
}

func newAsked() *asked {
	a := &asked{over: make(chan struct{})}
	a.signer = newSigner(func(m handover.Message) error {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.sent = append(a.sent, m.(*handover.Sign))
		return a.err
	}, a.over, 10*time.Second)
	return a
}

func TestAnswersComeInAnyOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAsked()
		var all sync.WaitGroup
		for key := range uint64(3) {
			all.Go(func() {
				signature, err := a.ask(key+1, tls.Ed25519, []byte("x"))
				if err != nil || len(signature) != 1 || signature[0] != byte(key+1) {
					t.Errorf("key %d: %v, %v", key+1, signature, err)
				}
			})
		}
		synctest.Wait()
		for i := len(a.sent) - 1; i >= 0; i-- {
			a.answered(&handover.SignResult{ID: a.sent[i].ID, Signature: []byte{byte(a.sent[i].Key)}})
		}
		all.Wait()
		a.answered(&handover.SignResult{ID: 99, Signature: []byte{1}}) // of nobody
		if n := len(a.places); n != 0 {
			t.Errorf("%d places are taken after all answers", n)
		}
	})
}

func TestNobodyWaitsLongerThanAHandshakeNorForAHostThatIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAsked()
		began := time.Now()
		if _, err := a.ask(1, tls.Ed25519, []byte("x")); !errors.Is(err, errHostSilent) || time.Since(began) != 10*time.Second {
			t.Errorf("%v after %v, want it to give up after 10 s", err, time.Since(began))
		}
		if len(a.places) != 1 {
			t.Error("the place of a question that the host may still work on was given away")
		}
		a.answered(&handover.SignResult{ID: a.sent[0].ID, Reason: "late"})
		if len(a.places) != 0 {
			t.Error("a late answer does not give the place back")
		}
		done := make(chan error)
		go func() {
			_, err := a.ask(1, tls.Ed25519, []byte("x"))
			done <- err
		}()
		synctest.Wait()
		close(a.over)
		if err := <-done; !errors.Is(err, errHostGone) {
			t.Errorf("%v, want that the host is gone", err)
		}
		a.err = handover.ErrClosed
		if _, err := a.ask(1, tls.Ed25519, []byte("x")); !errors.Is(err, errHostGone) && !errors.Is(err, handover.ErrClosed) {
			t.Errorf("%v", err)
		}
	})
}

func TestNoMoreIsAskedAtATimeThanMayBe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAsked()
		var all sync.WaitGroup
		for range handover.MaxSigns + 5 {
			all.Go(func() {
				if _, err := a.ask(1, tls.Ed25519, []byte("x")); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		if len(a.sent) != handover.MaxSigns {
			t.Errorf("%d questions are open, want %d", len(a.sent), handover.MaxSigns)
		}
		for done := 0; done < handover.MaxSigns+5; done++ {
			synctest.Wait()
			a.mu.Lock()
			id := a.sent[done].ID
			a.mu.Unlock()
			a.answered(&handover.SignResult{ID: id, Signature: []byte{1}})
		}
		all.Wait()
	})
}
