package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// colour is an SGR sequence (ECMA-48).
type colour string

const (
	plain  colour = ""
	red    colour = "\x1b[31m"
	green  colour = "\x1b[32m"
	yellow colour = "\x1b[33m"
	dim    colour = "\x1b[2m"
	bold   colour = "\x1b[1m"
)

const colourEnd = "\x1b[0m"

// painter colours text, or does not.
type painter bool

// painter returns one that colours if w is a terminal and nobody has objected (no-color.org).
func (a *app) painter(w io.Writer) painter {
	f, ok := w.(*os.File)
	return painter(ok && !a.noColor && a.getenv("NO_COLOR") == "" && a.getenv("TERM") != "dumb" && isTerminal(f))
}

func (p painter) paint(c colour, text string) string {
	if !p || c == plain || text == "" {
		return text
	}
	return string(c) + text + colourEnd
}

// printJSON writes the one JSON document of a command.
func (a *app) printJSON(v any) error {
	enc := json.NewEncoder(a.stdout)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// printf writes to standard output. An error there, such as a closed pipe, shows at the latest when the program ends, and
// there is nobody left to tell.
func (a *app) printf(format string, args ...any) { fmt.Fprintf(a.stdout, format, args...) }

// ago puts a duration in seconds as people say it, in two units at most.
func ago(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second)).Round(time.Second)
	switch days := int(d / (24 * time.Hour)); {
	case days > 0:
		return fmt.Sprintf("%dd%dh", days, int(d/time.Hour)%24)
	case d >= time.Hour:
		return fmt.Sprintf("%dh%dm", int(d/time.Hour), int(d/time.Minute)%60)
	}
	return d.String()
}

// size puts a number of bytes as people say it.
func size(n int64) string {
	if n < 1<<10 {
		return fmt.Sprintf("%dB", n)
	}
	value, unit := float64(n), 0
	for ; value >= 1024 && unit < 4; unit++ {
		value /= 1024
	}
	return fmt.Sprintf("%.3g%ciB", value, "KMGT"[unit-1])
}

// printable makes a line that a program printed safe for a terminal: no control characters, which could move the cursor or
// change its title. Colours stay where colours are wanted.
func printable(line string, colours painter) string {
	line = strings.ToValidUTF8(line, "\uFFFD") // a single 0x9B begins a sequence on some terminals
	var b strings.Builder
	for i := 0; i < len(line); i++ {
		c := line[i]
		if n := sgrLength(line[i:]); n > 0 {
			if colours {
				b.WriteString(line[i : i+n])
			}
			i += n - 1
			continue
		}
		// 0xC2 0x80 to 0xC2 0x9F are control characters too (C1).
		c1 := c == 0xC2 && i+1 < len(line) && line[i+1] >= 0x80 && line[i+1] <= 0x9F
		switch {
		case c1:
			b.WriteRune('\uFFFD')
			i++
		case c < ' ' && c != '\t' || c == 0x7F:
			b.WriteRune('\uFFFD')
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// sgrLength returns the length of the colour sequence that begins s, or 0.
func sgrLength(s string) int {
	if !strings.HasPrefix(s, "\x1b[") {
		return 0
	}
	end := strings.IndexFunc(s[2:], func(r rune) bool { return (r < '0' || r > '9') && r != ';' && r != ':' })
	if end < 0 || s[2+end] != 'm' {
		return 0
	}
	return 2 + end + 1
}
