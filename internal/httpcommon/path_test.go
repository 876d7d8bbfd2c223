package httpcommon

import "testing"

func TestCleanPathDecodesAndRemovesDotSegments(t *testing.T) {
	for _, tt := range []struct{ raw, want, why string }{
		{"/a/b", "/a/b", "nothing to do"},
		{"/a/../b", "/b", "a parent segment takes one away"},
		{"/../../b", "/b", "never above the root"},
		{"/a/.", "/a/", "a dot at the end leaves its slash"},
		{"/a/..", "/", "so do two"},
		{"/a//b", "/a//b", "empty segments stay"},
		{"/%2e%2e/b", "/b", "segments are removed after decoding"},
		{"/a%2Fb", "/a%2Fb", "an encoded slash stays encoded"},
		{"/%252F", "/%2F", "decoding happens once"},
		{"/%%2000", "/% 00", "an invalid escape stays as it is"},
		{"/%C3%A9", "/é", "UTF-8 is decoded"},
		{"/%C3", "/%C3", "half a sequence stays"},
		{"/%ED%A0%80", "/%ED%A0%80", "surrogates stay"},
		{"/.a/..b/...", "/.a/..b/...", "names that begin with dots are names"},
	} {
		if got := CleanPath(tt.raw); got != tt.want {
			t.Errorf("CleanPath(%q) = %q, want %q: %s", tt.raw, got, tt.want, tt.why)
		}
	}
}
