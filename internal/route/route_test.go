package route

import "testing"

func TestHostPatternsMatchAsDocumented(t *testing.T) {
	for _, tt := range []struct {
		pattern, host string
		want          bool
		why           string
	}{
		{"", "a.example", true, "no pattern is any host"},
		{"*", "", true, "also a request without one"},
		{"a.example", "A.EXAMPLE", true, "names have no case"},
		{"a.example", "b.a.example", false, "a name is not its sub-domains"},
		{"*.example", "a.example", true, "one label below"},
		{"*.example", "b.a.example", true, "or several"},
		{"*.example", "example", false, "but not the name itself"},
		{"*.example", "notexample", false, "and only at a dot"},
	} {
		if got := MatchHost(tt.pattern, tt.host); got != tt.want {
			t.Errorf("MatchHost(%q, %q) = %v: %s", tt.pattern, tt.host, got, tt.why)
		}
	}
	if !(Specificity("a.example") > Specificity("*.b.example") && Specificity("*.b.example") > Specificity("*.example") && Specificity("*.example") > Specificity("")) {
		t.Error("an exact name comes before wildcards, the longer of which before the shorter, and any host last")
	}
}

func TestHostnameCutsPortAndBrackets(t *testing.T) {
	for in, want := range map[string]string{"a:80": "a", "a": "a", "a.": "a", "a.:80": "a", "[::1]:80": "::1", "[::1]": "::1", "": ""} {
		if got := Hostname(in); got != want {
			t.Errorf("Hostname(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestPrefixesEndAtSegments(t *testing.T) {
	for _, tt := range []struct {
		path, prefix string
		want         bool
		why          string
	}{
		{"/shop", "/shop", true, "the prefix itself"},
		{"/shop/a", "/shop", true, "below it"},
		{"/SHOP/a", "/shop", true, "ignoring case"},
		{"/shopping", "/shop", false, "not in the middle of a segment"},
		{"", "/", true, "an asterisk-form request has no path and belongs to the root"},
	} {
		if got := Under(tt.path, tt.prefix); got != tt.want {
			t.Errorf("Under(%q, %q) = %v: %s", tt.path, tt.prefix, got, tt.why)
		}
	}
}
