//go:build race

package hsts

const raceEnabled = true
