package config

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
)

// boolean is the codec of true and false.
func boolean() *word[bool] {
	return &word[bool]{
		what: "true or false", example: "true", tags: []string{"!!bool"}, notText: true,
		parse: func(text string) (bool, *complaint) {
			switch strings.ToLower(text) {
			case "true":
				return true, nil
			case "false":
				return false, nil
			case "yes", "on":
				return false, &complaint{"is not a truth value", "write true"}
			case "no", "off":
				return false, &complaint{"is not a truth value", "write false"}
			}
			return false, &complaint{"is not a truth value", "write true or false"}
		},
		shape: orExpansion(schema{"type": "boolean"}),
	}
}

// integer is the codec of a whole number in a range. off, when not "", is the word for [Unlimited].
func integer[V int | int64](low, high int64, off string) *word[V] {
	what := fmt.Sprintf("a whole number from %d to %d", low, high)
	if high == math.MaxInt64 || high == math.MaxInt32 {
		what = fmt.Sprintf("a whole number from %d", low)
	}
	shape := schema{"type": "integer", "minimum": low}
	if high != math.MaxInt64 {
		shape["maximum"] = high
	}
	if off != "" {
		what += ", or " + off
		shape = schema{"anyOf": []schema{shape, {"const": off}}}
	}
	return &word[V]{
		what: what, example: strconv.FormatInt(low, 10), tags: []string{"!!int"}, notText: true, off: off,
		parse: func(text string) (V, *complaint) {
			if off != "" && text == off {
				return Unlimited, nil
			}
			if !digits.MatchString(text) {
				return 0, &complaint{"is not a whole number", "write " + what + ", in plain digits"}
			}
			if n, err := strconv.ParseInt(text, 10, 64); err == nil && n >= low && n <= high {
				return V(n), nil
			}
			return 0, &complaint{"is out of range", "write " + what}
		},
		format: func(v V) string {
			if off != "" && v == Unlimited {
				return off
			}
			return strconv.FormatInt(int64(v), 10)
		},
		shape: orExpansion(shape),
	}
}

// digits is a number with one meaning: no leading zero, which YAML 1.1 reads as octal, no sign but minus, no underscore.
var digits = regexp.MustCompile(`^-?(0|[1-9][0-9]*)$`)
