package handover

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestTheTokenReachesNoLog(t *testing.T) {
	hello := Hello{Site: "main", Token: "hunter2"}
	var logged bytes.Buffer
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("greeted", "hello", &hello, "token", hello.Token)
	slog.New(slog.NewTextHandler(&logged, nil)).Info("greeted", "hello", &hello, "token", hello.Token)
	fmt.Fprintf(&logged, "%v %+v %#v %s %q", hello, &hello, hello, hello.Token, hello.Token)
	text, err := json.Marshal(hello)
	if err != nil {
		t.Fatal(err)
	}
	logged.Write(text)
	if strings.Contains(logged.String(), "hunter2") {
		t.Errorf("the token was printed:\n%s", logged.String())
	}
	if !strings.Contains(logged.String(), redacted) {
		t.Error("nothing shows that a token was left out")
	}
}

func TestSecretsAreEqualWhenTheyAreTheSameAndNotEmpty(t *testing.T) {
	tests := []struct {
		a, b Secret
		want bool
	}{
		{"x", "x", true},
		{"x", "y", false},
		{"x", "xx", false},
		{"", "", false},
		{"", "x", false},
	}
	for _, tt := range tests {
		if got := tt.a.Equal(tt.b); got != tt.want {
			t.Errorf("%q equals %q: %v, want %v", string(tt.a), string(tt.b), got, tt.want)
		}
	}
}

func TestAVersionIsReadAsItIsWritten(t *testing.T) {
	var v Version
	if err := v.UnmarshalText([]byte("2.17")); err != nil || v != (Version{2, 17}) {
		t.Errorf("2.17 is read as %v, %v", v, err)
	}
	for _, wrong := range []string{"", "1", "1.", "1.0 ", "01.0", "1.0.0", "256.0", "-1.0", "a.b"} {
		if err := v.UnmarshalText([]byte(wrong)); err == nil {
			t.Errorf("%q was read as version %s", wrong, v)
		}
	}
}

func TestKindsAndSidesHaveNames(t *testing.T) {
	if got := KindConn.String() + " " + Kind(200).String(); got != "CONN kind 200" {
		t.Errorf("got %q", got)
	}
	if got := Host.String() + " " + Worker.String() + " " + Side(0).String(); got != "host worker other side" {
		t.Errorf("got %q", got)
	}
	for k, info := range kinds {
		if got := info.make().Kind(); got != k {
			t.Errorf("kind %d makes a message of kind %d", k, got)
		}
	}
}

func TestTicketKeysAreNotPrinted(t *testing.T) {
	m := &TicketKeys{Credential: 3, Keys: [][32]byte{{0xde, 0xad, 0xbe, 0xef}}}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if text := fmt.Sprintf(verb, m); text != "1 ticket keys of credential 3" {
			t.Errorf("%s prints %q", verb, text)
		}
	}
}
