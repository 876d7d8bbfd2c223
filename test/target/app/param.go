package app

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// param returns the first query parameter with that name, decoded, and whether it is there.
func param(rawQuery, name string) (string, bool) {
	for pair := range strings.SplitSeq(rawQuery, "&") {
		key, value, _ := strings.Cut(pair, "=")
		if key != name {
			continue
		}
		if decoded, err := url.QueryUnescape(value); err == nil {
			return decoded, true
		}
		return value, true
	}
	return "", false
}

// number returns a query parameter that is a whole number of least or more; 0 when it is left out.
func number(rawQuery, name string, least int64) (int64, error) {
	text, found := param(rawQuery, name)
	if !found {
		return 0, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < least {
		return 0, fmt.Errorf("%s=%q is not a whole number of %d or more", name, text, least)
	}
	return n, nil
}

// milliseconds is number for a time to wait: at most an hour.
func milliseconds(rawQuery, name string) (int64, error) {
	n, err := number(rawQuery, name, 0)
	if err == nil && n > 3_600_000 {
		err = fmt.Errorf("%s=%d is more than an hour", name, n)
	}
	return n, err
}
