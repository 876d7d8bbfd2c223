package editdistance

import "testing"

func TestBetweenCountsMistakes(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want int
		why  string
	}{
		{"", "", 0, "nothing differs"},
		{"pool", "pool", 0, "equal words"},
		{"pol", "pool", 1, "a letter is missing"},
		{"pooll", "pool", 1, "a letter too many"},
		{"pppl", "pool", 2, "two letters differ"},
		{"hostign", "hosting", 1, "two neighbours are swapped"},
		{"", "abc", 3, "all of it is missing"},
	} {
		if got := Between([]rune(tt.a), []rune(tt.b)); got != tt.want {
			t.Errorf("Between(%q, %q) = %d, want %d: %s", tt.a, tt.b, got, tt.want, tt.why)
		}
	}
}

func TestNearestForgivesOneLetterInThree(t *testing.T) {
	names := []string{"Limits", "Endpoints"}
	for word, want := range map[string]string{"limit": "Limits", "LIMITS": "Limits", "endpionts": "Endpoints", "compat": "", "": ""} {
		if got := Nearest(word, names); got != want {
			t.Errorf("%q is taken for %q, want %q", word, got, want)
		}
	}
}
