package devcert

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/windows"
)

// rootStore is the user's store of trusted root authorities. Windows asks the user before it changes it.
type rootStore struct{}

func (m *machine) stores() []store { return []store{rootStore{}} }

func (rootStore) kind() Kind    { return System }
func (rootStore) place() string { return `CurrentUser\Root` }

const encoding = windows.X509_ASN_ENCODING | windows.PKCS_7_ASN_ENCODING

// with calls f with the open store and a context of the certificate.
func (rootStore) with(root *x509.Certificate, f func(store windows.Handle, cert *windows.CertContext) error) error {
	name, err := windows.UTF16PtrFromString("Root")
	if err != nil {
		return err
	}
	store, err := windows.CertOpenStore(windows.CERT_STORE_PROV_SYSTEM_W, 0, 0, windows.CERT_SYSTEM_STORE_CURRENT_USER, uintptr(unsafe.Pointer(name)))
	if err != nil {
		return fmt.Errorf("cannot open the store of trusted root authorities: %w", err)
	}
	defer windows.CertCloseStore(store, 0)
	cert, err := windows.CertCreateCertificateContext(encoding, &root.Raw[0], uint32(len(root.Raw)))
	if err != nil {
		return fmt.Errorf("cannot read the authority's certificate: %w", err)
	}
	defer windows.CertFreeCertificateContext(cert)
	return f(store, cert)
}

// find returns nil if the certificate is not there.
func find(store windows.Handle, cert *windows.CertContext) (*windows.CertContext, error) {
	found, err := windows.CertFindCertificateInStore(store, encoding, 0, windows.CERT_FIND_EXISTING, unsafe.Pointer(cert), nil)
	if errors.Is(err, windows.Errno(windows.CRYPT_E_NOT_FOUND)) {
		return nil, nil
	}
	return found, err
}

func (s rootStore) look(_ context.Context, root *x509.Certificate, _ string) (p presence, err error) {
	err = s.with(root, func(store windows.Handle, cert *windows.CertContext) error {
		found, err := find(store, cert)
		if found != nil {
			p = trusted
			windows.CertFreeCertificateContext(found)
		}
		return err
	})
	return p, err
}

func (s rootStore) add(_ context.Context, root *x509.Certificate, _ string) error {
	return s.with(root, func(store windows.Handle, cert *windows.CertContext) error {
		return refused(windows.CertAddCertificateContextToStore(store, cert, windows.CERT_STORE_ADD_REPLACE_EXISTING, nil))
	})
}

func (s rootStore) remove(_ context.Context, root *x509.Certificate, _ string) error {
	return s.with(root, func(store windows.Handle, cert *windows.CertContext) error {
		found, err := find(store, cert)
		if found == nil {
			return err
		}
		return refused(windows.CertDeleteCertificateFromStore(found)) // which frees found
	})
}

// refused explains what Windows returns when the user has said no.
func refused(err error) error {
	if errors.Is(err, windows.ERROR_CANCELLED) {
		return &HintError{errors.New("Windows asked, and the answer was no"), "call it again and answer yes"}
	}
	return err
}
