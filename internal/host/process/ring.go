package process

import (
	"slices"
	"strings"
)

// lineCost is counted for each line besides its text, so that a flood of empty
// lines is bounded too.
const lineCost = 16

// ring remembers the last lines up to a size. It is a slice whose head moves; the
// dead part before it is dropped when it is the larger one.
type ring struct {
	all  []Line
	head int
	size int
}

func (r *ring) add(l Line, limit int) {
	if limit < 0 {
		return
	}
	if keep := max(limit-lineCost, 0); len(l.Text) > keep {
		// The end of a line says more than its beginning, as with the whole tail.
		l.Text = strings.Clone(l.Text[len(l.Text)-keep:])
	}
	r.all = append(r.all, l)
	r.size += len(l.Text) + lineCost
	for r.size > limit && r.head < len(r.all)-1 {
		r.size -= len(r.all[r.head].Text) + lineCost
		r.all[r.head] = Line{}
		r.head++
	}
	if r.head > len(r.all)/2 {
		r.all = slices.Delete(r.all, 0, r.head)
		r.head = 0
	}
}

func (r *ring) lines() []Line { return slices.Clone(r.all[r.head:]) }
