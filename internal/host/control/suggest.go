package control

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lannerhq/lanner/internal/editdistance"
)

// DidYouMean returns a hint for a word that is none of names: the nearest name, or all of them when none is near.
// It is empty when there are no names.
func DidYouMean(word string, names []string) string {
	if near := Nearest(word, names); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	if len(names) == 0 {
		return ""
	}
	sorted := slices.Clone(names)
	slices.Sort(sorted)
	return "there is " + strings.Join(sorted, ", ")
}

// Nearest returns the name that was most likely meant by word, or "". Case does not count as a mistake; otherwise about
// one letter in three may be wrong.
func Nearest(word string, names []string) string {
	const longest = 64 // bounds the work, since the word comes from outside
	typed := []rune(strings.ToLower(word))
	typed = typed[:min(len(typed), longest)]
	best, bestDistance := "", 1+(len(typed)+1)/3
	for _, name := range names {
		if d := editdistance.Between(typed, []rune(strings.ToLower(name))); d < bestDistance {
			best, bestDistance = name, d
		}
	}
	return best
}
