package config

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
)

// size is the codec of a number of bytes. off, when not "", is the word for [Unlimited].
func size(low int64, off string) *word[int64] {
	what := "a size such as 10MiB, 64KB or a number of bytes"
	if off != "" {
		what += ", or " + off
	}
	return &word[int64]{
		what: what, example: "10MiB", tags: []string{"!!int"},
		parse: func(text string) (int64, *complaint) {
			if off != "" && text == off {
				return Unlimited, nil
			}
			v, wrong := parseSize(text)
			if wrong == nil && v < low && off != "" {
				return 0, &complaint{"is too small", fmt.Sprintf("write at least %d, or %s", low, off)}
			}
			if wrong == nil && v < low {
				return 0, &complaint{"is too small", "write at least " + formatSize(low)}
			}
			return v, wrong
		},
		format: func(v int64) string {
			if off != "" && v == Unlimited {
				return off
			}
			return formatSize(v)
		},
		shape: sizeSchema(low, off),
	}
}

func sizeSchema(low int64, off string) schema {
	pattern := `^[0-9]+ ?(B|KB|MB|GB|TB|KiB|MiB|GiB|TiB)$|\$\{`
	if off != "" {
		pattern += "|^" + off + "$"
	}
	return schema{"anyOf": []schema{{"type": "integer", "minimum": low}, {"type": "string", "pattern": pattern}}}
}

var (
	sizeForm  = regexp.MustCompile(`^(0|[1-9][0-9]*) ?([A-Za-z]*)$`)
	sizeUnits = map[string]int64{
		"": 1, "B": 1, "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40,
	}
)

func parseSize(text string) (int64, *complaint) {
	m := sizeForm.FindStringSubmatch(text)
	if m == nil {
		return 0, &complaint{"is not a size", "write a size such as 512MiB, 64KB or a number of bytes"}
	}
	unit, ok := sizeUnits[m[2]]
	if !ok {
		return 0, &complaint{"is not a size: its unit is unknown", "write one of " + likelyUnits(m[1], m[2])}
	}
	n, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil || n > math.MaxInt64/unit {
		return 0, &complaint{"is too large", "write a size below 8388608TiB"}
	}
	return n * unit, nil
}

// likelyUnits lists the right spellings of a unit, after the number.
func likelyUnits(number, unit string) string {
	letter := strings.ToUpper(unit[:1])
	if strings.Contains("KMGT", letter) {
		return fmt.Sprintf("%s%siB (1024) or %s%sB (1000)", short(number), letter, short(number), letter)
	}
	return "B, KB, MB, GB, KiB, MiB or GiB after the number"
}

// formatSize writes a size with the largest binary unit that divides it.
func formatSize(v int64) string {
	for _, unit := range []string{"TiB", "GiB", "MiB", "KiB"} {
		if one := sizeUnits[unit]; v != 0 && v%one == 0 {
			return strconv.FormatInt(v/one, 10) + unit
		}
	}
	return strconv.FormatInt(v, 10)
}
