package host

import (
	"context"
	"errors"
	"strings"

	"github.com/lannerhq/lanner/internal/host/control"
	"github.com/lannerhq/lanner/internal/tlsconfig"
)

// RenewCertificate implements control.Host.
func (h *Host) RenewCertificate(ctx context.Context, name string) ([]control.Renewal, error) {
	before, err := h.findCertificates(name)
	if err != nil {
		return nil, err
	}
	ordered, read := make(map[string]bool), make(map[*tlsconfig.Store]bool)
	for _, s := range before {
		switch {
		case s.name != "" && !ordered[s.name]:
			ordered[s.name] = true
			if err := h.orderNow(ctx, s.name); err != nil {
				return nil, err
			}
		case s.at != nil && !read[s.at]:
			read[s.at] = true
			if err := h.readNow(s.at, s.Address); err != nil {
				return nil, err
			}
		}
	}
	after, err := h.findCertificates(name)
	if err != nil {
		return nil, err
	}
	was := make(map[string]bool)
	for _, s := range before {
		was[s.Address+"\x00"+s.leaf()] = true
	}
	var out []control.Renewal
	for _, s := range after {
		out = append(out, control.Renewal{Certificate: s.Certificate, Changed: !was[s.Address+"\x00"+s.leaf()]})
	}
	return out, nil
}

func (s *shownCertificate) leaf() string {
	if len(s.chain) == 0 {
		return ""
	}
	return string(s.chain[0])
}

// orderNow has another certificate issued.
func (h *Host) orderNow(ctx context.Context, name string) error {
	err := errors.New("there is no automatic certificate any more")
	if a := h.automatic.Load(); a != nil {
		err = a.manager.Renew(ctx, name)
	}
	if err != nil {
		return &control.Error{Status: 502, Message: "no certificate was issued for " + name + ": " + strings.TrimPrefix(plainWords(err), "acme: "),
			Hint: "what was shown before still is; \"lanner certs list\" tells when it is tried again"}
	}
	return nil
}

// readNow reads files again.
func (h *Host) readNow(store *tlsconfig.Store, address string) error {
	h.reloading.Lock()
	defer h.reloading.Unlock()
	set, err := store.Prepare()
	if err != nil {
		return &control.Error{Status: 422, Message: plainWords(err), Hint: "what was shown before still is; repair the files"}
	}
	if store.Use(set) {
		h.certificatesReloaded(address, set.Certificates())
	}
	return nil
}
