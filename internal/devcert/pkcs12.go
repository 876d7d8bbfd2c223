package devcert

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/binary"
	"fmt"
	"unicode/utf16"
)

// The object identifiers of RFC 7292 (PKCS #12), RFC 8018 (PKCS #5) and RFC 2985 (PKCS #9).
var (
	oidData             = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}
	oidShroudedKeyBag   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 10, 1, 2}
	oidCertBag          = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 10, 1, 3}
	oidX509Certificate  = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 22, 1}
	oidFriendlyName     = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 20}
	oidLocalKeyID       = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 21}
	oidPBES2            = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 13}
	oidPBKDF2           = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 12}
	oidHMACWithSHA256   = asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 9}
	oidAES256CBC        = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 42}
	oidSHA256           = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}
	asn1Null            = asn1.RawValue{Tag: asn1.TagNull}
	keyIterations       = 100_000
	integrityIterations = 100_000
)

type (
	pfx struct {
		Version  int
		AuthSafe contentInfo
		MacData  macData
	}
	contentInfo struct {
		Type    asn1.ObjectIdentifier
		Content []byte `asn1:"tag:0,explicit"`
	}
	macData struct {
		Mac        digestInfo
		Salt       []byte
		Iterations int
	}
	digestInfo struct {
		Algorithm pkix.AlgorithmIdentifier
		Digest    []byte
	}
	safeBag struct {
		ID         asn1.ObjectIdentifier
		Value      asn1.RawValue // explicit [0]
		Attributes []attribute   `asn1:"set,omitempty"`
	}
	attribute struct {
		Type   asn1.ObjectIdentifier
		Values []asn1.RawValue `asn1:"set"`
	}
	certBag struct {
		ID    asn1.ObjectIdentifier
		Value []byte `asn1:"tag:0,explicit"`
	}
	encryptedPrivateKeyInfo struct {
		Algorithm pkix.AlgorithmIdentifier
		Data      []byte
	}
	pbes2Params  struct{ KDF, Scheme pkix.AlgorithmIdentifier }
	pbkdf2Params struct {
		Salt       []byte
		Iterations int
		PRF        pkix.AlgorithmIdentifier
	}
)

// encodePFX writes a key in PKCS #8 and its certificate, with those behind it. The key is encrypted, and the whole has an HMAC, both
// under the password.
func encodePFX(key []byte, certs []*x509.Certificate, password string) ([]byte, error) {
	e := &encoder{}
	id := sha1.Sum(certs[0].Raw) // only says which certificate the key is of
	attributes := []attribute{
		{oidFriendlyName, []asn1.RawValue{{Tag: asn1.TagBMPString, Bytes: bmp(purpose)}}},
		{oidLocalKeyID, []asn1.RawValue{{Tag: asn1.TagOctetString, Bytes: id[:]}}},
	}
	var certBags []safeBag
	for i, cert := range certs {
		bag := safeBag{ID: oidCertBag, Value: explicit(e.der(certBag{oidX509Certificate, cert.Raw}))}
		if i == 0 {
			bag.Attributes = attributes
		}
		certBags = append(certBags, bag)
	}
	shrouded, err := encryptKey(key, password)
	if err != nil {
		return nil, err
	}
	keyBags := []safeBag{{oidShroudedKeyBag, explicit(shrouded), attributes}}
	safe := e.der([]contentInfo{{oidData, e.der(certBags)}, {oidData, e.der(keyBags)}})

	salt := random(16)
	mac := hmac.New(sha256.New, integrityKey(password, salt, integrityIterations))
	mac.Write(safe)
	out := e.der(pfx{3, contentInfo{oidData, safe}, macData{
		digestInfo{pkix.AlgorithmIdentifier{Algorithm: oidSHA256, Parameters: asn1Null}, mac.Sum(nil)}, salt, integrityIterations,
	}})
	return out, e.err
}

// encryptKey writes an EncryptedPrivateKeyInfo (RFC 5958, section 3) by PBES2.
func encryptKey(key []byte, password string) ([]byte, error) {
	e := &encoder{}
	salt, iv := random(16), random(aes.BlockSize)
	secret, err := pbkdf2.Key(sha256.New, password, salt, keyIterations, 32)
	if err != nil {
		return nil, fmt.Errorf("cannot encrypt the key: %w", err)
	}
	block, err := aes.NewCipher(secret)
	if err != nil {
		return nil, fmt.Errorf("cannot encrypt the key: %w", err)
	}
	padding := aes.BlockSize - len(key)%aes.BlockSize // RFC 8018, section 6.1.1: as many octets, of that value
	data := append([]byte{}, key...)
	for range padding {
		data = append(data, byte(padding))
	}
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(data, data)

	kdf := e.der(pbkdf2Params{salt, keyIterations, pkix.AlgorithmIdentifier{Algorithm: oidHMACWithSHA256, Parameters: asn1Null}})
	params := e.der(pbes2Params{
		pkix.AlgorithmIdentifier{Algorithm: oidPBKDF2, Parameters: raw(kdf)},
		pkix.AlgorithmIdentifier{Algorithm: oidAES256CBC, Parameters: asn1.RawValue{Tag: asn1.TagOctetString, Bytes: iv}},
	})
	out := e.der(encryptedPrivateKeyInfo{pkix.AlgorithmIdentifier{Algorithm: oidPBES2, Parameters: raw(params)}, data})
	return out, e.err
}

// integrityKey derives the key of the HMAC (RFC 7292, appendix B.2, for ID 3). SHA-256 has as many octets as the key needs, so one
// block does.
func integrityKey(password string, salt []byte, iterations int) []byte {
	const v = sha256.BlockSize
	var input []byte
	for range v {
		input = append(input, 3)
	}
	input = append(input, repeat(salt, v)...)
	input = append(input, repeat(append(bmp(password), 0, 0), v)...)
	sum := sha256.Sum256(input)
	for range iterations - 1 {
		sum = sha256.Sum256(sum[:])
	}
	return sum[:]
}

// repeat repeats b up to the next multiple of n octets.
func repeat(b []byte, n int) []byte {
	out := make([]byte, (len(b)+n-1)/n*n)
	for i := range out {
		out[i] = b[i%len(b)]
	}
	return out
}

// bmp encodes text as a BMPString does.
func bmp(text string) (out []byte) {
	for _, unit := range utf16.Encode([]rune(text)) {
		out = binary.BigEndian.AppendUint16(out, unit)
	}
	return out
}

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b) // never fails
	return b
}

func raw(der []byte) asn1.RawValue { return asn1.RawValue{FullBytes: der} }

// explicit gives a value the tag [0]. Package encoding/asn1 ignores the tag of a field that has an encoded value.
func explicit(der []byte) asn1.RawValue {
	return asn1.RawValue{Class: asn1.ClassContextSpecific, IsCompound: true, Bytes: der}
}

// encoder remembers the first error, so that a structure can be written as one expression.
type encoder struct{ err error }

func (e *encoder) der(v any) []byte {
	out, err := asn1.Marshal(v)
	if err != nil && e.err == nil {
		e.err = fmt.Errorf("cannot encode the certificate: %w", err)
	}
	return out
}
