package host

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/lannerhq/lanner/internal/host/config"
	"github.com/lannerhq/lanner/internal/tlsconfig"
)

// shown is what one binding of https shows to clients and asks of them.
type shown struct {
	addr, host  string // as in a tableEntry
	site        string
	certificate config.Certificate
	client      config.ClientCertificate
	path        string // of the binding in the configuration, for messages
	development bool   // the certificate is that of lanner dev-certs
}

// security is how the connections of a front become TLS. It is immutable; a reload that changes bindings makes a new one, and files that
// change are the stores' own affair.
type security struct {
	shown  []shown
	stores map[string]*tlsconfig.Store // by the local address that the client has connected to, "" for others
}

// prepared is what a reload has read of the certificates of one front, for use or to be dropped.
type prepared struct {
	security *security                           // another one; nil when the old one stays
	sets     map[*tlsconfig.Store]*tlsconfig.Set // what the old one's files have now
}

// readCertificates reads the certificates of all bindings. The error has all that cannot be used, each at its place in the
// configuration, and then nothing has changed.
func (h *Host) readCertificates(cfg *config.Config, wanted map[string][]binding) (map[string]*prepared, error) {
	h.mu.Lock()
	have := maps.Clone(h.fronts)
	h.mu.Unlock()
	out := make(map[string]*prepared)
	var problems []config.Problem
	for _, key := range sortedKeys(wanted) {
		if !strings.HasPrefix(key, "https:") {
			continue
		}
		want, wrong := shownAt(wanted[key])
		if wrong != nil {
			problems = append(problems, wrong...)
			continue
		}
		p, err := h.prepareSecurity(cfg, have[key], key, want)
		if err != nil {
			problems = append(problems, h.blame(want, err)...)
			continue
		}
		out[key] = p
	}
	if len(problems) > 0 {
		discard(out)
		return nil, cfg.Refuse(problems...)
	}
	return out, nil
}

// shownAt returns what the bindings of a front show, and the problems of those that have no certificate.
func shownAt(entries []binding) (out []shown, problems []config.Problem) {
	for _, e := range entries {
		s := shown{addr: e.addr, host: e.host, site: e.site, path: e.path}
		if e.certificate != nil {
			s.certificate = *e.certificate
		} else if wrong := s.useDevCertificate(); wrong != nil {
			problems = append(problems, *wrong)
			continue
		}
		if s.certificate.KeyPath == s.certificate.Path {
			s.certificate.KeyPath = ""
		}
		if e.client != nil {
			s.client = *e.client
		}
		out = append(out, s)
	}
	return out, problems
}

// prepareSecurity reads what is to be shown at a front.
func (h *Host) prepareSecurity(cfg *config.Config, f *front, key string, want []shown) (*prepared, error) {
	if old := f.shows(); old != nil && old.same(want) {
		p := &prepared{sets: make(map[*tlsconfig.Store]*tlsconfig.Set)}
		var errs []error
		for _, store := range old.stores {
			set, err := store.Prepare()
			p.sets[store] = set
			errs = append(errs, err)
		}
		return p, errors.Join(errs...)
	}
	s := &security{shown: want, stores: make(map[string]*tlsconfig.Store)}
	for _, at := range want {
		if s.stores[at.addr] != nil {
			continue
		}
		store, err := tlsconfig.Open(tlsconfig.Options{
			Names: h.namesAt(at.addr, want), Tickets: h.ticketKeys(cfg), Interval: h.opts.CertificateInterval, HTTP: tlsconfig.Responders,
			Events: h.certificateEvents(key),
		})
		if err != nil {
			s.close()
			return nil, err
		}
		s.stores[at.addr] = store
	}
	return &prepared{security: s}, nil
}

// namesAt are the names of SNI at one local address, by the rules of table.find: what is bound to the address wins over what is bound to
// all of them.
func (h *Host) namesAt(addr string, all []shown) map[string]tlsconfig.Name {
	names := make(map[string]tlsconfig.Name)
	for _, of := range []string{addr, ""} {
		for _, s := range all {
			name := s.host
			if name == "" {
				name = "*"
			}
			if _, has := names[name]; s.addr == of && !has {
				names[name] = h.name(s)
			}
		}
		if _, everything := names["*"]; everything {
			break
		}
	}
	return names
}

func (h *Host) name(s shown) tlsconfig.Name {
	n := tlsconfig.Name{NextProtos: []string{"h2", "http/1.1"}, Owner: s.site}
	if c := s.certificate; c.ACME {
		n.Get = h.automaticCertificate
	} else {
		n.Sources = []tlsconfig.Source{{Path: c.Path, KeyPath: c.KeyPath, Password: c.Password, Directory: c.Directory}}
	}
	switch s.client.Mode {
	case config.ClientCertificateOptional:
		n.ClientAuth, n.ClientCAs = tls.VerifyClientCertIfGiven, s.client.Authorities
	case config.ClientCertificateRequired:
		n.ClientAuth, n.ClientCAs = tls.RequireAndVerifyClientCert, s.client.Authorities
	}
	return n
}

// blame finds the bindings that an error comes from, by reading each alone.
func (h *Host) blame(all []shown, err error) (problems []config.Problem) {
	add := func(s shown, err error) {
		problems = append(problems, config.Problem{Path: s.path + ".certificate", Message: plainWords(err), Hint: "repair the files, or name others"})
	}
	for _, s := range all {
		if alone := h.unusable(s); alone != nil {
			add(s, alone)
		}
	}
	if len(problems) == 0 { // the files have changed meanwhile
		add(all[0], err)
	}
	return problems
}

func discard(all map[string]*prepared) {
	for _, p := range all {
		if p.security != nil {
			p.security.close()
		}
	}
}

// same reports whether bindings show and ask what s does. Where they stand in the file does not count.
func (s *security) same(want []shown) bool {
	return slices.EqualFunc(s.shown, want, func(a, b shown) bool {
		a.path, b.path = "", ""
		return a == b
	})
}

// asksAsMuch reports whether clients that were let in by s would have been by other, too.
func (s *security) asksAsMuch(other *security) bool {
	asked := func(s *security) map[string]config.ClientCertificate {
		out := make(map[string]config.ClientCertificate)
		for _, b := range s.shown {
			out[b.addr+" "+b.host] = b.client
		}
		return out
	}
	return reflect.DeepEqual(asked(s), asked(other))
}

func (s *security) start() {
	for _, store := range s.stores {
		store.Start()
	}
}

func (s *security) close() {
	for _, store := range s.stores {
		store.Close()
	}
}

func (f *front) encrypted() bool { return f.tls != nil }

// shows returns the front's security, nil without one. f may be nil.
func (f *front) shows() *security {
	if f == nil {
		return nil
	}
	return f.security.Load()
}

// choose is the GetConfigForClient of the front.
func (f *front) choose(hello *tls.ClientHelloInfo) (*tls.Config, error) {
	if cfg := f.host.validation(hello); cfg != nil {
		return cfg, nil
	}
	return f.security.Load().at(localIP(hello.Conn)).Config().GetConfigForClient(hello)
}

// at returns what is shown to clients that have connected to a local address.
func (s *security) at(local string) *tlsconfig.Store {
	if store := s.stores[local]; store != nil {
		return store
	}
	return s.stores[""]
}

// use makes handshakes from now on show what was prepared. Connections go on, unless other certificates are asked of clients: then
// their next response is their last.
func (f *front) use(p *prepared) {
	for store, set := range p.sets {
		if store.Use(set) {
			f.host.certificatesReloaded(f.key, set.Certificates())
		}
	}
	if p.security == nil {
		return
	}
	old := f.security.Swap(p.security)
	p.security.start()
	if old == nil {
		return
	}
	old.close()
	if !old.asksAsMuch(p.security) {
		f.renewManager()
	}
}

func (f *front) closeSecurity() {
	if s := f.security.Load(); s != nil {
		s.close()
	}
}

// ticketKeys returns the keys of session tickets, in the state folder, so that they outlive the host. They are made when a binding first
// needs them; where the folder cannot be used they are in memory.
func (h *Host) ticketKeys(cfg *config.Config) *tlsconfig.TicketKeys {
	if h.tickets != nil {
		return h.tickets
	}
	opts := tlsconfig.TicketOptions{
		Path: filepath.Join(cfg.State, "tls-ticket-keys"),
		Failed: func(err error) {
			h.event(slog.LevelError, eventTicketKeysFailed, slog.Any("error", err))
		},
		Rotated: func() { h.event(slog.LevelDebug, eventTicketKeysRotated) },
	}
	err := os.MkdirAll(cfg.State, 0o700)
	if err == nil {
		h.tickets, err = tlsconfig.OpenTicketKeys(opts)
	}
	if err != nil {
		opts.Failed(err)
		if h.tickets, err = tlsconfig.OpenTicketKeys(tlsconfig.TicketOptions{}); err != nil {
			panic(err) // without a file there is nothing that could fail
		}
	}
	h.tickets.Start()
	return h.tickets
}

// certificateEvents are those of a front's certificates.
func (h *Host) certificateEvents(key string) tlsconfig.Events {
	address := slog.String("address", key)
	of := func(c *tlsconfig.Certificate) slog.Attr { return slog.String("certificate", c.Subject()) }
	return tlsconfig.Events{
		Reloaded:     func(certs []*tlsconfig.Certificate) { h.certificatesReloaded(key, certs) },
		ReloadFailed: func(err error) { h.event(slog.LevelError, eventCertificatesFailed, address, slog.Any("error", err)) },
		Expiring: func(c *tlsconfig.Certificate, left time.Duration) {
			attrs := []slog.Attr{address, of(c), slog.String("path", c.Path), slog.Time("expires", c.TLS.Leaf.NotAfter)}
			if left == 0 {
				h.event(slog.LevelError, eventCertificateExpired, attrs...)
				return
			}
			h.event(slog.LevelWarn, eventCertificateExpiring, append(attrs, slog.Duration("left", left.Round(time.Minute)))...)
		},
		StapleFailed: func(c *tlsconfig.Certificate, err error) {
			h.event(slog.LevelWarn, eventStaplingFailed, address, of(c), slog.Any("error", err))
		},
		UnknownName: func(host string) {
			if h.log.Enabled(context.Background(), slog.LevelDebug) {
				h.event(slog.LevelDebug, eventNameUnknown, address, slog.String("host", host))
			}
		},
	}
}

func (h *Host) certificatesReloaded(key string, certs []*tlsconfig.Certificate) {
	var subjects []string
	for _, c := range certs {
		subjects = append(subjects, c.Subject()+" until "+c.TLS.Leaf.NotAfter.UTC().Format(time.RFC3339))
	}
	h.event(slog.LevelInfo, eventCertificatesReloaded, slog.String("address", key), slog.Any("certificates", subjects))
}
