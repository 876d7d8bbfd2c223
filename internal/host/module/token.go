package module

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
)

// tokenRedacted is what a token looks like wherever it is printed.
const tokenRedacted = "[token]"

// Token is the secret that pairs the host with one child: the child refuses
// requests without it, so that other users of the machine cannot go round the
// host. It prints as "[token]"; only Reveal gives it away. The zero value is no
// token.
type Token struct{ secret string }

// NewToken returns a random token of 128 bits, as 32 hexadecimal digits.
func NewToken() Token {
	var b [16]byte
	rand.Read(b[:]) // never fails
	return Token{hex.EncodeToString(b[:])}
}

// TokenFrom takes a token that somebody else has chosen.
func TokenFrom(secret string) Token { return Token{secret} }

// Reveal returns the token itself, for the child's environment and for request
// headers. It belongs into no log and no error.
func (t Token) Reveal() string { return t.secret }

// IsZero reports that there is no token.
func (t Token) IsZero() bool { return t.secret == "" }

// Equal compares in constant time. No token equals nothing.
func (t Token) Equal(s string) bool {
	return t.secret != "" && subtle.ConstantTimeCompare([]byte(t.secret), []byte(s)) == 1
}

// Format implements fmt.Formatter, for every verb.
func (t Token) Format(f fmt.State, _ rune) { io.WriteString(f, tokenRedacted) }

// String implements fmt.Stringer.
func (t Token) String() string { return tokenRedacted }

// LogValue implements slog.LogValuer.
func (t Token) LogValue() slog.Value { return slog.StringValue(tokenRedacted) }

// MarshalText implements encoding.TextMarshaler, and with it JSON.
func (t Token) MarshalText() ([]byte, error) { return []byte(tokenRedacted), nil }
