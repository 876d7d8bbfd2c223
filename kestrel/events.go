package kestrel

import (
	"context"
	"log/slog"
	"time"

	"github.com/lannerhq/lanner/internal/tlsconfig"
)

// event is a log event of the server itself; those of connections are in internal/httpconn.
type event struct {
	id    int
	name  string
	level slog.Level
	msg   string
}

// The events of certificates. Keys: endpoint and those that are named.
var (
	// The files have changed, and what they have is shown to clients from now on. Keys: endpoint, certificates.
	eventCertificatesReloaded = event{90, "CertificatesReloaded", slog.LevelInfo, "the certificates were read again"}
	// The files have changed, and cannot be used; the certificates stay that were there. Keys: endpoint, error.
	eventCertificatesFailed = event{91, "CertificatesReloadFailed", slog.LevelError, "the certificates have changed and cannot be used: the old ones stay"}
	// A certificate was not renewed: 30, 7 and 1 days before its end. Keys: endpoint, certificate, path, expires, left.
	eventCertificateExpiring = event{92, "CertificateExpiring", slog.LevelWarn, "a certificate expires soon: renew it"}
	// A certificate has expired; clients refuse it. Keys: endpoint, certificate, path, expires.
	eventCertificateExpired = event{93, "CertificateExpired", slog.LevelError, "a certificate has expired: renew it"}
	// There is no new OCSP response; the old one is shown until it expires. Keys: endpoint, certificate, error.
	eventStaplingFailed = event{94, "OcspStaplingFailed", slog.LevelWarn, "there is no new OCSP response to staple"}
	// A client asked for a name that the endpoint has nothing for, and was refused. Keys: endpoint, host.
	eventNameUnknown = event{95, "SniNotFound", slog.LevelDebug, "there is no certificate for the name that a client asks for"}
	// The file of session ticket keys cannot be used any more; the keys stay. Keys: error.
	eventTicketKeysFailed = event{96, "TicketKeysFailed", slog.LevelError, "the session ticket keys cannot be read or rotated"}
	// There is a new session ticket key. Keys: none.
	eventTicketKeysRotated = event{97, "TicketKeysRotated", slog.LevelDebug, "the session ticket keys were rotated"}
)

var events = []event{eventCertificatesReloaded, eventCertificatesFailed, eventCertificateExpiring, eventCertificateExpired, eventStaplingFailed,
	eventNameUnknown, eventTicketKeysFailed, eventTicketKeysRotated}

func (s *Server) tell(e event, attrs ...slog.Attr) {
	if !s.log.Enabled(context.Background(), e.level) {
		return
	}
	attrs = append([]slog.Attr{slog.Group("event", slog.Int("id", e.id), slog.String("name", e.name))}, attrs...)
	s.log.LogAttrs(context.Background(), e.level, e.msg, attrs...)
}

// certificateEvents are those of an endpoint's certificates.
func (s *Server) certificateEvents(name string) tlsconfig.Events {
	endpoint := slog.String("endpoint", name)
	of := func(c *tlsconfig.Certificate) slog.Attr { return slog.String("certificate", c.Subject()) }
	return tlsconfig.Events{
		Reloaded: func(certs []*tlsconfig.Certificate) {
			var subjects []string
			for _, c := range certs {
				subjects = append(subjects, c.Subject()+" until "+c.TLS.Leaf.NotAfter.UTC().Format(time.RFC3339))
			}
			s.tell(eventCertificatesReloaded, endpoint, slog.Any("certificates", subjects))
		},
		ReloadFailed: func(err error) { s.tell(eventCertificatesFailed, endpoint, slog.Any("error", err)) },
		Expiring: func(c *tlsconfig.Certificate, left time.Duration) {
			attrs := []slog.Attr{endpoint, of(c), slog.String("path", c.Path), slog.Time("expires", c.TLS.Leaf.NotAfter)}
			if left == 0 {
				s.tell(eventCertificateExpired, attrs...)
				return
			}
			s.tell(eventCertificateExpiring, append(attrs, slog.Duration("left", left.Round(time.Minute)))...)
		},
		StapleFailed: func(c *tlsconfig.Certificate, err error) {
			s.tell(eventStaplingFailed, endpoint, of(c), slog.Any("error", err))
		},
		UnknownName: func(host string) { s.tell(eventNameUnknown, endpoint, slog.String("host", host)) },
	}
}

func (s *Server) ticketKeysFailed(err error) { s.tell(eventTicketKeysFailed, slog.Any("error", err)) }
func (s *Server) ticketKeysRotated()         { s.tell(eventTicketKeysRotated) }
