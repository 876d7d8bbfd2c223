package launch

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

const (
	// browserWait bounds the wait for the program to listen.
	browserWait = 30 * time.Second
	// browserPoll is the time between two looks.
	browserPoll = 100 * time.Millisecond
)

// page returns the page that the profile wants to be opened: launchUrl, relative to the first address. It is empty when
// there is no address.
func page(urls []string, launchURL string) (string, error) {
	if u, err := url.Parse(launchURL); err == nil && u.IsAbs() {
		return launchURL, nil
	}
	if len(urls) == 0 {
		return "", &UsageError{Message: "cannot open a browser: no address is known", Hint: "give the profile an applicationUrl"}
	}
	// A binding to all addresses is no place to go to.
	first := strings.NewReplacer("://*", "://localhost", "://+", "://localhost", "://0.0.0.0", "://localhost", "://[::]", "://localhost").Replace(urls[0])
	base, err := url.Parse(first)
	if err != nil {
		return "", fmt.Errorf("cannot open a browser at %s: %w", urls[0], err)
	}
	rel, err := url.Parse("/" + strings.TrimPrefix(launchURL, "/"))
	if err != nil {
		return "", fmt.Errorf("cannot open a browser at %s: %w", launchURL, err)
	}
	return base.ResolveReference(rel).String(), nil
}

// openWhenListening opens target as soon as its address accepts connections. It returns when ctx ends or it has tried.
func openWhenListening(ctx context.Context, target string, open func(string) error) error {
	u, err := url.Parse(target)
	if err != nil {
		return err
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	ctx, cancel := context.WithTimeout(ctx, browserWait)
	defer cancel()
	tick := time.NewTicker(browserPoll)
	defer tick.Stop()
	dialer := net.Dialer{Timeout: time.Second}
	for {
		conn, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(u.Hostname(), port))
		if err == nil {
			conn.Close()
			return open(target)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("no browser was opened: %s does not answer: %w", target, err)
		case <-tick.C:
		}
	}
}

// openBrowser opens a page in the user's browser, which lives on without us.
func openBrowser(page string) error {
	var cmd *exec.Cmd
	switch runtime.GOOS {
	case "windows":
		cmd = exec.Command("rundll32", "url.dll,FileProtocolHandler", page)
	case "darwin":
		cmd = exec.Command("open", page)
	default:
		cmd = exec.Command("xdg-open", page)
	}
	separate(cmd)
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("cannot open a browser: %w", err)
	}
	return cmd.Process.Release()
}
