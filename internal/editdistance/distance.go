// Package editdistance compares words, for messages that name what was probably meant.
package editdistance

import "strings"

// Between is the number of letters to insert, remove, change or swap with their neighbour to make b of a (the optimal
// string alignment distance).
func Between(a, b []rune) int {
	var before []int
	last := make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range a {
		row := make([]int, len(b)+1)
		row[0] = i + 1
		for j := range b {
			change := last[j]
			if a[i] != b[j] {
				change++
			}
			row[j+1] = min(change, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}

// Nearest returns the name that was most likely meant by word, or "". Case does not count as a mistake; otherwise about
// one letter in three may be wrong.
func Nearest(word string, names []string) string {
	const longest = 64 // bounds the work, since the word comes from outside
	typed := []rune(strings.ToLower(word))
	typed = typed[:min(len(typed), longest)]
	best, bestDistance := "", 1+(len(typed)+1)/3
	for _, name := range names {
		if d := Between(typed, []rune(strings.ToLower(name))); d < bestDistance {
			best, bestDistance = name, d
		}
	}
	return best
}
