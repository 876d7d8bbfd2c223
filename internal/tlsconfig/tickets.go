package tlsconfig

import (
	"context"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lannerhq/lanner/internal/filelock"
)

const (
	ticketKeysKept  = 3 // the newest encrypts, all of them decrypt
	defaultRotation = 24 * time.Hour
	ticketPoll      = 5 * time.Second
	lockWait        = 5 * time.Second
)

// TicketOptions says where the keys of session tickets are. The zero value keeps them in memory.
type TicketOptions struct {
	// Path is a file that several processes share, and that outlives them. It is made when it is not there. Whoever has it can read what
	// was sent in TLS 1.2, and act as a client; so it may be read by its owner alone. Beside it a file with .lock at the end is made.
	Path string
	// Rotation is how long a key encrypts. Zero means 24 h. It decrypts three times as long.
	Rotation time.Duration
	// Failed says why the file cannot be used any more; the keys that are there go on, and are not rotated with others. May be nil.
	Failed func(error)
	// Rotated says that there is another newest key. May be nil.
	Rotated func()
}

// TicketKeys are the keys of session tickets, which let clients come back without a whole handshake (RFC 5077, RFC 8446 §4.6.1). They are
// rotated, since who has them can read what was sent. Its methods are safe to call from any goroutine.
type TicketKeys struct {
	opts    TicketOptions
	version atomic.Uint64 // counts the changes of keys

	mu     sync.Mutex
	keys   []ticketKey            // newest first, at least one
	live   map[*tls.Config]string // with what its keys are derived by
	read   fs.FileInfo            // the file as it was read
	failed string                 // what Failed was told

	cancel  context.CancelFunc
	running sync.WaitGroup
}

// ticketKey is a secret from which the keys of configurations are derived. It must not be in a log or an error.
type ticketKey struct {
	secret  [32]byte
	created int64 // seconds since 1970
}

func (t *ticketKey) age(now time.Time) time.Duration { return now.Sub(time.Unix(t.created, 0)) }

// String says nothing of the secret, and GoString neither.
func (t ticketKey) String() string   { return "a session ticket key of " + text(time.Unix(t.created, 0)) }
func (t ticketKey) GoString() string { return t.String() }

// OpenTicketKeys reads the keys, or makes them.
func OpenTicketKeys(opts TicketOptions) (*TicketKeys, error) {
	if opts.Rotation == 0 {
		opts.Rotation = defaultRotation
	}
	k := &TicketKeys{opts: opts, live: make(map[*tls.Config]string)}
	k.mu.Lock()
	defer k.mu.Unlock()
	for began := time.Now(); ; time.Sleep(ticketPoll / 50) {
		err := k.refreshLocked(time.Now())
		if err == nil && len(k.keys) > 0 {
			return k, nil
		}
		if err != nil || time.Since(began) > lockWait {
			if err == nil {
				err = errors.New("another process has locked it")
			}
			return nil, k.explain(err)
		}
	}
}

func (k *TicketKeys) explain(err error) error {
	return fmt.Errorf("cannot use the file of session ticket keys %s: %w", k.opts.Path, err)
}

// Start begins to rotate, until Close. It is called once.
func (k *TicketKeys) Start() {
	ctx, cancel := context.WithCancel(context.Background())
	k.cancel = cancel
	k.running.Go(func() { k.rotate(ctx) })
}

// Close ends what Start has begun, and waits for it.
func (k *TicketKeys) Close() {
	if k.cancel != nil {
		k.cancel()
		k.running.Wait()
	}
}

// Attach gives a configuration these keys, now and when they change, until Detach. of tells its tickets from those of others: a client cannot
// come back by a ticket that another configuration has made, unless it has the same.
func (k *TicketKeys) Attach(cfg *tls.Config, of string) { k.add(map[*tls.Config]string{cfg: of}) }

// Detach lets go of a configuration.
func (k *TicketKeys) Detach(cfg *tls.Config) { k.remove(map[*tls.Config]string{cfg: ""}) }

func (k *TicketKeys) add(configs map[*tls.Config]string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	maps.Copy(k.live, configs)
	k.applyLocked(configs)
}

func (k *TicketKeys) remove(configs map[*tls.Config]string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for cfg := range configs {
		delete(k.live, cfg)
	}
}

// applyLocked gives configurations the keys that are derived for them.
func (k *TicketKeys) applyLocked(configs map[*tls.Config]string) {
	derived := make(map[string][][32]byte)
	for cfg, of := range configs {
		keys, ok := derived[of]
		if !ok {
			for _, key := range k.keys {
				keys = append(keys, key.derive(of))
			}
			derived[of] = keys
		}
		cfg.SetSessionTicketKeys(keys)
	}
}

func (t *ticketKey) derive(of string) (out [32]byte) {
	key, err := hkdf.Key(sha256.New, t.secret[:], nil, "lanner session tickets 1\x00"+of, len(out))
	if err != nil {
		panic(err) // only a length that is too large
	}
	copy(out[:], key)
	return out
}

// rotate is the goroutine that looks after the keys.
func (k *TicketKeys) rotate(ctx context.Context) {
	wait := ticketPoll
	if k.opts.Path == "" {
		wait = max(min(k.opts.Rotation/10, time.Minute), time.Millisecond)
	}
	ticker := time.NewTicker(wait)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			k.refresh()
		}
	}
}

func (k *TicketKeys) refresh() {
	k.mu.Lock()
	was := k.keys
	err := k.refreshLocked(time.Now())
	tell, text := err != nil, ""
	if err != nil {
		err = k.explain(err)
		text = err.Error()
	}
	tell = tell && text != k.failed && k.opts.Failed != nil
	k.failed = text
	rotated := !slices.Equal(was, k.keys) && k.opts.Rotated != nil
	k.mu.Unlock()
	if tell {
		k.opts.Failed(err)
	}
	if rotated {
		k.opts.Rotated()
	}
}

// refreshLocked takes the keys of the file when it has changed, and makes a new key when the newest is too old. Who finds that makes it for
// all, under a lock; the others find it in the file.
func (k *TicketKeys) refreshLocked(now time.Time) error {
	if k.opts.Path == "" {
		if k.staleLocked(now) {
			k.useLocked(k.withNewLocked(now))
		}
		return nil
	}
	if err := k.readLocked(); err != nil {
		return err
	}
	if !k.staleLocked(now) {
		return nil
	}
	lock, err := filelock.Open(k.opts.Path + ".lock") // the file stays
	switch {
	case errors.Is(err, filelock.ErrLocked): // another process makes it
		return nil
	case errors.Is(err, errors.ErrUnsupported):
		return fmt.Errorf("files cannot be locked on this system: leave the file of session ticket keys out: %w", err)
	case err != nil:
		return err
	}
	defer lock.Close()
	if err := k.readLocked(); err != nil || !k.staleLocked(now) {
		return err
	}
	keys := k.withNewLocked(now)
	if err := writeTicketKeys(k.opts.Path, keys); err != nil {
		return err
	}
	return k.readLocked()
}

// readLocked takes the keys of the file, when it has changed. Where there is none, the keys are no more: somebody wants new ones.
func (k *TicketKeys) readLocked() error {
	info, err := os.Stat(k.opts.Path)
	if errors.Is(err, fs.ErrNotExist) {
		k.read = nil
		return nil
	}
	if err == nil && k.read != nil && unchanged(k.read, info) {
		return nil
	}
	keys, info, err := readTicketKeys(k.opts.Path)
	if err != nil {
		return err
	}
	k.read = info
	k.useLocked(keys)
	return nil
}

func (k *TicketKeys) useLocked(keys []ticketKey) {
	if slices.Equal(keys, k.keys) {
		return
	}
	k.keys = keys
	k.version.Add(1)
	k.applyLocked(k.live)
}

// staleLocked reports whether there must be a new key. One from the future is of a clock that was wrong.
func (k *TicketKeys) staleLocked(now time.Time) bool {
	if len(k.keys) == 0 || k.opts.Path != "" && k.read == nil {
		return true
	}
	age := k.keys[0].age(now)
	return age >= k.opts.Rotation || age < -k.opts.Rotation
}

// withNewLocked returns the keys with a new one before them, without those that are too many or too old.
func (k *TicketKeys) withNewLocked(now time.Time) []ticketKey {
	key := ticketKey{created: now.Unix()}
	rand.Read(key.secret[:])
	keys := []ticketKey{key}
	if k.opts.Path != "" && k.read == nil {
		return keys // the file was removed, and with it the keys
	}
	for _, old := range k.keys {
		if len(keys) < ticketKeysKept && old.age(now) < ticketKeysKept*k.opts.Rotation {
			keys = append(keys, old)
		}
	}
	return keys
}
