package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"time"
)

// dialTimeout bounds the connect, which on a unix socket waits only for a host that does not accept.
const dialTimeout = 5 * time.Second

// maxAnswer bounds the answers that are read as a whole.
const maxAnswer = 64 << 20

// Client talks to the host behind a socket. Its methods may be called from many goroutines. They return
// [*NotReachableError] when no host answers, [*PermissionError] when the system lets this user not connect, and an
// [*Error] when the host refused or failed. They have no time limit but ctx, since a recycle takes as long as it takes.
type Client struct {
	socket string
	http   *http.Client
}

// NewClient returns a client for the host at socket. It connects when it is used. Call Close when it is not used any more.
func NewClient(socket string) *Client {
	dialer := net.Dialer{Timeout: dialTimeout}
	return &Client{socket: socket, http: &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			if isPipe(socket) {
				return nil, checkPath(socket)
			}
			return dialer.DialContext(ctx, "unix", socket)
		},
		DisableCompression: true,
		IdleConnTimeout:    idleTimeout / 2, // before the host closes it
	}}}
}

// Socket returns the path of the socket.
func (c *Client) Socket() string { return c.socket }

// Close closes idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Status asks for the state of the host and everything in it.
func (c *Client) Status(ctx context.Context) (Status, error) {
	return call[Status](ctx, c, http.MethodGet, "/api/v1/status")
}

// Certificates asks for the certificates that the host shows.
func (c *Client) Certificates(ctx context.Context) ([]Certificate, error) {
	list, err := call[certificateList](ctx, c, http.MethodGet, "/api/v1/certificates")
	return list.Certificates, err
}

// Certificate asks for all that is known of the certificates that are shown for a name, a host name or a file.
func (c *Client) Certificate(ctx context.Context, name string) ([]CertificateDetail, error) {
	list, err := call[certificateDetails](ctx, c, http.MethodGet, "/api/v1/certificates/"+url.PathEscape(name))
	return list.Certificates, err
}

// RenewCertificate has the certificates for a name renewed, and waits for that.
func (c *Client) RenewCertificate(ctx context.Context, name string) ([]Renewal, error) {
	list, err := call[renewals](ctx, c, http.MethodPost, "/api/v1/certificates/"+url.PathEscape(name)+"/renew")
	return list.Certificates, err
}

// Recycle replaces the workers of a site and waits until the new ones serve. On an error the steps that were done are in
// the result too.
func (c *Client) Recycle(ctx context.Context, site string) (SiteResult, error) {
	return c.command(ctx, site, "recycle")
}

// StopSite drains a site, which answers 503 from then on.
func (c *Client) StopSite(ctx context.Context, site string) (SiteResult, error) {
	return c.command(ctx, site, "stop")
}

// StartSite starts a stopped site.
func (c *Client) StartSite(ctx context.Context, site string) (SiteResult, error) {
	return c.command(ctx, site, "start")
}

func (c *Client) command(ctx context.Context, site, verb string) (SiteResult, error) {
	result, err := call[SiteResult](ctx, c, http.MethodPost, "/api/v1/sites/"+url.PathEscape(site)+"/"+verb)
	result.Site = site
	return result, err
}

// Reload makes the host read its configuration file again.
func (c *Client) Reload(ctx context.Context) (ReloadResult, error) {
	return call[ReloadResult](ctx, c, http.MethodPost, "/api/v1/reload")
}

// Config returns the effective configuration of the host as JSON.
func (c *Client) Config(ctx context.Context) (json.RawMessage, error) {
	return call[json.RawMessage](ctx, c, http.MethodGet, "/api/v1/config")
}

// Ready reports whether the host serves; false while it starts or stops.
func (c *Client) Ready(ctx context.Context) (bool, error) {
	type answer struct {
		Ready bool `json:"ready"`
	}
	a, err := call[answer](ctx, c, http.MethodGet, "/readyz")
	if e, ok := errors.AsType[*Error](err); ok && e.Status == http.StatusServiceUnavailable {
		return false, nil
	}
	return a.Ready, err
}

// call sends a request without a body and decodes the answer, that of a failure too as far as it has members of T.
func call[T any](ctx context.Context, c *Client, method, path string) (T, error) {
	var result T
	resp, err := c.send(ctx, method, path)
	if err != nil {
		return result, err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return result, fmt.Errorf("cannot read the answer of %s: %w", c.socket, err)
	}
	if resp.StatusCode >= 400 {
		_ = json.Unmarshal(data, &result) // the steps before the failure, if there are any
		return result, decodeFailure(c.socket, resp, data)
	}
	if err := json.Unmarshal(data, &result); err != nil {
		return result, fmt.Errorf("%s does not answer like a lanner host: %w", c.socket, err)
	}
	return result, nil
}

func (c *Client) send(ctx context.Context, method, path string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://lanner"+path, nil)
	if err != nil {
		return nil, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, c.explain(err)
	}
	return resp, nil
}

// explain tells apart who is not there, who is not let in, and the rest.
func (c *Client) explain(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err // the URL is ours and says nothing
	}
	op, dialing := errors.AsType[*net.OpError](err)
	dialing = dialing && op.Op == "dial"
	switch {
	case errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, fs.ErrPermission):
		return &PermissionError{c.socket, err}
	case dialing && errors.Is(err, fs.ErrNotExist):
		return &NotReachableError{c.socket, errors.New("there is no such socket")}
	case dialing && refused(err):
		return &NotReachableError{c.socket, errors.New("nothing listens there, the socket is left over")}
	case dialing:
		return &NotReachableError{c.socket, op.Err}
	}
	return fmt.Errorf("the host at %s did not answer: %w", c.socket, err)
}

func decodeFailure(socket string, resp *http.Response, data []byte) error {
	var f failure
	if err := json.Unmarshal(data, &f); err != nil || f.Error == nil {
		return &Error{Status: resp.StatusCode, Message: fmt.Sprintf("%s answered %s", socket, resp.Status)}
	}
	f.Error.Status = resp.StatusCode
	return f.Error
}
