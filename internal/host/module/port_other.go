//go:build !linux

package module

// candidatePorts leaves out the dynamic range of RFC 6335, section 6, from which
// Windows and macOS choose.
func candidatePorts() []portRange {
	return outside([]portRange{{49152, 65535}})
}
