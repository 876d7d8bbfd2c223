package config

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxFileSize bounds the file: a configuration of a thousand sites stays far below.
const maxFileSize = 1 << 20

// source is the text of a file, cut into lines as YAML cuts them. Lines and columns count from 1, columns in characters.
type source struct {
	name  string
	lines []line
}

// line is one line. A JSON document may be one line of the largest size, so nothing here may take time for each column.
type line struct {
	text   string
	starts []int32 // where each character begins; nil when all are ASCII, so that they begin at their column
	hidden []span  // what snippets do not show
}

// span is a range of columns, the last one excluded.
type span struct{ from, to int }

// lineBreak is YAML's: https://yaml.org/spec/1.1/#b-break, which the parser follows when it counts lines.
var lineBreak = regexp.MustCompile("\r\n|[\r\n\u0085\u2028\u2029]")

// secretWord finds values that are likely secrets by the name in front of them.
var secretWord = regexp.MustCompile(`(?i)(passw(or)?d|secret|token|credential|api[-_]?key|private[-_]?key)\w*["']?\s*[:=]\s*`)

const byteOrderMark = "\ufeff"

func newSource(name string, data []byte) *source {
	text := strings.TrimPrefix(string(data), byteOrderMark)
	s := &source{name: name}
	for _, text := range lineBreak.Split(text, -1) {
		s.lines = append(s.lines, newLine(text))
	}
	return s
}

func newLine(text string) line {
	l := line{text: text}
	if strings.IndexFunc(text, func(r rune) bool { return r >= utf8.RuneSelf }) >= 0 {
		for i := range text {
			l.starts = append(l.starts, int32(i))
		}
	}
	if found := secretWord.FindStringIndex(text); found != nil {
		l.hidden = append(l.hidden, span{utf8.RuneCountInString(text[:found[1]]) + 1, l.end()})
	}
	return l
}

// end is the column behind the last character.
func (l *line) end() int {
	if l.starts != nil {
		return len(l.starts) + 1
	}
	return len(l.text) + 1
}

// cut returns the text between two columns, the last one excluded.
func (l *line) cut(from, to int) string { return l.text[l.offset(from):l.offset(to)] }

func (l *line) offset(column int) int {
	if column >= l.end() {
		return len(l.text)
	}
	column = max(column, 1)
	if l.starts != nil {
		return int(l.starts[column-1])
	}
	return column - 1
}

// at returns a line of the file, and an empty one for a number that is none.
func (s *source) at(number int) *line {
	if number < 1 || number > len(s.lines) {
		return &line{}
	}
	return &s.lines[number-1]
}

// from returns the rest of a line beginning at a column.
func (s *source) from(number, column int) string {
	l := s.at(number)
	return l.cut(column, l.end())
}

// inside moves a position into the file: the parser reports some mistakes one line behind the last.
func (s *source) inside(number, column int) (int, int) {
	if number < 1 {
		return 1, 1
	}
	if number > len(s.lines) {
		number, column = len(s.lines), s.lines[len(s.lines)-1].end()
	}
	return number, max(1, min(column, s.at(number).end()))
}

// hide keeps columns out of snippets. to 0 means up to the end of the line.
func (s *source) hide(number, from, to int) {
	l := s.at(number)
	if to == 0 {
		to = l.end()
	}
	l.hidden = append(l.hidden, span{from, to})
}

const snippetWidth = 120

// snippet returns a line with a mark of the given width under a column, cut around the column when the line is long.
func (s *source) snippet(number, column, width int) string {
	l := s.at(number)
	start := 1
	if column > snippetWidth*3/4 {
		start = column - snippetWidth/2
	}
	end := min(l.end(), start+snippetWidth)
	text, before := l.shown(start, end), l.shown(start, min(column, end))
	if start > 1 {
		text, before = "…"+text, "…"+before
	}
	if end < l.end() {
		text += "…"
	}
	pad := strings.Map(func(r rune) rune {
		if r == '\t' {
			return r
		}
		return ' '
	}, before)
	gutter := fmt.Sprintf("%4d", number)
	mark := strings.Repeat("^", max(1, min(width, end-column)))
	return strings.TrimRight(gutter+" | "+text, " ") + "\n" + strings.Repeat(" ", len(gutter)) + " | " + pad + mark
}

// shown returns a part of a line with what is hidden replaced by stars, and without characters that a terminal acts on.
func (l *line) shown(from, to int) string {
	column := from - 1
	return strings.Map(func(r rune) rune {
		column++
		switch {
		case l.hides(column) && !unicode.IsSpace(r):
			return '*'
		case r != '\t' && !unicode.IsPrint(r):
			return unicode.ReplacementChar
		}
		return r
	}, l.cut(from, to))
}

func (l *line) hides(column int) bool {
	for _, s := range l.hidden {
		if column >= s.from && column < s.to {
			return true
		}
	}
	return false
}

// encodingProblem looks for what is not UTF-8 text, which the parser reports without a position.
func (s *source) encodingProblem(data []byte) (number, column int, message, hint string) {
	if bytes.HasPrefix(data, []byte{0xff, 0xfe}) || bytes.HasPrefix(data, []byte{0xfe, 0xff}) {
		return 1, 1, "the file is UTF-16", "save it as UTF-8"
	}
	for i, l := range s.lines {
		column := 0
		for at, r := range l.text {
			column++
			if r == utf8.RuneError && !strings.HasPrefix(l.text[at:], string(utf8.RuneError)) {
				return i + 1, column, fmt.Sprintf("octet 0x%02x is not valid UTF-8", l.text[at]), "save the file as UTF-8"
			}
			if r < ' ' && r != '\t' || r == 0xfffe || r == 0xffff {
				return i + 1, column, fmt.Sprintf("control character U+%04X is not allowed", r), `remove it, or write it as an escape in double quotes, such as "\x1b"`
			}
		}
	}
	return 0, 0, "", ""
}
