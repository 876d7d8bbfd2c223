//go:build !linux && !darwin && !windows

package devcert

// stores returns none: Lanner knows no store of this system. Programs can be given the authority's file.
func (m *machine) stores() []store { return nil }
