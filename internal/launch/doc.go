// Package launch is "lanner run": it finds the program that was meant, builds it if it is a Go program, starts it as a launch
// profile says, and stays with it until it ends.
//
// [Run] is the whole of it, in the order of the files: target.go (what to run), profile.go (how), environment.go (with which
// variables), build.go, process.go (start, signals, end). DESIGN.md says who gets which signal and why.
package launch
