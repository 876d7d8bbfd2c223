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

// Nearest returns the name that was most likely meant by word, or "".
func Nearest(word string, names []string) string { return editdistance.Nearest(word, names) }
