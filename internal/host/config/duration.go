package config

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// duration is the codec of a time span in Go's form. zero, when not "", is what 0 means; otherwise 0 is refused.
func duration(high time.Duration, zero string) *word[time.Duration] {
	what := "a duration such as 90s, 20m or 1h30m"
	if zero != "" {
		what += ", or 0 for " + zero
	}
	return &word[time.Duration]{
		what: what, example: "20m", tags: []string{"!!int", "!!float"},
		parse: func(text string) (time.Duration, *complaint) {
			v, err := time.ParseDuration(text)
			switch {
			case err != nil:
				return 0, durationComplaint(text)
			case v < 0:
				return 0, &complaint{"is negative", "write " + what}
			case v == 0 && zero == "":
				return 0, &complaint{"is not long enough", "write a duration above 0, such as 30s"}
			case v > high:
				return 0, &complaint{"is too long", "write at most " + formatDuration(high)}
			}
			return v, nil
		},
		format: formatDuration,
		shape: schema{"anyOf": []schema{
			{"type": "string", "pattern": `^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$|^0$|\$\{`},
			{"const": 0},
		}},
	}
}

var (
	spelledDuration = regexp.MustCompile(`^([0-9]{1,6}) *([a-zA-Z]+)$`)
	clockDuration   = regexp.MustCompile(`^([0-9]{1,4}):([0-9]{2}):([0-9]{2})$`)
	durationUnits   = map[string]time.Duration{
		"ms": time.Millisecond, "msec": time.Millisecond, "millisecond": time.Millisecond,
		"s": time.Second, "sec": time.Second, "second": time.Second,
		"m": time.Minute, "min": time.Minute, "minute": time.Minute,
		"h": time.Hour, "hr": time.Hour, "hour": time.Hour,
		"d": 24 * time.Hour, "day": 24 * time.Hour,
	}
)

// durationComplaint guesses what was meant by the ways in which other systems write a duration.
func durationComplaint(text string) *complaint {
	if _, err := strconv.ParseUint(text, 10, 64); err == nil {
		return &complaint{"is not a duration: it has no unit", fmt.Sprintf("write %ss for seconds, %sm for minutes or %sh for hours", text, text, text)}
	}
	if m := clockDuration.FindStringSubmatch(text); m != nil {
		v, _ := time.ParseDuration(m[1] + "h" + m[2] + "m" + m[3] + "s")
		return &complaint{"is not a duration", "write " + formatDuration(v)}
	}
	if m := spelledDuration.FindStringSubmatch(text); m != nil {
		n, _ := strconv.Atoi(m[1])
		unit := strings.ToLower(m[2])
		if one, ok := durationUnits[strings.TrimSuffix(unit, "s")]; ok {
			return &complaint{"is not a duration", "write " + formatDuration(time.Duration(n)*one)}
		}
		if one, ok := durationUnits[unit]; ok {
			return &complaint{"is not a duration", "write " + formatDuration(time.Duration(n)*one)}
		}
	}
	return &complaint{"is not a duration", "write a duration such as 90s, 20m or 1h30m"}
}

// formatDuration writes 20m for what Duration.String writes as 20m0s.
func formatDuration(v time.Duration) string {
	if v == 0 {
		return "0"
	}
	text := v.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

var timeOfDayForm = regexp.MustCompile(`^([01][0-9]|2[0-3]):([0-5][0-9])$`)

// timeOfDay is the codec of hours and minutes.
func timeOfDay() *word[TimeOfDay] {
	return &word[TimeOfDay]{
		what: "a time of day from 00:00 to 23:59", example: "03:00",
		parse: func(text string) (TimeOfDay, *complaint) {
			if !timeOfDayForm.MatchString(text) {
				return 0, &complaint{"is not a time of day", "write hours and minutes with two digits each, such as 03:00"}
			}
			hours, _ := strconv.Atoi(text[:2])
			minutes, _ := strconv.Atoi(text[3:])
			return TimeOfDay(hours*60 + minutes), nil
		},
		format: TimeOfDay.String,
		shape:  schema{"type": "string", "pattern": timeOfDayForm.String() + `|\$\{`},
	}
}
