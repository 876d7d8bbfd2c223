// Package process runs the programs of the host: it starts them, captures what
// they print, tells when and how they ended, stops them step by step, and sees
// to it that nothing they started outlives the host.
//
// A [Supervisor] is one per host. Start gives a [Process], the root of a tree of
// operating system processes; Kill, Stats and Tree speak of that whole tree, not
// of its first member. Output from the tree goes line by line to an [Output]:
// a short memory for start-failure pages, followers for "lanner logs -f", and a
// rotating file.
//
// What holds on which system, and why, is in DESIGN.md.
package process
