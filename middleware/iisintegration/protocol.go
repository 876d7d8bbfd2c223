package iisintegration

import (
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/lannerhq/lanner/internal/httpcommon"
)

// Headers of the module, in the canonical form of net/http. Names that begin with headerPrefix, in any case, are the
// module's alone: it removes them from what clients send.
const (
	headerPrefix      = "MS-ASPNETCORE"
	headerToken       = "Ms-Aspnetcore-Token"
	headerEvent       = "Ms-Aspnetcore-Event"
	headerCertificate = "Ms-Aspnetcore-Clientcert"
	headerWindowsAuth = "Ms-Aspnetcore-Winauthtoken"

	// platformWindowsAuth is HttpPlatformHandler's header for the same.
	platformWindowsAuth = "X-Iis-Windowsauthtoken"
)

// ofModule reports whether a header is for the integration and none of the application's business.
func ofModule(name string) bool {
	return len(name) >= len(headerPrefix) && httpcommon.EqualFold(name[:len(headerPrefix)], headerPrefix) ||
		httpcommon.EqualFold(name, platformWindowsAuth)
}

// isShutdown reports whether a request, seen from below the path base, is the shutdown message. The module sends the
// event with a blank at the end.
func isShutdown(method, path string, events []string) bool {
	return method == http.MethodPost && httpcommon.EqualFold(path, "/iisintegration") &&
		httpcommon.EqualFold(strings.TrimSpace(strings.Join(events, ",")), "shutdown")
}

// clientCertificate decodes the certificate that the client showed to IIS: the base64 of its DER form. Nil when there is
// none.
func clientCertificate(values []string) (*x509.Certificate, error) {
	switch {
	case len(values) == 0 || len(values) == 1 && values[0] == "":
		return nil, nil
	case len(values) > 1:
		return nil, errors.New("there are several")
	}
	der, err := base64.StdEncoding.DecodeString(values[0])
	if err != nil {
		return nil, fmt.Errorf("it is not base64: %w", err)
	}
	return x509.ParseCertificate(der)
}

// closeWindowsTokens closes the handles that the module has duplicated into this process, one per request. Nothing here
// uses them, and they would pile up.
func closeWindowsTokens(values []string) {
	for _, value := range values {
		if handle, err := strconv.ParseUint(strings.TrimPrefix(strings.ToLower(value), "0x"), 16, 64); err == nil {
			closeHandle(handle)
		}
	}
}
