package kestrel

import (
	"fmt"
	"io/fs"
	"math"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/lannerhq/lanner/internal/jsonc"
	"github.com/lannerhq/lanner/server"
)

var (
	durationType = reflect.TypeFor[time.Duration]()
	modeType     = reflect.TypeFor[fs.FileMode]()

	certificateType  = reflect.TypeFor[Certificate]()
	certificatesType = reflect.TypeFor[Certificates]()
	clientModeType   = reflect.TypeFor[ClientCertificateMode]()
)

// setNone makes v mean that there is no limit.
func setNone(v reflect.Value) {
	switch {
	case v.Type() == rateType:
		v.Set(reflect.ValueOf(server.DataRate{BytesPerSecond: None}))
	case v.CanInt():
		v.SetInt(None)
	default:
		v.SetZero()
	}
}

// setScalar sets v from a text, a number, or true or false. Quotes do not matter where there is no doubt: variables have
// none. It returns what is wrong, to be said after the option's name, and the way out.
func setScalar(v reflect.Value, n *node, row *option) (message, hint string) {
	switch {
	case n.kind == jsonc.Object || n.kind == jsonc.Array:
		return fmt.Sprintf("must not be %s", n.kind), ""
	case v.Type() == durationType:
		return setDuration(v, n, row)
	case v.Type() == modeType:
		return setMode(v, n)
	case v.Kind() == reflect.Bool:
		b, err := strconv.ParseBool(strings.ToLower(n.value))
		if err != nil || n.kind == jsonc.Number {
			return fmt.Sprintf("is %q: it must be true or false", n.value), ""
		}
		v.SetBool(b)
	case v.Kind() == reflect.String:
		if n.kind != jsonc.Text && row.secret {
			return fmt.Sprintf("must be a text, not %s", n.kind), "put it in quotes"
		}
		if n.kind != jsonc.Text {
			return fmt.Sprintf("must be a text, not %s", n.kind), fmt.Sprintf("write %q", n.value)
		}
		v.SetString(n.value)
	case v.CanInt():
		return setInt(v, n, row)
	case v.CanUint():
		u, err := strconv.ParseUint(n.value, 10, v.Type().Bits())
		if err != nil || n.kind == jsonc.Bool || u == 0 {
			return fmt.Sprintf("is %s: it must be a whole number from 1 to %d", n.value, uint64(math.MaxUint64)>>(64-v.Type().Bits())), ""
		}
		v.SetUint(u)
	case v.CanFloat():
		f, err := strconv.ParseFloat(n.value, 64)
		if err != nil || n.kind == jsonc.Bool || math.IsNaN(f) || math.IsInf(f, 0) || f <= 0 {
			return fmt.Sprintf("is %s: it must be a number above 0", n.value), ""
		}
		v.SetFloat(f)
	default:
		return "cannot be configured", "set it in code"
	}
	return "", ""
}

func setInt(v reflect.Value, n *node, row *option) (message, hint string) {
	i, err := strconv.ParseInt(n.value, 10, v.Type().Bits())
	switch {
	case err != nil || n.kind == jsonc.Bool:
		return fmt.Sprintf("is %s: it must be a whole number, at most %d", n.value, int64(1)<<(v.Type().Bits()-1)-1), ""
	case i == 0 && row.zero != "":
		i = Nothing
	case i <= 0:
		return fmt.Sprintf("is %d: it must be at least 1", i), row.nullHint()
	}
	v.SetInt(i)
	return "", ""
}

func setDuration(v reflect.Value, n *node, row *option) (message, hint string) {
	d, ok := parseDuration(n.value)
	switch {
	case !ok:
		hint = "write it as 90s, 2m10s or 00:02:10"
		if _, err := strconv.ParseFloat(n.value, 64); err == nil {
			hint = fmt.Sprintf("it has no unit: write %qs for seconds", n.value)
			hint = strings.Replace(hint, `"s`, `s"`, 1)
		}
		return fmt.Sprintf("is %q, which is not a duration", n.value), hint
	case d == infinite && row.null != "":
		d = None
	case d <= 0:
		return fmt.Sprintf("is %s: it must be more than 0", n.value), row.nullHint()
	}
	v.SetInt(int64(d))
	return "", ""
}

// infinite is how .NET writes that there is no end (Timeout.InfiniteTimeSpan).
const infinite = -time.Millisecond

// timeSpan is .NET's constant form: [-][d.]hh:mm[:ss[.fffffff]].
var timeSpan = regexp.MustCompile(`^(-)?(?:([0-9]{1,5})\.)?([0-9]{1,2}):([0-9]{1,2})(?::([0-9]{1,2})(\.[0-9]{1,7})?)?$`)

// parseDuration takes Go's form, 2m10s, and .NET's, 00:02:10.
func parseDuration(text string) (time.Duration, bool) {
	m := timeSpan.FindStringSubmatch(text)
	if m == nil {
		d, err := time.ParseDuration(text)
		return d, err == nil && text != "0"
	}
	part := func(s string, unit time.Duration, high int64) time.Duration {
		n, _ := strconv.ParseInt("0"+s, 10, 64)
		if n > high {
			m = nil
		}
		return time.Duration(n) * unit
	}
	fraction := part((strings.TrimPrefix(m[6], ".") + "0000000")[:7], 100*time.Nanosecond, 9999999)
	negative := m[1] != ""
	days, hours, minutes, seconds := m[2], m[3], m[4], m[5]
	d := part(days, 24*time.Hour, 36500) + part(hours, time.Hour, 23) + part(minutes, time.Minute, 59) + part(seconds, time.Second, 59) + fraction
	if negative {
		d = -d
	}
	return d, m != nil
}

// setMode takes the octal digits of a mode. A number of JSON is decimal, so it is refused.
func setMode(v reflect.Value, n *node) (message, hint string) {
	mode, err := strconv.ParseUint(n.value, 8, 32)
	if n.kind != jsonc.Text || err != nil {
		return fmt.Sprintf("is %s: it must be a text of octal digits", n.value), `write "0660"`
	}
	v.SetUint(mode)
	return "", ""
}

// completed fills in the half of a rate that was not said.
func completed(r server.DataRate) server.DataRate {
	if r.BytesPerSecond == 0 && r.Grace != 0 {
		r.BytesPerSecond = defaultRate
	}
	if r.BytesPerSecond > 0 && r.Grace == 0 {
		r.Grace = defaultGrace
	}
	return r
}
